"""What did not come is counted against an earlier day, since the expectation learns a slow loss."""

from collections.abc import Callable

import numpy as np
import pytest

from correlation.grading.missing_messages import missing_messages
from correlation.history.traffic_history import History
from correlation.incidents.incidents import Incidents
from correlation.incidents.missing_answers import Answers, Stretch, Taker, missing_answers
from correlation.incidents.open_incident import Companion, OpenIncident
from correlation.parameters import CorrelationParameters
from models.columns import Detected, Findings, Flags, Floats, Ints, Pulse, PulseKey, QueuePulse, SeriesKey
from models.state_tree import from_tree
from models.times import DAY_US, HOUR_US, SECOND_US, parse_time
from tests.correlation.past import calendar, episode

MONDAY_US = parse_time("2026-01-05T00:00:00Z")
KEYS = tuple(
    SeriesKey(f"SUP-{n}", "to_user", "service_response", service, "north", "", 900) for n in range(4) for service in ("2.2", "4.8.1")
)
GROUPS = tuple(PulseKey(*key[:5]) for key in KEYS)
ONSET_US, UNTIL_US = MONDAY_US + DAY_US + 9 * HOUR_US + HOUR_US // 2, MONDAY_US + DAY_US + 14 * HOUR_US
STRETCH = Stretch(ONSET_US, UNTIL_US, ONSET_US, UNTIL_US)
STORM_US = (ONSET_US + HOUR_US, ONSET_US + 3 * HOUR_US)


def history(
    lost: dict[str, float], start_us: int = MONDAY_US, slower: int = 0, also: Callable[[SeriesKey, int], float] = lambda *_: 0.0
) -> History:
    """A day and 14 hours of quarters of an hour, busier by day; the second day is a tenth busier and loses a share of a service.

    `slower`: how many of the Users report by half hours; `also`: series and end of a window → share that is lost of what is left.
    """
    recorded = History()
    waiting = np.zeros(len(KEYS))
    slow = np.array([int(key.user[-1]) < slower for key in KEYS])
    for number in range(1, (24 + 14) * 4 + 1):
        at_us = start_us + number * 900 * SECOND_US
        passed_us = at_us - start_us
        level = 300.0 + 200.0 * np.sin(2 * np.pi * passed_us / DAY_US) + (number % 3)
        during = passed_us > ONSET_US - MONDAY_US
        today = level * (1.1 if passed_us > DAY_US else 1.0)
        waiting += [today * (1.0 - lost.get(key.service, 0.0) * during) * (1.0 - also(key, at_us)) for key in KEYS]
        for window_s, chosen in ((900, ~slow), (1800, slow)):
            if chosen.any() and at_us % (window_s * SECOND_US) == 0:
                add_window(recorded, at_us, window_s, chosen, waiting[chosen])
                waiting[chosen] = 0.0
    return recorded


def add_window(result: History, at_us: int, window_s: int, chosen: Flags, counts: Floats) -> None:
    """One window of some of the Users."""
    none, empty, zero = Findings.none(), np.zeros(0), np.zeros(len(counts))
    groups = tuple(group for group, wanted in zip(GROUPS, chosen.tolist(), strict=True) if wanted)
    keys = tuple(key._replace(window_s=window_s) for key, wanted in zip(KEYS, chosen.tolist(), strict=True) if wanted)
    pulse = Pulse(at_us, window_s, groups, zero == 0.0, counts, zero, counts, counts)
    result.add(Detected(at_us, window_s, keys, (), none, none, pulse, QueuePulse(at_us, window_s, (), empty.astype(bool), empty, empty)))


def due(services: int = 1) -> float:
    quarters = [n for n in range(1, (24 + 14) * 4 + 1) if n * 900 * SECOND_US > ONSET_US - MONDAY_US]
    return sum(4 * services * 1.1 * (300.0 + 200.0 * np.sin(2 * np.pi * n / 96) + n % 3) for n in quarters)


def due_between(first_us: int, last_us: int) -> float:
    """Of one service at all Users on the second day."""
    return sum(
        4 * 1.1 * (300.0 + 200.0 * np.sin(2 * np.pi * n / 96) + n % 3)
        for n in range(24 * 4, (24 + 14) * 4 + 1)
        if first_us < MONDAY_US + n * 900 * SECOND_US <= last_us
    )


