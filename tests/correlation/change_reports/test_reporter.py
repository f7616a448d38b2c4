from dataclasses import replace
from typing import Any

import pytest

from correlation.attribution.suspects import assess_cause
from correlation.change_reports.alert_traces import IncidentWithSuspects
from correlation.change_reports.reporter import Reporter
from correlation.grading.declared_effect import envelope
from correlation.parameters import CorrelationParameters
from models.alert import Reason, Suspect
from models.canonical_json import to_json
from models.change import Change
from models.change_report import ChangeReport
from models.state_bytes import pack, unpack
from models.times import HOUR_US, MINUTE_US, instant
from tests.correlation.past import ONSET, T0, USERS, Rates, broken, calendar, case, change, episode, past, usual

PARAMETERS = CorrelationParameters()
DUE_US = ONSET + 5 * HOUR_US


def reported(rates: Rates, *changes: Change, incident: Any = None, at_us: int = DUE_US) -> tuple[Reporter, dict[str, ChangeReport]]:
    """The reports on `changes`, after an incident (if any) was judged at its own time."""
    history = past(rates, minutes=900)
    reporter = Reporter(PARAMETERS)
    reporter.step(T0, calendar(), history, [])
    if incident is not None:
        view = calendar(*changes, at_us=incident.at_us)
        suspected = assess_cause(incident, view, past(rates), PARAMETERS).suspects
        reporter.step(
            incident.at_us,
            view,
            history,
            [
                IncidentWithSuspects(
                    incident,
                    suspected,
                    {one.alert_id: suspected for one in incident.episodes},
                    {one.alert_id: envelope(one, view) for one in incident.episodes},
                )
            ],
        )
    done = reporter.step(at_us, calendar(*changes, at_us=at_us), history, [])
    return reporter, {report.change_id: report for report in done.reports}


def test_a_change_that_did_nothing_had_no_impact() -> None:
    _, reports = reported(usual, change("QUIET", hours=1))
    report = reports["QUIET"]
    assert (report.verdict, report.revision, report.overran_s, report.started_early_s, report.declared_late_s) == ("no_impact", 1, 0, 0, 0)
    assert report.effects == ()
    assert report.score < 0.3


def test_a_change_with_an_incident_had_an_impact_with_its_effects_against_controls() -> None:
    _, reports = reported(broken(), change("FIREWALL", hours=1, category="firewall"), incident=case())
    report = reports["FIREWALL"]
    assert report.verdict == "impact"
    assert report.alert_ids == ("A-silence-USER-00",)
    effect = report.effects[0]
    assert (effect.series.user, effect.observed, effect.ratio) == ("USER-00", 0, 0)
    assert effect.expected > 1000
    assert effect.p_value is not None
    assert effect.p_value < 0.05
    assert len(effect.control_users) == 10
    assert "USER-00" not in effect.control_users


def test_an_effect_that_raised_no_alert_is_found_all_the_same() -> None:
    _, reports = reported(broken(factor=1.6), change("UNSEEN", hours=1))
    assert reports["UNSEEN"].verdict == "impact"
    assert "USER-00" in reports["UNSEEN"].summary


@pytest.mark.parametrize(("broke", "verdict"), [(10_000, "no_impact"), (740, "impact")])
def test_a_step_of_the_day_that_comes_later_than_in_the_profile_is_no_effect(broke: int, verdict: str) -> None:
    """The step from a tenth comes at 12:15, the profile has it at 12:00; the change covers little but the time between."""

    def day(user: str, service: str, minute: int) -> float:
        return 0.1 if minute < 735 else 0.01 if user == "USER-00" and minute >= broke else 1.0

    history = past(day, minutes=900, users=USERS[:3], profile=lambda minute: 0.1 if minute < 720 else 1.0)
    reporter = Reporter(PARAMETERS)
    reporter.step(T0, calendar(), history, [])
    begun = change("PORTAL", start=-45, hours=1) if verdict == "no_impact" else change("PORTAL", start=20, hours=1)
    done = reporter.step(DUE_US, calendar(begun, at_us=DUE_US), history, [])
    assert [report.verdict for report in done.reports] == [verdict]


