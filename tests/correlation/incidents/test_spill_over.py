from dataclasses import replace

import numpy as np
import pytest

from correlation.history.habit import is_habit
from correlation.history.traffic_history import History
from correlation.incidents.spill_over import DoseComparison
from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from tests.correlation.builders import MORNING_US, Trouble, World, change, queue, run, series
from tests.correlation.past import episode
from tests.correlation.past import past as minutes_of_everyone

USERS = tuple(f"SUP-{number:02}" for number in range(1, 7))
REQUESTS = {user: series(user, "to_dsp", "service_request", "8.1.1") for user in USERS}
OTHERS = {user: series(user, "to_dsp", "service_request", "2.2") for user in USERS}
ANSWERS = {user: series(user, "to_user", "service_response", "8.1.1") for user in USERS}
READS = {user: series(user, "to_user", "service_response", "4.8.1", "south") for user in USERS}
KEYS = (*REQUESTS.values(), *OTHERS.values(), *ANSWERS.values(), *READS.values(), queue("SUP-01"))
BACKLOG = (
    Trouble("silence", ANSWERS["SUP-01"], 5, 30),
    Trouble("backlog", queue("SUP-01"), 6, observed=300_000, grows=-4000),
)
"""A route that was shut and opened again, and what waited drains."""
DCC = {"source": "dcc", "services": ["4.8.1"], "category": "planned_maintenance", "disruption": "outage"}
VICTIMS = USERS[2:5]


def silent(since: int) -> list[Trouble]:
    return [Trouble("silence", READS[user], since, since + 30) for user in VICTIMS]


@pytest.mark.parametrize("declared", [{}, {"expected": {"effect": "silent"}}])
def test_a_service_that_the_dcc_takes_down_is_not_what_an_old_backlog_did(declared):
    work = change("CHG-DCC", "DCC", 40, 70, **DCC, **declared)
    link = change("CHG-LINK", "SUP-01", 3, 30, category="network")
    records = run(World(KEYS, (*BACKLOG, *silent(40))), range(52), work, link)
    for user in VICTIMS:
        alert = records.one("silence", user)
        assert alert.incident_id != records.one("backlog", "SUP-01").incident_id
        assert alert.suspects[0].change_id == "CHG-DCC"
        assert "CHG-LINK" not in {suspect.change_id for suspect in alert.suspects}
        assert (alert.severity == "info") is bool(declared)
    assert records.one("backlog", "SUP-01").affected_users == ()


def test_a_loss_that_begins_while_a_backlog_drains_is_not_its_effect_if_nothing_was_lost_while_it_was_deeper():
    records = run(World(KEYS, (*BACKLOG, *silent(40))), range(52))
    assert {records.one("silence", user).incident_id for user in VICTIMS} != {records.one("backlog", "SUP-01").incident_id}
    assert records.one("backlog", "SUP-01").affected_users == ()


def failing(user: str, since: int, codes: dict[str, int], region: str = "north") -> Trouble:
    key = {"north": ANSWERS, "south": READS}[region][user]
    return Trouble("failures", key, since, observed=50, expected=2, codes=codes)


def test_a_region_whose_devices_do_not_answer_names_nobody_however_loud_a_user_was_just_before():
    storm = Trouble("storm", REQUESTS["SUP-01"], 4, 12, observed=500)
    records = run(World(KEYS, (storm, *(failing(user, 6, {"E20": 40}) for user in USERS[1:]))), range(18))
    for user in USERS[1:]:
        alert = records.one("failures", user)
        assert alert.incident_id != records.one("storm", "SUP-01").incident_id
        assert not any(suspect.owner == "SUP-01" for suspect in alert.suspects)
    assert records.one("storm", "SUP-01").affected_users == ()


def test_a_storm_seen_after_its_users_share_of_a_regions_failures_does_not_make_its_user_their_origin():
    storm = Trouble("storm", REQUESTS["SUP-01"], 4, 12, seen_after=4, observed=500)
    records = run(World(KEYS, (storm, *(failing(user, 5, {"E20": 40}) for user in USERS))), range(18))
    regional = records.one("failures", "SUP-02").incident_id
    assert records.one("failures", "SUP-01").incident_id == regional
    assert records.one("storm", "SUP-01").incident_id != regional
    assert {incident.origin_user for incident in records.incidents if incident.incident_id == regional} == {None}