def storming(key: SeriesKey, at_us: int) -> float:
    """A storm of two hours takes half of the answers of one service."""
    return 0.5 if key.service == "2.2" and STORM_US[0] < at_us <= STORM_US[1] else 0.0


def during(first_us: int, last_us: int) -> Taker:
    return Taker(lambda ends_us: np.asarray((ends_us > first_us) & (ends_us <= last_us), np.float64))


STORM, QUEUE = during(*STORM_US), during(ONSET_US, UNTIL_US)
ALL = Answers()


def test_a_loss_that_the_expectation_has_learned_is_still_counted() -> None:
    counted = missing_answers(history({"4.8.1": 0.3}), STRETCH, ALL)
    assert set(counted) == {"billing"}
    assert counted["billing"].messages == pytest.approx(0.3 * due(), rel=0.05)
    assert counted["billing"].low < 0.3 * due() < counted["billing"].high


def test_of_two_incidents_each_has_what_follows_its_own_strength() -> None:
    past = history({"4.8.1": 0.2, "2.2": 0.2}, also=storming)
    queue = missing_answers(past, STRETCH, ALL, (QUEUE, STORM))
    assert queue["prepayment"].messages == pytest.approx(0.2 * due(), rel=0.1)
    assert queue["billing"].messages == pytest.approx(0.2 * due(), rel=0.1)
    storm = missing_answers(past, Stretch(*STORM_US, ONSET_US, UNTIL_US), ALL, (STORM, QUEUE))
    assert storm["prepayment"].messages == pytest.approx(0.5 * due_between(*STORM_US), rel=0.1)
    assert set(storm) == {"prepayment"}, "what the queue takes of everything is none of the storm's"


def test_a_queue_takes_from_the_depth_on_from_which_others_feel_it() -> None:
    def depth(ends_us: Ints) -> Floats:
        return np.clip((ends_us - ONSET_US) / (UNTIL_US - ONSET_US), 0.0, 1.0)

    def felt(key: SeriesKey, at_us: int) -> float:
        queue = 0.4 * max(0.0, float(depth(np.array([at_us]))[0]) - 0.3) / 0.7
        return 1.0 - (1.0 - queue) * (1.0 - storming(key, at_us))

    true = sum(
        felt(KEYS[1], at_us) * due_between(at_us - 900 * SECOND_US, at_us)
        for at_us in range(ONSET_US + 900 * SECOND_US, UNTIL_US + 1, 900 * SECOND_US)
    )
    counted = missing_answers(history({}, also=felt), STRETCH, ALL, (Taker(depth, queue=True), STORM))
    assert counted["prepayment"].messages == pytest.approx(true, rel=0.1)


def test_nothing_is_said_without_an_earlier_day_of_the_same_kind_or_without_a_loss() -> None:
    assert missing_answers(history({}), STRETCH, ALL) == {}
    friday_us = MONDAY_US + 4 * DAY_US
    shift_us = friday_us - MONDAY_US
    weekend = Stretch(ONSET_US + shift_us, UNTIL_US + shift_us, ONSET_US + shift_us, UNTIL_US + shift_us)
    assert missing_answers(history({"4.8.1": 0.3}, friday_us), weekend, ALL) == {}


def test_answers_that_wait_are_not_missing() -> None:
    waits = Answers(lambda user: "not lost" if user == "SUP-0" else "loss")
    counted = missing_answers(history({"4.8.1": 0.3}), STRETCH, waits)
    assert counted["billing"].messages == pytest.approx(0.75 * 0.3 * due(), rel=0.05)


def test_a_user_whose_answers_show_nothing_loses_as_much_as_the_others() -> None:
    def held_back(key: SeriesKey, at_us: int) -> float:
        return 1.0 if key.user == "SUP-0" and at_us > ONSET_US else 0.0

    blocked = Answers(lambda user: "nothing" if user == "SUP-0" else "loss")
    counted = missing_answers(history({"4.8.1": 0.3}, also=held_back), STRETCH, blocked)
    assert set(counted) == {"billing"}
    assert counted["billing"].messages == pytest.approx(0.3 * due(), rel=0.05)


