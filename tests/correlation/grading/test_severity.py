"""When an alert may wait, and when it must not, whatever was declared."""

from dataclasses import replace

import pytest

from correlation.grading.severity import SeverityInputs, severity
from correlation.parameters import CorrelationParameters
from models.times import MINUTE_US, instant
from tests.correlation.builders import MORNING_US, Trouble, World, change, queue, run, series
from tests.correlation.past import episode as snapshot

USERS = tuple(f"SUP-{number:02}" for number in range(1, 9))
REQUESTS = {user: series(user, "to_dsp", "service_request", "8.1.1") for user in USERS}
ANSWERS = {user: series(user, "to_user", "service_response", "8.1.1") for user in USERS}
JAM = queue("SUP-01")
KEYS = (*REQUESTS.values(), *ANSWERS.values(), JAM)
RISE = Trouble("storm", REQUESTS["SUP-01"], 5, observed=300)
DECLARED = {"category": "tariff", "expected": {"effect": "up", "factor": 3.0}}


def test_what_noise_might_do_is_info():
    records = run(World(KEYS, (Trouble("storm", REQUESTS["SUP-01"], 5, observed=150, serious=False),)), range(20))
    assert records.one("storm", "SUP-01").severity == "info"
    assert records.one("storm", "SUP-01").category == 5


def test_what_the_budget_calls_serious_is_a_warning():
    assert run(World(KEYS, (RISE,)), range(20)).one("storm", "SUP-01").severity == "warning"


def test_within_what_a_change_said_it_is_info_and_wakes_nobody():
    alert = run(World(KEYS, (RISE,)), range(20), change("CHG-1", "SUP-01", 0, 120, **DECLARED)).one("storm", "SUP-01")
    assert (alert.envelope, alert.severity, alert.category) == ("within", "info", 4)
    assert "Within the effect that CHG-1 declared." in alert.summary
    assert alert.next_step == "No action: check that it ends with CHG-1."


def test_beyond_what_a_change_said_it_has_its_true_severity():
    much = Trouble("storm", REQUESTS["SUP-01"], 5, observed=4000)
    alert = run(World(KEYS, (much,)), range(20), change("CHG-1", "SUP-01", 0, 120, **DECLARED)).one("storm", "SUP-01")
    assert (alert.envelope, alert.severity) == ("beyond", "critical")


def test_what_looks_like_weather_is_no_reason_to_be_silent_beyond_a_declared_effect():
    outages = replace(snapshot("storm"), serious=True)
    seen = SeverityInputs(
        envelope="beyond", declared_after_onset=False, affected=0, collateral=False, weather=True, habit=lambda: False, share=0.0
    )
    assert severity(outages, seen, CorrelationParameters()) == "warning"
    assert severity(outages, replace(seen, envelope="none"), CorrelationParameters()) == "info"


def test_habits_are_looked_up_only_where_they_can_make_an_alert_milder():
    asked = []
    open_storm = replace(snapshot("storm"), serious=True)
    seen = SeverityInputs("none", False, 0, False, False, lambda: bool(asked.append("habit")) or True, 0.0)
    assert severity(open_storm, replace(seen, collateral=True), CorrelationParameters()) == "warning"
    assert severity(open_storm, replace(seen, envelope="within"), CorrelationParameters()) == "info"
    assert asked == []
    assert severity(open_storm, seen, CorrelationParameters()) == "info"
    assert asked == ["habit"]


def test_what_went_beyond_stays_beyond():
    much = Trouble("storm", REQUESTS["SUP-01"], 5, observed=4000, grows=-90)
    records = run(World(KEYS, (much,)), range(48), change("CHG-1", "SUP-01", 0, 120, **DECLARED))
    assert [alert.envelope for alert in records.all_of("storm", "SUP-01")] == ["beyond"] * len(records.all_of("storm", "SUP-01"))


def test_still_abnormal_when_the_window_ends_is_raised_then():
    records = run(World(KEYS, (RISE,)), range(60), change("CHG-1", "SUP-01", 0, 30, **DECLARED))
    revisions = records.all_of("storm", "SUP-01")
    assert revisions[0].severity == "info"
    assert (revisions[-1].severity, revisions[-1].envelope) == ("warning", "beyond")
    raised = next(revision for revision in revisions if revision.severity == "warning")
    assert f"{raised.as_of:%H:%M}" < "09:40"


def test_a_change_declared_after_the_onset_quiets_nothing():
    late = change("CHG-1", "SUP-01", 0, 120, **DECLARED, declared_at=instant(MORNING_US + 10 * MINUTE_US))
    alert = run(World(KEYS, (RISE,)), range(30), late).one("storm", "SUP-01")
    assert alert.severity == "warning"


def test_nothing_quiets_what_others_suffer_from():
    slowed = tuple(Trouble("drop", ANSWERS[user], 7, seen_after=3, observed=40) for user in USERS[1:])
    alert = run(World(KEYS, (RISE, *slowed)), range(20), change("CHG-1", "SUP-01", 0, 120, **DECLARED)).one("storm", "SUP-01")
    assert alert.envelope == "within"
    assert alert.severity == "critical"


