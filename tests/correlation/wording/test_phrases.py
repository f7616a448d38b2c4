"""What a tired person reads."""

import pytest

from correlation.incidents.business_processes import CORE, processes
from correlation.phrases import clock, figure, listed, period, span, traffic, window
from models.times import parse_time
from tests.correlation.builders import Trouble, World, change, queue, run, series

USERS = tuple(f"SUP-{number:02}" for number in range(1, 9))
ANSWERS = {user: series(user, "to_user", "service_response", "8.1.1") for user in USERS}
REQUESTS = {user: series(user, "to_dsp", "service_request", "8.1.1") for user in USERS}
JAM = queue("SUP-01")
KEYS = (*ANSWERS.values(), *REQUESTS.values(), JAM)


@pytest.mark.parametrize(
    ("value", "text"), [(1_500_000, "1,500,000"), (1_234_567, "1,235,000"), (412.4, "412"), (5.64, "5.64"), (3, "3"), (0.0, "0")]
)
def test_figures_have_four_digits_and_thousands(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45 s"), (150, "2 min"), (720, "12 min"), (11_100, "3 h 5 min"), (7200, "2 h"), (187_200, "2 d 4 h")]
)
def test_spans_are_reported_in_the_unit_that_fits(seconds, text):
    assert span(seconds) == text


def test_the_day_is_named_only_where_it_is_not_today():
    now, before = parse_time("2026-01-06T08:00:00Z"), parse_time("2026-01-05T22:10:00Z")
    assert clock(now, now) == "08:00 UTC"
    assert clock(before, now) == "5 Jan 22:10 UTC"
    assert period(before, now, now) == "5 Jan 22:10 UTC to 08:00 UTC"
    assert period(now, parse_time("2026-01-06T09:30:00Z"), now) == "08:00–09:30 UTC"


def test_long_lists_are_cut_short():
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_traffic_is_named_by_what_its_series_share():
    north, south = series("A", region="north"), series("A", region="south")
    assert traffic([north]) == "service responses 4.8.1 in north"
    assert traffic([north, south]) == "service responses 4.8.1"
    assert traffic([north, series("A", of="device_alert", service="8F36")]) == "messages to the User in north"
    assert [window(seconds) for seconds in (1, 10, 60, 3600)] == ["a second", "in 10 s", "a minute", "an hour"]


@pytest.mark.parametrize(
    ("of", "service", "process"),
    [
        ("service_request", "8.1.1", "install_and_commission"),
        ("service_request", "12.2", "install_and_commission"),
        ("device_alert", "8F69", "install_and_commission"),
        ("service_response", "2.2", "prepayment"),
        ("service_request", "1.5", "prepayment"),
        ("service_response", "4.3", "prepayment"),
        ("service_response", "4.8.1", "billing"),
        ("service_response", "4.10", "network_operation"),
        ("service_request", "1.1.1", "tariff"),
        ("service_request", "11.3", "firmware"),
    ],
)
def test_each_service_belongs_to_its_business_process(of, service, process):
    assert processes([series("A", of=of, service=service)]) == (process,)


def test_traffic_without_a_service_is_needed_for_all_and_an_unknown_code_for_none():
    assert processes([series("A", service="")]) == CORE
    assert processes([series("A", of="device_alert", service="")]) == ()
    assert processes([series("A", service="unheard of")]) == ()


def test_a_silence_says_who_what_since_when_and_why():
    records = run(World(KEYS, (Trouble("silence", ANSWERS["SUP-01"], 5),)), range(20))
    assert records.all_of("silence", "SUP-01")[0].summary.startswith(
        "SUP-01: no service responses 8.1.1 in north since 09:05 UTC (normal: 100 a minute). This affects install & commission. "
    )


def test_a_backlog_says_how_much_waits_how_fast_it_grows_and_when_it_is_full():
    evidence = {
        "growth_per_s": 833.0,
        "capacity_eta_s": 9000.0,
        "capacity_eta_low_s": 7200.0,
        "capacity_eta_high_s": 10_800.0,
        "oldest_age_s": 4000.0,
    }
    records = run(World(KEYS, (Trouble("backlog", JAM, 5, observed=1.5e6, evidence=evidence),)), range(10))
    assert records.one("backlog", "SUP-01").summary.startswith(
        "SUP-01: 1,500,000 messages wait in to_user at 09:06 UTC (since 09:05 UTC), 833 more a second, the oldest for 67 min. "
        "Queue full between 11:06 and 12:06 UTC. This affects billing"
    )


