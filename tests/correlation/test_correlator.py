"""The same findings give the same decisions, byte for byte."""

import random
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from correlation.correlator import Correlator, Decisions
from correlation.parameters import CorrelationParameters
from models.canonical_json import to_json
from models.columns import Detected
from models.state_bytes import pack, unpack
from models.times import MINUTE_US, instant
from tests.correlation.builders import MORNING_US, RunResult, Trouble, World, calendar, change, queue, series, split

USERS = tuple(f"SUP-{number:02}" for number in range(1, 6))
REQUESTS = {user: series(user, "to_dsp", "service_request", "8.1.1") for user in USERS}
ANSWERS = {user: series(user, "to_user", "service_response", "8.1.1") for user in USERS}
ALERTS = {user: series(user, "to_user", "device_alert", "8F36") for user in USERS}
WORLD = World(
    (*REQUESTS.values(), *ANSWERS.values(), *ALERTS.values(), queue("SUP-01"), queue("SUP-02")),
    (
        Trouble("storm", REQUESTS["SUP-01"], 125, 150, observed=4000),
        Trouble("storm", REQUESTS["SUP-01"], 155, 165, observed=4000),
        *(Trouble("drop", ANSWERS[user], 127, 152, seen_after=2, observed=40) for user in USERS[1:]),
        Trouble("backlog", queue("SUP-02"), 130, 170, grows=500),
        *(Trouble("storm", ALERTS[user], 180, 190, observed=700) for user in USERS),
        Trouble("stale", REQUESTS["SUP-05"], 185, 195),
    ),
)
CHANGES = (
    change("CHG-1", "SUP-01", 120, 180, category="meter_data_management", visibility="public_summary"),
    change("CHG-2", "DCC", 400, 500, category="bcdr_test"),
    change("CHG-3", "SUP-03", 120, 130),
)
MINUTES = range(210)


def decide(parts_of: dict[int, list[Detected]], packed_at: frozenset[int] = frozenset()) -> list[bytes]:
    correlator, known = Correlator(CorrelationParameters()), calendar(*CHANGES)
    written: list[bytes] = []
    for minute in MINUTES:
        at_us = MORNING_US + minute * MINUTE_US
        written += lines(correlator.step(at_us, parts_of[minute], known.view(at_us)))
        if minute in packed_at:
            correlator = Correlator.unpack(CorrelationParameters(), unpack(pack(correlator.pack(), 1), 1))
    return written


def lines(decisions: Decisions) -> list[bytes]:
    records = [to_json(record) for record in (*decisions.alerts, *decisions.incidents, *decisions.reports)]
    records += [user.encode() + b" " + to_json(record) for user, record in (*decisions.user_alerts, *decisions.user_reports)]
    return records


@cache
def windows() -> dict[int, list[Detected]]:
    return {minute: [WORLD.window(minute)] for minute in MINUTES}


@cache
def once() -> list[bytes]:
    return decide(windows())


def test_the_scene_has_something_of_everything():
    text = b"\n".join(once())
    assert all(f'"{kind}"'.encode() in text for kind in ("storm", "drop", "backlog", "stale", "resolved", "updated"))
    assert b'"user":null' in text


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.sampled_from(USERS)), st.randoms(use_true_random=False))
def test_any_number_of_workers_and_any_order_give_the_same_bytes(users, chance: random.Random):
    cut = {minute: split(parts[0], users) for minute, parts in windows().items()}
    for parts in cut.values():
        chance.shuffle(parts)
    assert decide(cut) == once()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.integers(120, 209), max_size=8))
def test_a_restart_anywhere_changes_nothing(minutes):
    assert decide(windows(), frozenset(minutes)) == once()


def test_a_window_without_anything_decides_nothing():
    correlator, known = Correlator(CorrelationParameters()), calendar()
    assert correlator.step(MORNING_US, [World(WORLD.keys).window(0)], known.view(MORNING_US)) == Decisions()
    assert correlator.step(MORNING_US, [], known.view(MORNING_US)) == Decisions()


def test_decisions_come_by_id():
    correlator, known = Correlator(CorrelationParameters()), calendar(*CHANGES)
    for minute in MINUTES:
        at_us = MORNING_US + minute * MINUTE_US
        decided = correlator.step(at_us, windows()[minute], known.view(at_us))
        assert [alert.alert_id for alert in decided.alerts] == sorted(alert.alert_id for alert in decided.alerts)
        assert [one.incident_id for one in decided.incidents] == sorted(one.incident_id for one in decided.incidents)
        copies = [(user, alert.alert_id) for user, alert in decided.user_alerts]
        assert copies == sorted(copies)


def test_a_change_declared_while_an_incident_lasts_is_judged_at_once():
    known, correlator = calendar(), Correlator(CorrelationParameters())
    alerts = []
    for minute in range(160):
        at_us = MORNING_US + minute * MINUTE_US
        if minute == 145:
            late = change("CHG-7", "SUP-01", 120, 180, category="meter_data_management")
            known.declare(late.model_copy(update={"updated_at": None}), at_us - MINUTE_US)
        alerts += correlator.step(at_us, [WORLD.window(minute)], known.view(at_us)).alerts
    named = [alert for alert in alerts if any(suspect.change_id == "CHG-7" for suspect in alert.suspects)]
    assert f"{named[0].as_of:%H:%M}" == "11:25"


def test_a_change_declared_after_an_outage_is_over_explains_its_alert_and_its_incident():
    known, correlator = calendar(), Correlator(CorrelationParameters())
    silent = Trouble("silence", series("SUP-01", "to_dsp", "service_request"), 20, 50, observed=0.0)
    world = World((silent.key, *(series(user, "to_dsp", "service_request") for user in ("SUP-02", "SUP-03", "SUP-04"))), (silent,))
    result = RunResult()
    for minute in range(-120, 100):
        at_us = MORNING_US + minute * MINUTE_US
        if minute == 70:
            late = change("CHG-7", "SUP-01", 18, 80, category="network", declared_at=instant(at_us - MINUTE_US))
            known.declare(late.model_copy(update={"updated_at": None}), at_us - MINUTE_US)
        if minute == 80:
            other = change("CHG-8", "SUP-02", 18, 80, category="network", declared_at=instant(at_us - MINUTE_US))
            known.declare(other.model_copy(update={"updated_at": None}), at_us - MINUTE_US)
        result.add(correlator.step(at_us, [world.window(minute)], known.view(at_us)))
    (alert,), (incident,) = result.last().values(), result.events()
    before = next(record for record in result.alerts if record.status == "resolved")
    assert (before.suspects[0].basis, before.suspects[0].verdict) == ("undeclared", "probable")
    for record in (alert, incident):
        assert (record.status, record.suspects[0].change_id, f"{record.as_of:%H:%M}") == ("resolved", "CHG-7", "10:10")
        assert "CHG-7" in record.summary
    assert result.copies("SUP-01")[-1].suspects[0].change_id == "CHG-7"
    assert correlator.declarations.of("SUP-01").undeclared == 0