@pytest.mark.parametrize(
    "sight", [{"capacity_eta_s": 7000.0, "capacity_eta_low_s": 6000.0, "capacity_eta_high_s": 7900.0}, {"age_limit_eta_s": 30_000.0}]
)
def test_nothing_quiets_a_queue_whose_limit_is_in_sight(sight):
    jam = Trouble("backlog", JAM, 5, grows=10, evidence=sight)
    quiet = change("CHG-1", "SUP-01", 0, 120, category="firewall", expected={"effect": "silent"})
    alert = run(World(KEYS, (jam,)), range(20), quiet).one("backlog", "SUP-01")
    assert alert.envelope == "within"
    assert alert.severity == "warning"


@pytest.mark.parametrize("sight", [{"capacity_eta_s": 3000.0}, {"age_limit_eta_s": 9_000.0}])
def test_a_limit_that_is_near_is_critical(sight):
    alert = run(World(KEYS, (Trouble("backlog", JAM, 5, grows=10, evidence=sight),)), range(20)).one("backlog", "SUP-01")
    assert alert.severity == "critical"


def test_a_million_messages_waiting_are_critical():
    alert = run(World(KEYS, (Trouble("backlog", JAM, 5, observed=2e6),)), range(20)).one("backlog", "SUP-01")
    assert alert.severity == "critical"
    assert alert.category == 2
    assert "2,000,000 messages wait" in alert.category_reason


def test_severity_does_not_waver_with_a_noisy_estimate():
    jam = [
        Trouble("backlog", JAM, start, start + 2, seen_after=1, grows=10, evidence={"capacity_eta_low_s": 3000.0 + 1500 * (start % 4)})
        for start in range(5, 40, 2)
    ]
    records = run(World(KEYS, tuple(jam)), range(40))
    severities = [alert.severity for alert in records.all_of("backlog", "SUP-01")]
    assert severities == sorted(severities, key=["warning", "critical"].index)


def test_a_lasting_new_level_is_reported_for_information():
    records = run(World(KEYS, (Trouble("drift", REQUESTS["SUP-01"], 5, observed=150),)), range(20))
    assert records.one("drift", "SUP-01").severity == "info"


def test_one_user_cut_off_for_a_quarter_of_an_hour_is_category_3():
    records = run(World(KEYS, (Trouble("silence", ANSWERS["SUP-01"], 5),)), range(40))
    categories = [(f"{alert.as_of:%H:%M}", alert.category) for alert in records.all_of("silence", "SUP-01")]
    assert categories[0] == ("09:06", 4)
    assert categories[-1] == ("09:20", 3)
    assert "longer than 15 min at one User" in records.one("silence", "SUP-01").category_reason


def test_the_limits_of_the_categories_are_parameters():
    parameters = CorrelationParameters.model_validate({"categories": {"moderate_after_s": 0}})
    records = run(World(KEYS, (Trouble("silence", ANSWERS["SUP-01"], 5),)), range(10), parameters=parameters)
    assert records.one("silence", "SUP-01").category == 3


def test_a_resolved_alert_keeps_the_severity_it_had():
    records = run(World(KEYS, (Trouble("storm", REQUESTS["SUP-01"], 5, 30, observed=4000),)), range(40))
    assert records.one("storm", "SUP-01").status == "resolved"
    assert records.one("storm", "SUP-01").severity == "critical"


def test_a_queue_that_grows_with_a_declared_rise_is_part_of_it():
    jam = Trouble("backlog", JAM, 8, 60, grows=50, evidence={"growth_per_s": 1.0})
    records = run(World(KEYS, (RISE, jam)), range(50), change("CHG-1", "SUP-01", 0, 120, **DECLARED))
    alert = records.one("backlog", "SUP-01")
    assert (alert.envelope, alert.severity) == ("within", "info")


def test_a_queue_that_still_grows_when_the_rise_should_be_over_is_raised():
    short = Trouble("storm", REQUESTS["SUP-01"], 5, 28, observed=300)
    jam = Trouble("backlog", JAM, 8, grows=50, evidence={"growth_per_s": 1.0})
    records = run(World(KEYS, (short, jam)), range(60), change("CHG-1", "SUP-01", 0, 30, **DECLARED))
    assert records.all_of("backlog", "SUP-01")[0].severity == "info"
    assert records.one("backlog", "SUP-01").severity == "warning"


def test_a_queue_without_a_rise_is_not_quieted_by_one_that_was_declared():
    records = run(World(KEYS, (Trouble("backlog", JAM, 8, grows=50),)), range(50), change("CHG-1", "SUP-01", 0, 120, **DECLARED))
    assert records.one("backlog", "SUP-01").severity == "warning"


def test_everybodys_traffic_that_dips_as_the_dcc_said_wakes_nobody():
    dip = change("CHG-1", "DCC", 0, 120, category="planned_maintenance", expected={"effect": "down", "factor": 0.5})
    records = run(World(KEYS, tuple(Trouble("drop", ANSWERS[user], 5, observed=50) for user in USERS)), range(60), dip)
    assert {alert.severity for alert in records.alerts} == {"info"}
    assert not records.events()[0].affected_users


def test_whoever_falls_further_than_was_said_is_woken_alone():
    dip = change("CHG-1", "DCC", 0, 120, category="planned_maintenance", expected={"effect": "down", "factor": 0.5})
    troubles = tuple(Trouble("drop", ANSWERS[user], 5, observed=50 if user != "SUP-03" else 4) for user in USERS)
    records = run(World(KEYS, troubles), range(60), dip)
    assert {alert.user for alert in records.last().values() if alert.severity != "info"} == {"SUP-03"}
