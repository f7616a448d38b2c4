from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.grading.declared_effect import Envelope, envelope
from correlation.snapshots import AlertSnapshot
from models.change import Change
from models.times import HOUR_US, MINUTE_US, instant
from tests.correlation.past import ONSET, calendar, change, episode, series


def up(factor: float | None = 3.0, **fields: Any) -> Change:
    expected = {"effect": "up"} | ({} if factor is None else {"factor": factor})
    return change("UP", category="tariff", **({"expected": expected} | fields))


def storm(ratio: float, **facts: Any) -> AlertSnapshot:
    return episode("storm", ratio=ratio, observed=ratio * 1000, expected=1000.0, **facts)


def where(one: AlertSnapshot, *changes: Change) -> Envelope:
    return envelope(one, calendar(*changes, at_us=one.at_us))


def test_without_a_declared_effect_a_window_quiets_nobody() -> None:
    assert where(storm(1.5), change("PLAIN")).position == "none"
    assert where(storm(1.5)).position == "none"


@pytest.mark.parametrize(("ratio", "position"), [(1.6, "within"), (3.0, "within"), (4.4, "within"), (4.8, "beyond"), (30.0, "beyond")])
def test_a_rise_is_within_up_to_one_and_a_half_times_what_was_declared(ratio: float, position: str) -> None:
    covered = where(storm(ratio), up(3.0))
    assert (covered.position, covered.change_id) == (position, "UP")
    assert "UP" in covered.text


def test_how_far_beyond_is_said() -> None:
    assert "off by a factor of 10" in where(storm(30.0), up(3.0)).text


@pytest.mark.parametrize(("ratio", "position"), [(0.6, "within"), (0.4, "within"), (0.2, "beyond"), (0.0, "beyond")])
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_dip_is_within_down_to_two_thirds_of_what_was_declared(ratio: float, position: str, factor: float) -> None:
    dip = episode("drop", ratio=ratio, observed=ratio * 1000, expected=1000.0)
    assert where(dip, change("DOWN", expected={"effect": "down", "factor": factor})).position == position


def test_declared_silence_covers_silence_drops_and_the_queue_that_grows() -> None:
    silent = change("SILENT", expected={"effect": "silent"})
    queue = (series(direction="", message_class="", service="", region="", queue="to_user"),)
    assert where(episode("silence"), silent).position == "within"
    assert where(episode("drop", ratio=0.1), silent).position == "within"
    assert where(episode("backlog", series=queue, ratio=1.0), silent).position == "within"


def test_what_it_said_nothing_of_is_beyond() -> None:
    assert where(episode("silence"), up()).position == "beyond"
    assert where(storm(5.0), change("SILENT", expected={"effect": "silent"})).position == "beyond"
    assert where(episode("failures"), up()).position == "beyond"


def test_missing_reports_have_no_envelope() -> None:
    assert where(episode("stale"), change("SILENT", expected={"effect": "silent"})).position == "none"


def test_another_users_envelope_is_not_mine() -> None:
    assert where(storm(2.0), up(owner="USER-05")).position == "none"


def test_a_user_that_names_others_in_its_change_quiets_itself_alone() -> None:
    assert where(storm(2.0), up(owner="USER-05", users=["USER-00", "USER-05"])).position == "none"
    assert where(storm(2.0), up(users=["USER-00", "USER-05"])).position == "within"
    assert where(storm(2.0), up(users=["USER-05"])).position == "within"


def test_whom_the_dcc_names_it_may_speak_for() -> None:
    assert where(storm(2.0), up(owner="DCC", users=["USER-00"])).position == "within"
    assert where(storm(2.0), up(owner="DCC", users=["USER-05"])).position == "none"