def test_a_user_that_falls_silent_in_the_minute_of_anothers_storm_is_no_part_of_what_others_lose():
    own = [Trouble("silence", key, 5) for key in (REQUESTS["SUP-01"], OTHERS["SUP-01"])]
    own.append(Trouble("drop", READS["SUP-01"], 5, seen_after=2, observed=5))
    storm = Trouble("storm", REQUESTS["SUP-06"], 5, seen_after=4, observed=900)
    records = run(World(KEYS, (*own, *(Trouble("drop", READS[user], 5, seen_after=2, observed=30) for user in VICTIMS), storm)), range(18))
    assert records.one("silence", "SUP-01").incident_id != records.one("storm", "SUP-06").incident_id


def test_requests_that_the_dsp_refuses_are_their_own_users_trouble():
    storm = Trouble("storm", REQUESTS["SUP-01"], 4, observed=4000)
    records = run(World(KEYS, (storm, failing("SUP-02", 6, {"E11": 40}, "south"))), range(20))
    assert records.one("failures", "SUP-02").incident_id != records.one("storm", "SUP-01").incident_id


REFUSED = Trouble("failures", REQUESTS["SUP-02"], 5, observed=50, expected=2, codes={"E12": 40})
OVERLOAD = (
    Trouble("storm", REQUESTS["SUP-01"], 5, observed=4000),
    Trouble("failures", REQUESTS["SUP-01"], 5, observed=900, codes={"E12": 90}),
    *(Trouble("failures", of[user], 6, observed=50, expected=2, codes={"E20": 40}) for user in USERS[2:] for of in (ANSWERS, READS)),
)
"""A storm of wrong requests whose own are refused; everybody else's devices do not answer in time."""


def test_refused_requests_stay_apart_from_a_storm_of_the_same_minute_whose_own_requests_are_refused_too():
    records = run(World(KEYS, (REFUSED, *OVERLOAD)), range(20), change("CHG-OWN", "SUP-02", 3, 60, category="release"))
    alert = records.one("failures", "SUP-02")
    assert alert.incident_id != records.one("storm", "SUP-01").incident_id
    assert {event.origin_user for event in records.events()} == {"SUP-01", "SUP-02"}


def test_devices_that_do_not_answer_a_user_that_hardly_asks_are_the_storms_doing():
    outage = [Trouble("silence", of["SUP-02"], 5, observed=0) for of in (REQUESTS, OTHERS)]
    records = run(World(KEYS, (*outage, *OVERLOAD, failing("SUP-02", 7, {"E20": 40}))), range(20))
    storm = records.one("storm", "SUP-01").incident_id
    assert records.one("failures", "SUP-02").incident_id == storm
    assert records.one("silence", "SUP-02").incident_id != storm


def test_an_incident_that_is_over_keeps_what_it_began_with_though_another_one_holds_the_traffic_down():
    outage = [Trouble("silence", of["SUP-02"], 5, 30) for of in (REQUESTS, OTHERS)]
    outage += [Trouble("silence", ANSWERS["SUP-02"], 5, observed=30), Trouble("drop", READS["SUP-02"], 5, 30, observed=50)]
    slowed = [Trouble("drop", ANSWERS[user], 6, observed=30) for user in USERS[2:]]
    records = run(World(KEYS, (*outage, Trouble("storm", REQUESTS["SUP-01"], 5, observed=4000), *slowed)), range(60))
    alert = records.one("silence", "SUP-02")
    assert alert.status == "resolved"
    assert {one.incident_id for one in records.all_of("silence", "SUP-02")} == {alert.incident_id}
    assert alert.incident_id != records.one("storm", "SUP-01").incident_id


def test_a_user_that_sends_nothing_has_an_outage_of_its_own():
    storm = Trouble("storm", REQUESTS["SUP-01"], 4, 20, observed=4000)
    outage = [Trouble("silence", of["SUP-02"], 19) for of in (REQUESTS, OTHERS, ANSWERS, READS)]
    records = run(World(KEYS, (storm, *outage)), range(30))
    assert records.one("silence", "SUP-02").incident_id != records.one("storm", "SUP-01").incident_id
    assert records.one("storm", "SUP-01").affected_users == ()


def test_a_users_silence_of_its_own_making_harms_nobody_else():
    quiet = [Trouble("silence", of["SUP-01"], 4) for of in (REQUESTS, OTHERS, ANSWERS)]
    records = run(World(KEYS, (*quiet, Trouble("drop", READS["SUP-02"], 6, observed=40))), range(20))
    assert records.one("drop", "SUP-02").incident_id != records.one("silence", "SUP-01").incident_id