def test_a_change_that_only_may_be_behind_an_alert_is_inconclusive() -> None:
    history, doubted = past(broken(), minutes=900), change("DOUBTED", start=-100, hours=6)
    reporter = Reporter(PARAMETERS)
    reporter.step(T0, calendar(), history, [])
    reason = Reason(code="scope", text="It is near.")
    doubt = Suspect(change_id="DOUBTED", owner="USER-00", basis="declared", verdict="possible", score=0.4, reasons=(reason,))
    incident = case()
    reporter.step(incident.at_us, calendar(doubted, at_us=incident.at_us), past(broken()), [IncidentWithSuspects(incident, (doubt,), {})])
    due_us = ONSET + 7 * HOUR_US
    (report,) = reporter.step(due_us, calendar(doubted, at_us=due_us), history, []).reports
    assert (report.verdict, report.alert_ids) == ("inconclusive", ("A-silence-USER-00",))
    assert "may be behind 1 alert" in report.summary


def test_what_a_user_does_every_night_is_no_impact_of_a_change() -> None:
    """A storm that never was serious is a habit, whatever change began at the same time."""
    surge = episode(kind="storm", direction="up", ratio=3.0, observed=300.0, expected=100.0, serious=False)
    blamed = Suspect(
        change_id="QUIET", owner="USER-00", basis="declared", verdict="probable", score=0.99, reasons=(Reason(code="scope", text="Near."),)
    )
    quiet = change("QUIET", hours=1)
    history, reporter = past(usual, minutes=900), Reporter(PARAMETERS)
    reporter.step(T0, calendar(), history, [])
    incident = case(surge)
    known = IncidentWithSuspects(incident, (blamed,), {}, severity="info")
    reporter.step(incident.at_us, calendar(quiet, at_us=incident.at_us), past(usual), [known])
    (report,) = reporter.step(DUE_US, calendar(quiet, at_us=DUE_US), history, []).reports
    assert (report.verdict, report.alert_ids) == ("no_impact", ())


def test_a_harmless_change_beside_anothers_incident_had_no_impact() -> None:
    everyone = change("ALL", hours=1, owner="DCC", category="planned_maintenance")
    _, reports = reported(broken(), change("FIREWALL", hours=1, category="firewall"), everyone, incident=case())
    assert reports["ALL"].verdict == "no_impact"
    assert reports["ALL"].alert_ids == ()


def test_a_change_whose_scope_is_back_to_normal_after_other_trouble_had_no_impact() -> None:
    def blocked(user: str, service: str, minute: int) -> float:
        return 0.3 if user == "USER-00" and 600 <= minute < 720 else 1.0

    _, reports = reported(blocked, change("AFTER", hours=1))
    assert reports["AFTER"].verdict == "no_impact"


def test_what_was_declared_and_came_is_as_expected() -> None:
    tripled = change("TRIPLE", hours=1, expected={"effect": "up", "factor": 3.0})
    _, reports = reported(broken(factor=3.0), tripled, incident=case(episode("storm", ratio=3.0)))
    assert reports["TRIPLE"].verdict == "as_expected"
    assert reports["TRIPLE"].effects


def test_what_was_declared_and_never_came_is_absent() -> None:
    _, reports = reported(usual, change("TRIPLE", hours=1, expected={"effect": "up", "factor": 3.0}))
    assert reports["TRIPLE"].verdict == "absent"
    assert "did it happen?" in reports["TRIPLE"].summary


