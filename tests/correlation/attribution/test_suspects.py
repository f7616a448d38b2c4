from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.attribution.suspects import CauseAssessment, assess_cause
from correlation.attribution.verdict_rules import persistent
from correlation.history.traffic_history import History
from correlation.parameters import CorrelationParameters
from models.alert import Suspect
from models.change import Change
from models.times import MINUTE_US, instant
from tests.correlation.past import ONSET, USERS, broken, calendar, case, change, episode, past, series

PARAMETERS = CorrelationParameters()


@pytest.fixture(scope="module")
def silenced() -> History:
    """USER-00 falls silent, everyone else goes on."""
    return past(broken())


@pytest.fixture(scope="module")
def stormed() -> History:
    return past(broken(factor=5.0))


def judged(history: History, *changes: Change, **facts: object) -> CauseAssessment:
    return assess_cause(facts.pop("case", case()), calendar(*changes), history, PARAMETERS)


def named(judgement: CauseAssessment, change_id: str | None) -> Suspect:
    return next(suspect for suspect in judgement.suspects if suspect.change_id == change_id)


def codes(suspect: Suspect) -> set[str]:
    return {reason.code for reason in suspect.reasons}


def test_a_change_of_that_user_just_before_the_onset_is_probable_and_says_why(silenced: History) -> None:
    suspect = judged(silenced, change("FIREWALL", category="firewall", directions=["to_dsp"])).suspects[0]
    assert (suspect.change_id, suspect.owner, suspect.basis, suspect.verdict) == ("FIREWALL", "USER-00", "declared", "probable")
    assert suspect.score > 0.9
    assert {"scope", "onset", "kind", "controls", "persistence"} <= codes(suspect)
    assert all(reason.text.endswith(".") for reason in suspect.reasons)


@pytest.mark.parametrize("minutes", [5, 40, 55])
def test_a_launch_whose_storm_comes_within_the_hour_is_probable(stormed: History, minutes: int) -> None:
    launch = change("LAUNCH", start=-minutes, hours=4, category="meter_data_management", directions=["to_dsp"])
    suspect = judged(stormed, launch, case=case(episode("storm"))).suspects[0]
    assert (suspect.change_id, suspect.verdict) == ("LAUNCH", "probable")


def test_of_several_changes_the_one_that_began_with_the_trouble_is_on_top(silenced: History) -> None:
    suspected = judged(
        silenced,
        change("HOURS-AGO", start=-300, hours=1, category="firewall"),
        change("LONG", start=-200, hours=8, category="release"),
        change("RIGHT", start=-3, category="firewall"),
        change("OTHER-USER", owner="USER-05", category="firewall"),
        change("LATER", start=25, category="firewall"),
    )
    assert suspected.suspects[0].change_id == "RIGHT"
    assert named(suspected, "LATER").verdict == "excluded"
    assert "abnormal_before" in codes(named(suspected, "LATER"))
    assert "OTHER-USER" not in {suspect.change_id for suspect in suspected.suspects}


def test_a_change_of_another_user_at_the_same_minute_is_not_suspected(silenced: History) -> None:
    suspected = judged(silenced, change("THEIRS", owner="USER-05", category="firewall"))
    assert suspected.suspects[0].basis == "undeclared"


def test_when_everybody_moved_alike_one_users_change_is_excluded() -> None:
    history = past(lambda user, service, minute: 0.0 if minute >= 720 else 1.0)
    suspect = named(judged(history, change("MINE", category="firewall")), "MINE")
    assert suspect.verdict == "excluded"
    assert "controls_moved" in codes(suspect)


def test_a_change_of_everyones_is_excluded_when_only_one_user_is_touched(silenced: History) -> None:
    suspected = judged(silenced, change("ALL", owner="DCC", category="planned_maintenance"))
    assert all(suspect.change_id != "ALL" or suspect.verdict in ("excluded", "coincident") for suspect in suspected.suspects)
    assert suspected.suspects[0].basis == "undeclared"


def test_a_dcc_change_that_names_the_user_counts_as_that_users(silenced: History) -> None:
    suspect = judged(silenced, change("DCC-AT-00", owner="DCC", category="network", users=["USER-00"])).suspects[0]
    assert (suspect.change_id, suspect.verdict) == ("DCC-AT-00", "probable")


def test_a_storm_is_no_firewalls_doing(stormed: History) -> None:
    storm = case(episode("storm"))
    suspected = judged(stormed, change("FIREWALL", category="firewall"), change("METER-DATA", category="meter_data_management"), case=storm)
    assert suspected.suspects[0].change_id == "METER-DATA"
    assert named(suspected, "FIREWALL").verdict != "probable"