def test_a_route_that_is_shut_in_the_minute_of_anothers_storm_is_an_incident_of_its_own():
    shut = [Trouble("silence", of["SUP-01"], 5) for of in (ANSWERS, READS)]
    shut.append(Trouble("backlog", queue("SUP-01"), 5, grows=2000))
    storm = Trouble("storm", REQUESTS["SUP-02"], 5, observed=4000)
    slowed = [Trouble("drop", ANSWERS[user], 5, seen_after=2, observed=40) for user in USERS[2:]]
    records = run(World(KEYS, (*shut, storm, *slowed)), range(25))
    ids = {records.one(kind, "SUP-01").incident_id for kind in ("silence", "backlog")}
    assert ids != {records.one("storm", "SUP-02").incident_id}
    assert len(ids) == 1
    assert {records.one("drop", user).incident_id for user in USERS[2:]} == {records.one("storm", "SUP-02").incident_id}


def test_the_reasons_at_a_victim_are_about_its_own_alert():
    storm = Trouble("storm", REQUESTS["SUP-01"], 5, observed=4000)
    slowed = [Trouble("drop", ANSWERS[user], 9, seen_after=3, observed=40) for user in USERS[1:]]
    records = run(World(KEYS, (storm, *slowed)), range(18), change("CHG-1", "SUP-01", 4, 60, category="meter_data_management"))
    alert = records.all_of("drop", "SUP-02")[-1]
    reasons = {reason.code: reason.text for reason in alert.suspects[0].reasons}
    assert alert.suspects[0].change_id == "CHG-1"
    assert reasons["spill_over"] == (
        "It is suspected of the message storm at SUP-01 that began at 09:05 UTC; this began 4 min later, while that went on."
    )
    assert reasons["onset"] == "This began 5 min after its planned start."
    assert "share" not in reasons


@pytest.mark.parametrize(("observed", "joined"), [(115.0, False), (500.0, True)])
def test_a_storm_that_adds_next_to_nothing_to_everyones_traffic_harms_nobody_else(observed, joined):
    storm = Trouble("storm", REQUESTS["SUP-01"], 5, observed=observed)
    slowed = [Trouble("drop", ANSWERS[user], 9, seen_after=3, observed=40) for user in USERS[1:]]
    records = run(World(KEYS, (storm, *slowed)), range(18))
    assert (records.one("drop", "SUP-02").incident_id == records.one("storm", "SUP-01").incident_id) is joined


KEY = SeriesKey("SUP-01", "to_user", "service_response", "4.8.1", "north", "", 300)


def past(dips: dict[int, float], dip_us: int, minutes: int = 30, first_due: float = 500.0) -> History:
    """Four days of windows of five minutes; on some of them half an hour about one time carries a share of the usual.

    `first_due`: what was expected on the first day, when nothing was learned.
    """
    history, none = History(), Findings.none()
    for number in range(1, 4 * 288 + 1):
        at_us = MORNING_US + number * 300 * SECOND_US
        day, within_us = divmod(at_us - MORNING_US, DAY_US)
        share = dips.get(day, 1.0) if 0 < within_us - dip_us <= minutes * MINUTE_US else 1.0
        counts = np.array([500.0 * share])
        one = np.ones(1, np.bool_)
        pulse = Pulse(
            at_us, 300, (PulseKey(*KEY[:5]),), one, counts, np.zeros(1), np.array([500.0 if day else first_due]), np.array([500.0])
        )
        empty = np.zeros(0)
        history.add(Detected(at_us, 300, (KEY,), (), none, none, pulse, QueuePulse(at_us, 300, (), empty.astype(bool), empty, empty)))
        if day == 3 and within_us >= dip_us + 20 * MINUTE_US:
            break
    return history


@pytest.mark.parametrize(
    ("dips", "usual"),
    [
        ({0: 0.4, 1: 0.5, 2: 0.4, 3: 0.4}, True),
        ({1: 0.6, 2: 0.6, 3: 0.4}, True),
        ({2: 0.4, 3: 0.4}, False),
        ({3: 0.4}, False),
        ({0: 0.9, 1: 0.9, 3: 0.2}, False),
    ],
)
def test_what_a_user_does_at_this_hour_on_other_days_is_a_habit(dips, usual):
    dip_us = 10 * HOUR_US
    onset_us = MORNING_US + 3 * DAY_US + dip_us
    at_us = onset_us + 20 * MINUTE_US
    drop = replace(episode("drop", "SUP-01", 0, series=(KEY,)), onset_us=onset_us, detected_us=at_us, at_us=at_us)
    history = past(dips, dip_us)
    assert is_habit(drop, history) is usual
    assert not is_habit(replace(drop, refused=True), history)