def test_failures_name_their_share_and_codes():
    trouble = Trouble(
        "failures", REQUESTS["SUP-01"], 5, observed=62, expected=2, evidence={"failure_ratio": 0.62}, codes={"E12": 50, "E1": 4}
    )
    records = run(World(KEYS, (trouble,)), range(10))
    alert = records.one("failures", "SUP-01")
    assert alert.summary.startswith(
        "SUP-01: 62 % of service requests 8.1.1 in north fail since 09:05 UTC (usual: 1 in 50), mostly E12 and E1."
    )
    assert alert.evidence.codes == {"E1": 4, "E12": 50}


def test_when_it_is_over_the_sentence_says_so():
    records = run(World(KEYS, (Trouble("storm", REQUESTS["SUP-01"], 5, 35, observed=4000),)), range(40))
    assert records.one("storm", "SUP-01").summary.startswith(
        "SUP-01: storm ended 09:34 UTC after 29 min. Peak 4,000 messages a minute (usual 100)."
    )


def test_a_network_that_does_not_answer_is_not_put_to_the_user():
    trouble = Trouble("failures", ANSWERS["SUP-01"], 5, observed=62, expected=2, codes={"E20": 50, "E21": 40})
    alert = run(World(KEYS, (trouble,)), range(10)).one("failures", "SUP-01")
    assert not any(suspect.basis == "undeclared" for suspect in alert.suspects)
    assert "SUP-01" not in alert.next_step


def test_the_next_step_of_a_victim_points_to_the_incident():
    slowed = tuple(Trouble("drop", ANSWERS[user], 7, seen_after=3, observed=40) for user in USERS[1:])
    records = run(World(KEYS, (Trouble("storm", REQUESTS["SUP-01"], 5, observed=4000), *slowed)), range(20))
    victim, origin = records.one("drop", "SUP-02"), records.one("storm", "SUP-01")
    assert victim.next_step == f"Follow incident {origin.incident_id}: it began at SUP-01; no action is needed at SUP-02."
    assert "Side effect of the incident at SUP-01." in victim.summary


def test_the_incident_is_summarised_in_short_sentences():
    slowed = tuple(Trouble("drop", ANSWERS[user], 7, seen_after=3, observed=40) for user in USERS[1:])
    records = run(
        World(KEYS, (Trouble("storm", REQUESTS["SUP-01"], 5, observed=4000), *slowed)),
        range(20),
        change("CHG-1", "SUP-01", 0, 60, category="meter_data_management"),
    )
    (incident,) = records.events()
    assert incident.summary == (
        "SUP-01: 4,000 service requests 8.1.1 in north a minute since 09:05 UTC (normal: 100). "
        "7 other Users suffer (SUP-02, SUP-03, SUP-04 and 4 more). "
        "Probable cause: CHG-1 of SUP-01 (Title of CHG-1)."
    )


@pytest.mark.parametrize(
    ("kind", "observed", "phrase"),
    [
        ("drop", 0, "no messages"),
        ("drop", 1, "only 1 message 8.1.1 in north a minute"),
        ("silence", 2, "only 2 messages 8.1.1 in north a minute since 09:05 UTC (normal: 200)"),
    ],
)
def test_few_messages_are_those_of_one_window_and_counted_in_words(kind, observed, phrase):
    troubles = (Trouble(kind, REQUESTS["SUP-01"], 5, observed=observed), Trouble(kind, ANSWERS["SUP-01"], 5, observed=0))
    assert phrase in run(World(KEYS, troubles), range(10)).one(kind, "SUP-01").summary


def test_a_declared_effect_on_everyone_is_not_said_to_be_one_users():
    work = {"source": "dcc", "category": "planned_maintenance", "disruption": "outage", "expected": {"effect": "silent"}}
    records = run(
        World(KEYS, tuple(Trouble("silence", ANSWERS[user], 5) for user in USERS)), range(15), change("CHG-DCC", "DCC", 4, 60, **work)
    )
    assert records.incidents[-1].category_reason == f"The traffic of {len(USERS)} Users deviates as a change declared."