def test_beyond_what_was_declared_is_an_impact() -> None:
    tripled = change("TRIPLE", hours=1, expected={"effect": "up", "factor": 3.0})
    _, reports = reported(broken(factor=9.0), tripled, incident=case(episode("storm", ratio=9.0, observed=900.0)))
    assert reports["TRIPLE"].verdict == "impact"
    assert "beyond" in reports["TRIPLE"].summary


def test_a_scope_that_nothing_is_known_of_is_inconclusive() -> None:
    _, reports = reported(usual, change("ELSEWHERE", owner="USER-99", hours=1))
    assert reports["ELSEWHERE"].verdict == "inconclusive"


def test_early_late_and_too_long_are_reported_in_seconds() -> None:
    records = {
        "actual_start": instant(ONSET - 12 * MINUTE_US),
        "actual_end": instant(ONSET + 90 * MINUTE_US),
        "declared_at": instant(ONSET - 2 * MINUTE_US),
        "updated_at": instant(ONSET - 2 * MINUTE_US),
    }
    _, reports = reported(usual, change("LOOSE", hours=1, **records))
    report = reports["LOOSE"]
    assert (report.started_early_s, report.overran_s, report.declared_late_s) == (600, 32 * 60, 600)
    assert "declared" in report.summary


def test_an_effect_that_goes_on_is_said_to_go_on_until_it_ends() -> None:
    """Its incident, which others' trouble may hold open, need not be over for that."""
    planned = change("FIREWALL", hours=1, category="firewall")
    history, reporter, view = past(broken(), minutes=900), Reporter(PARAMETERS), calendar(planned, at_us=DUE_US)
    reporter.step(T0, view, history, [])
    blamed = Suspect(change_id="FIREWALL", owner="USER-00", basis="declared", verdict="probable", score=1.0, reasons=(), key=planned.key)
    due_us = ONSET - 2 * MINUTE_US + HOUR_US + PARAMETERS.settling_s * 1_000_000
    shut = episode(at_us=due_us)
    own = {shut.alert_id: (blamed,)}
    done = reporter.step(due_us, view, history, [IncidentWithSuspects(case(shut), (blamed,), own)])
    for report in (done.reports[0], done.user_reports[0][1]):
        assert "It still goes on, 2 h after its planned end." in report.summary
        assert report.overran_s == 7200
    later_us = due_us + 30 * MINUTE_US
    over = IncidentWithSuspects(case(replace(shut, at_us=later_us, ended_us=due_us + 20 * MINUTE_US)), (blamed,), own)
    done = Reporter.unpack(PARAMETERS, unpack(pack(reporter.pack(), 1), 1)).step(later_us, view, history, [over])
    for report in (done.reports[0], done.user_reports[0][1]):
        assert "It went on for 2 h 20 min after its planned end." in report.summary
        assert (report.revision, report.overran_s) == (2, 8400)


@pytest.mark.parametrize("status", ["draft", "cancelled"])
def test_drafts_and_cancelled_changes_get_no_report(status: str) -> None:
    _, reports = reported(usual, change("NEVER", hours=1, status=status))
    assert reports == {}


def test_a_change_that_was_over_before_the_monitor_began_gets_no_report() -> None:
    _, reports = reported(usual, change("OLD", start=-24 * 60, hours=1))
    assert reports == {}


def test_a_report_waits_for_the_settling_time_and_comes_once() -> None:
    history, reporter = past(minutes=900), Reporter(PARAMETERS)
    view = calendar(change("QUIET", hours=1))
    due_us = ONSET - 2 * MINUTE_US + HOUR_US + PARAMETERS.settling_s * 1_000_000
    assert reporter.step(T0, view, history, []).reports == ()
    assert reporter.step(due_us - 1, view, history, []).reports == ()
    assert len(reporter.step(due_us, view, history, []).reports) == 1
    assert reporter.step(due_us + MINUTE_US, view, history, []).reports == ()


