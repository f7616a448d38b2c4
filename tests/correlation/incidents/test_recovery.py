"""An incident is over when its traffic as a whole is back, whatever its detectors still suspect."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from correlation.incidents.harm import Harm
from correlation.incidents.recovery import Course, assess
from models.columns import Detected
from models.incident import Incident
from models.times import MINUTE_US, instant
from tests.correlation.builders import MORNING_US, RunResult, Trouble, World, queue, run, series

OPENED = instant(MORNING_US)
USERS = tuple(f"SUP-{number:02d}" for number in range(1, 7))
REQUESTS = {user: series(user, "to_dsp", "service_request") for user in USERS}
RESPONSES = {user: series(user) for user in USERS}
WORLD = World((*REQUESTS.values(), *RESPONSES.values()))


def storm(until: int | None, since: int = 30) -> Trouble:
    return Trouble("storm", REQUESTS["SUP-01"], since, until, observed=3000.0)


def loss(user: str, until: int | None, ends: int = 60) -> Trouble:
    """A victim whose traffic is back after `ends`, but whose finding lasts until `until`."""
    return Trouble("drop", RESPONSES[user], 31, until, observed=20.0, seen_after=2)


def revisions(result: RunResult) -> dict[str, list[Incident]]:
    """Every incident's records, in order."""
    by_key: dict[str, list[Incident]] = {}
    for record in result.incidents:
        by_key.setdefault(record.incident_id, []).append(record)
    return {key: records for key, records in by_key.items() if not records[-1].summary.startswith("Merged")}


def last(result: RunResult) -> Incident:
    (listed,) = (incident for incident in result.events() if incident.origin_user == "SUP-01")
    return listed


class Lingering(World):
    """The traffic of every series is back from minute 60 on, whatever is found."""

    def _count(self, key, minute):  # type: ignore[no-untyped-def]
        return 100.0 if minute >= 60 else super()._count(key, minute)


def test_what_lingers_at_one_series_holds_nothing_open() -> None:
    world = Lingering(WORLD.keys, (storm(61), loss("SUP-02", 61), loss("SUP-03", None)))
    result = run(world, range(180))
    incident = last(result)
    assert incident.status == "resolved"
    assert incident.ended_at is not None
    assert incident.resolved_at is not None
    assert abs(incident.ended_at - (OPENED + timedelta(minutes=60))) <= timedelta(minutes=2)
    assert incident.resolved_at <= OPENED + timedelta(minutes=75)
    assert {alert.status for alert in result.last().values()} == {"resolved"}


def test_a_relapse_reopens_it() -> None:
    again = Trouble("storm", REQUESTS["SUP-01"], 75, 100, observed=3000.0)

    class Relapse(Lingering):
        def _count(self, key, minute):  # type: ignore[no-untyped-def]
            return 3000.0 if key == REQUESTS["SUP-01"] and 75 < minute < 100 else super()._count(key, minute)

    result = run(Relapse(WORLD.keys, (storm(61), loss("SUP-03", None), again)), range(180))
    records = revisions(result)[last(result).incident_id]
    assert [record.status for record in records].count("resolved") >= 1
    assert "open" in [record.status for record in records[1:]]
    assert records[-1].status == "resolved"


def test_a_user_that_is_still_cut_off_holds_it_open() -> None:
    class Cut(Lingering):
        def _count(self, key, minute):  # type: ignore[no-untyped-def]
            return 0.0 if key == RESPONSES["SUP-03"] and minute > 31 else super()._count(key, minute)

    world = Cut(WORLD.keys, (storm(61), loss("SUP-02", 61), Trouble("silence", RESPONSES["SUP-03"], 31, None, observed=0.0)))
    result = run(world, range(120))
    assert any(records[-1].status != "resolved" for records in revisions(result).values())


def test_category_and_severity_never_fall_while_it_is_open() -> None:
    result = run(Lingering(WORLD.keys, (storm(61), *(loss(user, 61) for user in USERS[1:]))), range(120))
    for records in revisions(result).values():
        categories = [record.category for record in records]
        assert categories == sorted(categories, reverse=True)


def test_the_headline_is_the_storm_even_when_only_failures_are_left() -> None:
    failing = Trouble("failures", REQUESTS["SUP-01"], 31, None, observed=58.0, expected=1.5, evidence={"failure_ratio": 0.0968})
    result = run(Lingering(WORLD.keys, (storm(61), failing, loss("SUP-02", 61))), range(150))
    assert "storm" in last(result).summary