@pytest.mark.parametrize(("dips", "usual"), [({1: 0.4, 3: 0.4}, False), ({0: 0.4, 1: 0.4, 3: 0.4}, True), ({3: 0.4}, False)])
def test_the_first_day_of_a_series_counts_by_what_was_learned_later(dips, usual):
    onset_us = MORNING_US + 3 * DAY_US + 10 * HOUR_US
    at_us = onset_us + 20 * MINUTE_US
    drop = replace(episode("drop", "SUP-01", 0, series=(KEY,)), onset_us=onset_us, detected_us=at_us, at_us=at_us)
    assert is_habit(drop, past(dips, 10 * HOUR_US, first_due=1000.0)) is usual


def test_a_short_burst_of_yesterday_counts_though_its_hour_shows_no_more_than_chance():
    dip_us = 10 * HOUR_US
    onset_us = MORNING_US + 3 * DAY_US + dip_us
    at_us = onset_us + 20 * MINUTE_US
    storm = replace(episode("storm", "SUP-01", 0, series=(KEY,)), onset_us=onset_us, detected_us=at_us, at_us=at_us)
    assert is_habit(storm, past({1: 3.0, 2: 2.0, 3: 2.0}, dip_us, minutes=5))
    assert not is_habit(storm, past({1: 3.0, 3: 2.0}, dip_us, minutes=5))


def test_a_storm_of_two_window_lengths_is_measured_by_the_shorter_one_as_its_peak_is():
    history = minutes_of_everyone(minutes=5)
    key = series("USER-00", "to_dsp", "service_request", "2.2")
    storm = episode("storm", series=(key, key._replace(window_s=600)), peak=160.0, peak_expected=100.0)
    waiting = episode("backlog", "USER-01", series=(queue("USER-01"),))
    assert not DoseComparison(history).refutes(waiting, storm)
    assert DoseComparison(history).refutes(waiting, replace(storm, peak=110.0))


def test_a_user_that_stops_asking_while_it_suffers_from_a_storm_has_an_incident_of_its_own() -> None:
    """A silence of its own beside the one that it suffers; the storm's incident ends with the storm and not with that."""
    storm = Trouble("storm", REQUESTS["SUP-01"], 5, 40, observed=3000)
    suffered = [Trouble("silence", ANSWERS[user], 6, 41, seen_after=2) for user in USERS[1:]]
    own = [Trouble("silence", key["SUP-02"], 20, 80) for key in (REQUESTS, OTHERS, READS)]
    records = run(World(KEYS, (storm, *suffered, *own)), range(100))
    of_storm, of_user = sorted(records.events(), key=lambda one: one.opened_at)
    assert (of_storm.origin_user, of_user.origin_user) == ("SUP-01", "SUP-02")
    assert f"{of_storm.ended_at:%H:%M}" <= "09:42"
    assert f"{of_user.ended_at:%H:%M}" == "10:19"
    assert "since 09:20 UTC" in next(one for one in records.incidents if one.incident_id == of_user.incident_id).summary


def test_what_a_user_behind_a_shut_route_sends_less_of_since_anothers_storm_is_the_storms_doing() -> None:
    shut = tuple(Trouble("silence", keys["SUP-01"], 5) for keys in (ANSWERS, READS))
    jam = Trouble("backlog", queue("SUP-01"), 6, grows=20_000)
    storm = Trouble("storm", REQUESTS["SUP-02"], 40, observed=40_000)
    less = Trouble("drop", REQUESTS["SUP-01"], 40, seen_after=4, observed=50)
    lost = [Trouble("drop", ANSWERS[user], 48, observed=30) for user in USERS[2:]]
    lost += [Trouble("drop", REQUESTS["SUP-03"], 40, seen_after=30, observed=50)]
    link = change("CHG-LINK", "SUP-01", 3, 30, category="firewall")
    meters = change("CHG-METERS", "SUP-02", 38, 90, category="meter_data_management")
    records = run(World(KEYS, (*shut, jam, storm, less, *lost)), range(58), link, meters)
    assert records.one("silence", "SUP-01").suspects[0].change_id == "CHG-LINK"
    drop = records.one("drop", "SUP-01")
    assert drop.incident_id == records.one("storm", "SUP-02").incident_id
    assert drop.suspects[0].change_id == "CHG-METERS"