def test_a_later_word_of_the_calendar_brings_a_revision_only_if_it_changes_the_answer() -> None:
    history = past(minutes=900)
    reporter, reports = reported(usual, change("QUIET", hours=1))
    assert reports["QUIET"].revision == 1
    same = calendar(change("QUIET", hours=1, revision=2))
    assert reporter.step(DUE_US + MINUTE_US, same, history, []).reports == ()
    longer = change("QUIET", hours=1, revision=3, actual_end=instant(ONSET + 80 * MINUTE_US))
    again = reporter.step(DUE_US + 2 * MINUTE_US, calendar(longer), history, []).reports
    assert [(report.revision, report.overran_s) for report in again] == [(2, 22 * 60)]


def test_a_users_copy_tells_its_own_changes_with_its_own_traffic_only() -> None:
    history, reporter = past(broken(), minutes=900), Reporter(PARAMETERS)
    changes = (change("MINE", hours=1, category="firewall"), change("DCCS", hours=1, owner="DCC", category="network", users=["USER-00"]))
    reporter.step(T0, calendar(*changes), history, [])
    copies = reporter.step(DUE_US, calendar(*changes), history, []).user_reports
    assert [(user, report.change_id) for user, report in copies] == [("USER-00", "MINE")]
    assert all(effect.control_users == () for effect in copies[0][1].effects)


def copies_of(others: Rates, hours: float) -> bytes:
    """USER-00's reports while the others' traffic moves as `others` says, and another's change takes so many hours."""
    history, reporter = (
        past(lambda user, *when: (broken() if user == "USER-00" else others)(user, *when), minutes=900),
        Reporter(PARAMETERS),
    )
    view = calendar(change("MINE", hours=1, category="firewall"), change("THEIRS", owner="USER-03", hours=hours))
    reporter.step(T0, view, history, [])
    copies = reporter.step(DUE_US, view, history, []).user_reports
    return b"\n".join(to_json(report) for user, report in copies if user == "USER-00")


def test_nothing_in_a_users_copy_depends_on_others() -> None:
    calm = copies_of(usual, 1)
    assert b'"impact"' in calm
    assert calm == copies_of(lambda user, service, minute: 0.0 if minute >= 720 else 3.0, 2)


def test_packed_and_unpacked_it_says_the_same() -> None:
    changes = (change("FIREWALL", hours=1, category="firewall"), change("QUIET", owner="USER-04", hours=2))
    history = past(broken(), minutes=900)
    reporter, _ = reported(broken(), *changes, incident=case(), at_us=ONSET + 30 * MINUTE_US)
    again = Reporter.unpack(PARAMETERS, unpack(pack(reporter.pack(), 1), 1), {})
    first = reporter.step(DUE_US, calendar(*changes), history, [])
    second = again.step(DUE_US, calendar(*changes), history, [])
    assert first == second
    assert len(first.reports) == 2
    assert pack(again.pack(), 1) == pack(reporter.pack(), 1)


def test_the_declaration_record_counts_per_user() -> None:
    late = {"declared_at": instant(ONSET + MINUTE_US), "updated_at": instant(ONSET + MINUTE_US)}
    reporter, _ = reported(
        usual,
        change("A", hours=1),
        change("B", hours=1, **late),
        change("C", hours=1, expected={"effect": "silent"}),
        change("D", owner="DCC"),
    )
    record = reporter.declarations.of("USER-00")
    assert (record.declared, record.on_time, record.kept_to_time, record.scope_right, record.undeclared) == (3, 2, 3, 2, 0)
    assert record.declared_share == 1
    assert reporter.declarations.users() == ("USER-00",)


def test_an_incident_that_nobody_declared_lowers_the_declared_share() -> None:
    reporter, _ = reported(broken(), change("OTHER", owner="USER-03", hours=1), incident=case())
    record = reporter.declarations.of("USER-00")
    assert (record.undeclared, record.declared_share) == (1, 0)
    assert reporter.declarations.of("USER-03").declared_share == 1