def test_a_timeline_has_at_most_25_lines() -> None:
    result = run(Lingering(WORLD.keys, (storm(61), *(loss(user, 61) for user in USERS[1:]))), range(120))
    for records in revisions(result).values():
        assert len(records[-1].timeline) <= 25
        assert any("Over. The trouble ended at" in line.text for line in records[-1].timeline)


@pytest.mark.parametrize(("name", "minutes"), [("waiting/60/own", 2), ("excess/60/own", 7)])
def test_an_empty_queue_is_over_sooner_than_traffic_that_is_estimated(name: str, minutes: int) -> None:
    """Traffic is averaged over three minutes and must have been back for five; a queue that is empty for two minutes is empty."""
    course, windows = Course(), [50_000.0] * 10
    for _ in range(3):
        assess(course, [Harm(name, MORNING_US + MINUTE_US * np.arange(10), np.array(windows), 1.0, {})], MORNING_US + 9 * MINUTE_US)
    over = None
    for minute in range(10, 25):
        windows.append(0.0)
        harm = Harm(name, MORNING_US + MINUTE_US * np.arange(len(windows)), np.array(windows), 1.0, {})
        if assess(course, [harm], MORNING_US + minute * MINUTE_US).over:
            over = minute
            break
    assert over == 10 + minutes


class Unreported(World):
    """Nothing reports the queues from minute 30 to 39."""

    def window(self, minute: int) -> Detected:
        window = super().window(minute)
        seen = np.full(len(window.queue_pulse.queues), minute not in range(30, 40))
        depth = window.queue_pulse.depth * seen
        return replace(window, queue_pulse=replace(window.queue_pulse, reported=seen, depth=depth))


def test_a_queue_that_nothing_reports_for_some_minutes_is_not_empty() -> None:
    waiting = Trouble("backlog", queue("SUP-01"), 5, observed=300_000.0, grows=1000.0)
    result = run(Unreported((*WORLD.keys, queue("SUP-01")), (waiting,)), range(45))
    assert {record.status for record in result.incidents} == {"open", "updated"}
    assert {record.phase for record in result.incidents} == {"growing"}


def test_victims_of_a_storm_that_is_over_suffer_from_the_queue_that_still_grows() -> None:
    """Their alerts come back within minutes: the storm's incident is not reopened by what another User's backlog does."""
    waiting = Trouble(
        "backlog", queue("SUP-06"), 20, None, observed=400_000.0, expected=100.0, grows=20_000.0, evidence={"growth_per_s": 300.0}
    )
    victims = USERS[1:5]
    again = [Trouble("drop", RESPONSES[user], 70, None, observed=20.0) for user in victims]

    class Overlaid(World):
        def _count(self, key, minute):  # type: ignore[no-untyped-def]
            return 100.0 if 60 <= minute <= 70 and not key.is_queue else super()._count(key, minute)

    keys = (*WORLD.keys, queue("SUP-06"))
    result = run(Overlaid(keys, (storm(61), *(loss(user, 61) for user in victims), waiting, *again)), range(95))
    statuses = [record.status for record in revisions(result)[last(result).incident_id]]
    assert "open" not in statuses[1:]
    assert statuses[-1] == "resolved"
    (backlog,) = (incident for incident in result.events() if incident.origin_user == "SUP-06")
    assert set(victims) <= set(backlog.affected_users)


def test_whoever_suffered_before_a_relapse_is_not_said_to_suffer_now() -> None:
    class Relapse(Lingering):
        def _count(self, key, minute):  # type: ignore[no-untyped-def]
            return 3000.0 if key == REQUESTS["SUP-01"] and 72 < minute < 100 else super()._count(key, minute)

    again = Trouble("storm", REQUESTS["SUP-01"], 72, 100, observed=3000.0)
    result = run(Relapse(WORLD.keys, (storm(61), loss("SUP-02", 61), loss("SUP-03", 61), again)), range(130))
    records = revisions(result)[last(result).incident_id]
    back = next(number for number, record in enumerate(records) if record.status == "open" and number)
    assert records[back - 1].affected_users == ("SUP-02", "SUP-03")
    during = [record for record in records[back:] if record.status != "resolved"]
    assert {record.affected_users for record in during} == {()}
    assert {record.phase for record in during} == {"growing", "holding"}
    assert all("since 09:30 UTC with a break" in record.summary for record in during)
    assert records[-1].affected_users == ("SUP-02", "SUP-03")
    assert "2 other Users suffered" in records[-1].summary