def test_a_blip_is_not_probable_before_it_has_lasted(silenced: History) -> None:
    young = case(episode(minutes=1, detected_us=ONSET + MINUTE_US))
    assert judged(past(broken(), minutes=721), change("FIREWALL", category="firewall"), case=young).suspects[0].verdict == "possible"
    assert judged(silenced, change("FIREWALL", category="firewall")).suspects[0].verdict == "probable"


def test_a_change_declared_only_afterwards_may_still_explain_and_it_is_said(silenced: History) -> None:
    late = change("LATE", category="firewall", declared_at=instant(ONSET + 10 * MINUTE_US), updated_at=instant(ONSET + 10 * MINUTE_US))
    suspect = judged(silenced, late).suspects[0]
    assert (suspect.change_id, suspect.verdict) == ("LATE", "probable")
    assert "declared_late" in codes(suspect)


@pytest.mark.parametrize("status", ["draft", "cancelled"])
def test_drafts_and_cancelled_changes_explain_nothing(silenced: History, status: str) -> None:
    suspected = judged(silenced, change("NEVER", category="firewall", status=status))
    assert [suspect.basis for suspect in suspected.suspects] == ["undeclared"]


def test_an_actual_start_after_the_onset_rules_out_what_the_plan_would_suggest(silenced: History) -> None:
    moved = change("MOVED", start=-2, category="firewall", actual_start=instant(ONSET + 10 * MINUTE_US))
    assert named(judged(silenced, moved), "MOVED").verdict == "excluded"
    assert named(judged(silenced, change("MOVED", start=-2, category="firewall")), "MOVED").verdict == "probable"


def test_a_change_that_names_other_services_is_not_about_it(silenced: History) -> None:
    suspected = judged(silenced, change("OTHER-SERVICE", category="firewall", services=["8.1.1"]))
    assert suspected.suspects[0].basis == "undeclared"


def test_an_incident_at_one_user_without_a_change_names_that_user(silenced: History) -> None:
    suspect = judged(silenced).suspects[0]
    assert (suspect.change_id, suspect.owner, suspect.basis, suspect.verdict) == (None, "USER-00", "undeclared", "probable")


def test_where_only_other_regions_could_be_compared_with_a_user_is_not_probably_to_blame() -> None:
    """That Users elsewhere are well does not show that the trouble is that User's alone, rather than its region's."""
    suspect = named(judged(past(broken(), elsewhere=USERS[1:])), None)
    assert (suspect.owner, suspect.basis, suspect.verdict) == ("USER-00", "undeclared", "possible")


def test_weather_names_nobody_and_is_said() -> None:
    keys = {user: (series(user, "8F36", message_class="device_alert", direction="to_user"),) for user in USERS[:4]}
    storms = [episode("storm", user, series=keys[user]) for user in USERS[:4]]
    suspected = judged(past(), case=case(*storms, origin=None))
    assert suspected.nature.code == "weather"
    assert not suspected.suspects


def test_a_gap_in_the_telemetry_names_nobody() -> None:
    suspected = judged(past(), case=case(episode("stale")))
    assert (suspected.nature.code, suspected.suspects) == ("telemetry", ())


def test_failures_on_the_network_side_name_no_user() -> None:
    failing = case(episode("failures", codes={"E20": 400, "E21": 80, "E4": 10}))
    assert judged(past(), case=failing).nature.code == "dcc_side"
    theirs = case(episode("failures", codes={"E20": 4, "E4": 100}))
    assert judged(past(), case=theirs).nature.code != "dcc_side"


def test_traffic_that_runs_flat_against_a_ceiling_looks_throttled() -> None:
    history = past(lambda user, service, minute: 3.0 if user == "USER-00" and minute >= 720 else 1.0)
    for cohort in history._traffic.values():
        for ring in cohort.buffers:
            ring.cells[0] = ring.cells[0].clip(max=120.0 * ring.bin_us / MINUTE_US)
    suspected = judged(history, case=case(episode("storm", ratio=2.4)))
    assert suspected.nature.code == "throttled"
    assert not suspected.suspects
    waiting = episode("backlog", series=(series(queue="to_user", direction="", message_class="", service="", region=""),))
    assert judged(history, case=case(episode("storm", ratio=2.4), waiting)).nature.code == "user_change"


def test_an_incident_of_several_users_is_nobodys_undeclared_change() -> None:
    history = past(lambda user, service, minute: 0.2 if minute >= 720 and user in USERS[:6] else 1.0)
    drops = [episode("drop", user, ratio=0.2, observed=20.0) for user in USERS[:6]]
    suspected = judged(history, case=case(*drops, origin=None))
    assert suspected.nature.code == "dcc_side"
    assert all(suspect.basis == "declared" for suspect in suspected.suspects)