def test_other_services_and_classes_are_outside_it() -> None:
    assert where(storm(2.0), up(expected={"effect": "up", "factor": 3.0, "message_classes": ["device_alert"]})).position == "none"
    assert where(storm(2.0), up(expected={"effect": "up", "factor": 3.0, "services": ["8.1.1"]})).position == "none"
    assert where(storm(2.0), up(expected={"effect": "up", "factor": 3.0, "services": ["2.2", "4.8.1"]})).position == "within"


def test_still_abnormal_after_the_window_is_beyond_from_then_on() -> None:
    short = change("SHORT", hours=0.25, expected={"effect": "silent"})
    assert where(episode("silence", minutes=12), short).position == "within"
    assert where(episode("silence", minutes=17), short).position == "within"
    late = where(episode("silence", minutes=21), short)
    assert late.position == "beyond"
    assert "after the planned end of SHORT" in late.text


def test_back_to_normal_at_the_windows_end_it_stays_within_while_the_detector_makes_sure() -> None:
    short = up(hours=0.25)
    assert where(storm(1.05, minutes=17), short).position == "within"


def test_an_extension_moves_the_end() -> None:
    short = change("LONGER", hours=0.25, expected={"effect": "silent"})
    records = {"revision": 2, "status": "extended", "planned_end": instant(ONSET + HOUR_US), "updated_at": instant(ONSET + 5 * MINUTE_US)}
    extended = Change.model_validate(short.model_dump() | records, strict=False)
    assert where(episode("silence", minutes=40), short).position == "beyond"
    assert where(episode("silence", minutes=40), short, extended).position == "within"


def test_until_says_how_long_the_effect_lasts() -> None:
    until = up(expected={"effect": "up", "factor": 3.0, "until": instant(ONSET + 10 * MINUTE_US)})
    assert where(storm(2.0, minutes=9), until).position == "within"
    assert where(storm(2.0, minutes=15), until).position == "within"
    assert where(storm(2.0, minutes=16), until).position == "beyond"


def test_what_began_long_before_the_window_is_not_what_was_declared() -> None:
    assert where(storm(2.0, minutes=60), up(start=30)).position == "none"


def test_what_begins_after_the_window_is_not_what_was_declared() -> None:
    assert where(storm(2.0), up(start=-130)).position == "none"


def test_declared_after_the_onset_is_reported() -> None:
    late = up(declared_at=instant(ONSET + MINUTE_US), updated_at=instant(ONSET + MINUTE_US))
    assert where(storm(2.0), late).declared_late
    assert not where(storm(2.0), up()).declared_late


def test_of_two_overlapping_changes_the_one_that_explains_it_counts_and_two_rises_add_up() -> None:
    small, great = up(2.0), change("GREAT", expected={"effect": "up", "factor": 6.0})
    assert where(storm(8.0), small, great).change_id == "GREAT"
    twice = change("TWICE", expected={"effect": "up", "factor": 2.0})
    assert where(storm(4.0), small).position == "beyond"
    assert where(storm(4.0), small, twice).position == "within"


def test_a_recurring_window_is_one_change_each_time() -> None:
    nightly = [change(f"NIGHT-{night}", start=-24 * 60 * night - 2, expected={"effect": "up", "factor": 3.0}) for night in range(4)]
    assert where(storm(2.0), *nightly).change_id == "NIGHT-0"
    assert where(storm(2.0), *nightly[1:]).position == "none"


def test_a_rise_without_a_factor_is_no_licence() -> None:
    assert where(storm(4.0), up(None)).position == "within"
    assert where(storm(5.0), up(None)).position == "beyond"


@settings(max_examples=60, deadline=None)
@given(ratio=st.floats(1.01, 1000), factor=st.floats(1, 50), offset=st.integers(-300, 300))
def test_a_declaration_never_quiets_more_than_it_said(ratio: float, factor: float, offset: int) -> None:
    covered = where(storm(ratio), up(factor, start=offset))
    if covered.position == "within":
        assert ratio <= 1.5 * factor * 1.15
        assert -5 <= -offset <= 125