def test_of_what_stays_away_as_declared_only_that_time_is_left_out() -> None:
    from_us, until_us = MONDAY_US + DAY_US + 11 * HOUR_US, MONDAY_US + DAY_US + 12 * HOUR_US

    def missing(*spans: tuple[int, int]) -> float:
        counted = missing_answers(history({"4.8.1": 0.3}), STRETCH, Answers(absent=lambda _: spans))
        return counted["billing"].messages if counted else 0.0

    assert missing((from_us, until_us)) == pytest.approx(missing() - 0.3 * due_between(from_us, until_us), rel=0.02)
    assert missing((MONDAY_US, UNTIL_US)) == 0.0


def test_users_of_different_window_lengths_are_added_up() -> None:
    alone = missing_answers(history({"4.8.1": 0.3}), STRETCH, ALL)["billing"]
    both = missing_answers(history({"4.8.1": 0.3}, slower=2), STRETCH, ALL)["billing"]
    assert both.messages == pytest.approx(alone.messages, rel=0.01)
    two = Answers(lambda user: "loss" if user in ("SUP-0", "SUP-1") else "not lost")
    half = missing_answers(history({"4.8.1": 0.3}), STRETCH, two)["billing"]
    assert both.high - both.messages == pytest.approx(np.sqrt(2.0) * (half.high - half.messages), rel=0.1)


def incident(origin: str, cause: str, key: SeriesKey, *harmed: str) -> OpenIncident:
    """One that goes on from ONSET_US until UNTIL_US and takes answers such as `key`."""
    kinds = {origin: cause} | dict.fromkeys(harmed, "drop")
    facts = {"onset_us": ONSET_US, "detected_us": ONSET_US, "at_us": UNTIL_US}
    alerts = [episode(kind, user, series=(key._replace(user=user),), **facts) for user, kind in kinds.items()]
    return OpenIncident(f"I-{origin}", ONSET_US, {one.alert_id: one for one in alerts}, origin, set(harmed))


def test_answers_that_waited_in_an_incident_that_is_forgotten_are_not_missing_afterwards() -> None:
    past, view = history({"4.8.1": 0.3}), calendar(at_us=UNTIL_US)
    event, gone = incident("SUP-9", "storm", KEYS[1], "SUP-1", "SUP-2"), incident("SUP-0", "backlog", KEYS[0], "SUP-3")
    alone = missing_messages(event, [event], UNTIL_US, view, past)["billing"].messages
    both = missing_messages(event, [event, gone], UNTIL_US, view, past)
    event.remember([gone.as_companion(UNTIL_US)], UNTIL_US)
    assert missing_messages(event, [event], UNTIL_US, view, past) == both
    assert both["billing"].messages < 0.8 * alone
    assert from_tree(Companion, [1, 2, ["billing"]]) == Companion(1, 2, ("billing",))


def test_incidents_that_are_forgotten_together_cost_as_much_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    incidents, looked_at = Incidents(CorrelationParameters()), []
    incidents.events = {f"I-SUP-{number}": incident(f"SUP-{number}", "drop", KEYS[0]) for number in range(40)}
    for event in list(incidents.events.values())[1:]:
        event.resolved_us = event.ended_us = UNTIL_US
    as_companion = OpenIncident.as_companion
    monkeypatch.setattr(OpenIncident, "as_companion", lambda event, at_us: looked_at.append(event) or as_companion(event, at_us))
    incidents.apply(UNTIL_US + 30 * DAY_US, [], dict.fromkeys(incidents.events["I-SUP-0"].members, True), None)  # type: ignore[arg-type]
    (left,) = incidents.events.values()
    assert {one.silent for one in left.companions} == {f"SUP-{number}" for number in range(1, 40)}
    assert len(looked_at) == 40
    left.remember([Companion(ONSET_US, UNTIL_US, ())] * 1000, UNTIL_US)
    assert len(left.companions) == 500


def test_what_was_merged_into_another_incident_leaves_no_user_out() -> None:
    incidents = Incidents(CorrelationParameters())
    incidents.events = {f"I-SUP-{number}": incident(f"SUP-{number}", "drop", KEYS[0]) for number in range(2)}
    part = incidents.events["I-SUP-1"]
    part.resolved_us, part.ended_us, part.merged_into = UNTIL_US, UNTIL_US, "I-SUP-0"
    incidents.apply(UNTIL_US + 30 * DAY_US, [], dict.fromkeys(incidents.events["I-SUP-0"].members, True), None)  # type: ignore[arg-type]
    (left,) = incidents.events.values()
    assert left.companions == [], "its User is a victim, whose loss counts"