def test_a_change_of_everyones_is_probable_when_everyone_is_in_trouble() -> None:
    history = past(lambda user, service, minute: 0.2 if minute >= 720 else 1.0)
    drops = [episode("drop", user, ratio=0.2, observed=20.0) for user in USERS]
    suspected = judged(history, change("DCC", owner="DCC", category="planned_maintenance"), case=case(*drops, origin=None))
    assert (suspected.suspects[0].change_id, suspected.suspects[0].verdict) == ("DCC", "probable")


def test_an_onset_that_was_estimated_too_early_is_found_again_in_the_counts(silenced: History) -> None:
    vague = case(episode(onset_us=ONSET - 14 * MINUTE_US))
    suspected = judged(
        silenced, change("RIGHT", start=-1, category="firewall"), change("BEFORE", start=-15, category="firewall"), case=vague
    )
    assert suspected.suspects[0].change_id == "RIGHT"


def test_at_most_five_suspects_and_three_excluded_ones_are_listed(silenced: History) -> None:
    many = [change(f"C-{number:02d}", start=-number, category="firewall") for number in range(30)]
    later = [change(f"L-{number:02d}", start=30 + number, category="firewall") for number in range(30)]
    suspected = judged(silenced, *many, *later)
    assert sum(suspect.verdict != "excluded" for suspect in suspected.suspects) <= 6
    assert sum(suspect.verdict == "excluded" for suspect in suspected.suspects) == 3


def test_without_any_history_it_still_answers_by_calendar_and_kind() -> None:
    suspect = judged(History(), change("FIREWALL", category="firewall")).suspects[0]
    assert (suspect.change_id, suspect.basis) == ("FIREWALL", "declared")


starts = st.integers(-400, 110)
drawn = st.lists(
    st.tuples(starts, st.sampled_from(["firewall", "release", "tariff", "other"]), st.sampled_from(["USER-00", "USER-01", "DCC"])),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(changes=drawn)
def test_scores_are_shares_in_order_and_the_calendars_order_never_matters(changes: list[tuple[int, str, str]]) -> None:
    history = SILENCED
    declared = [
        change(f"C-{number}", start=start, category=category, owner=owner) for number, (start, category, owner) in enumerate(changes)
    ]
    suspected = judged(history, *declared)
    assert suspected == judged(history, *reversed(declared))
    scores = [suspect.score for suspect in suspected.suspects]
    assert scores == sorted(scores, reverse=True)
    best: dict[str | None, float] = {}
    for suspect in suspected.suspects:
        best[suspect.owner] = max(best.get(suspect.owner, 0.0), suspect.score)
    assert sum(best.values()) <= 1.05
    ranks = [(-suspect.score, suspect.change_id or "", suspect.owner or "") for suspect in suspected.suspects]
    assert ranks == sorted(ranks)


def test_what_a_user_may_not_see_changes_nothing_in_its_own_judgement(silenced: History) -> None:
    elsewhere = past(lambda user, service, minute: 0.0 if minute >= 720 and user != "USER-05" else 1.0, seed=7)
    alone = past(broken(), seed=1)
    own = case()
    view = calendar(change("FIREWALL", category="firewall"))
    seen = assess_cause(own, view, silenced.restricted_to("USER-00"), PARAMETERS)
    assert seen == assess_cause(own, view, alone.restricted_to("USER-00"), PARAMETERS)
    assert seen.suspects[0].change_id == "FIREWALL"
    other = replace(own, episodes=(episode(user="USER-05"),), origin_user="USER-05")
    assert assess_cause(other, calendar(), elsewhere.restricted_to("USER-05"), PARAMETERS).suspects[0].verdict == "possible"


SILENCED = past(broken())


def test_what_has_lasted_is_not_doubted_because_more_of_the_same_trouble_shows() -> None:
    refused = episode("failures", minutes=5)
    unanswered = episode("silence", minutes=5, onset_us=ONSET + 4 * MINUTE_US, detected_us=ONSET + 5 * MINUTE_US)
    assert persistent(case(refused))
    assert persistent(case(refused, unanswered))
    assert not persistent(case(unanswered))


def test_what_was_over_after_a_minute_shows_nothing_that_lasts() -> None:
    short = episode("drop", minutes=1, ended_us=ONSET + MINUTE_US)
    unanswered = episode("silence", minutes=9, onset_us=ONSET + 8 * MINUTE_US, detected_us=ONSET + 9 * MINUTE_US)
    assert not persistent(case(unanswered, short))
