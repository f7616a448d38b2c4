"""Declarations are claims of one party: no User can blind the monitor for others, hide its own doing, or speak for anybody else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.calendar import NEVER_LATE, Calendar
from changes.learning_stops import USER_STOP_US, WEEK_BUDGET_US, user_stops
from correlation.attribution.suspects import assess_cause
from correlation.grading.declared_effect import envelope
from correlation.parameters import CorrelationParameters
from models.alert import Suspect
from models.change import Change
from models.times import DAY_US, HOUR_US, MINUTE_US
from tests.correlation.past import ONSET, T0, broken, calendar, case, change, episode, past, series

SILENCED = past(broken())
TRUE_CAUSE = change("CHG-1979", start=-3, category="firewall")
"""At USER-00, whose traffic falls silent at ONSET."""
CATEGORIES = ("firewall", "network", "release", "other")


def suspects(*changes: Change) -> dict[str, Suspect]:
    cause = assess_cause(case(), calendar(*changes), SILENCED, CorrelationParameters())
    return {suspect.key or "undeclared": suspect for suspect in cause.suspects}


@pytest.mark.parametrize("count", [24, 720])
def test_declarations_that_name_another_user_leave_its_true_cause_where_it_was(count: int) -> None:
    alone = suspects(TRUE_CAUSE)["USER-00/CHG-1979"]
    hostile = [change(f"X-{number:03d}", owner="USER-05", users=["USER-00"], category="firewall", start=-3) for number in range(count)]
    suspected = suspects(TRUE_CAUSE, *hostile)
    assert suspected["USER-00/CHG-1979"] == alone
    assert not any(key.startswith("USER-05/") for key in suspected)


@pytest.mark.parametrize("count", [24, 720])
def test_flooding_one_s_own_calendar_does_not_hide_one_s_guilt(count: int) -> None:
    flood = [change(f"A-{number:03d}", start=-3 - number % 40, category="release") for number in range(count)]
    suspected = suspects(TRUE_CAUSE, *flood)
    assert suspected["USER-00/CHG-1979"].verdict == "probable"
    assert suspected["USER-00/CHG-1979"].score >= suspects(TRUE_CAUSE)["USER-00/CHG-1979"].score - 0.05


def test_of_copies_of_the_true_cause_the_one_declared_first_is_probable() -> None:
    copies = [change(f"A-{number}", start=-3, category="firewall", declared_at=TRUE_CAUSE.declared_at) for number in range(24)]
    later = [one.model_copy(update={"declared_at": one.planned_start}) for one in copies]
    suspected = suspects(TRUE_CAUSE, *later)
    assert [key for key, one in suspected.items() if one.verdict == "probable"] == ["USER-00/CHG-1979"]


DECLARED = st.lists(
    st.tuples(st.sampled_from(["USER-00", "USER-05", "USER-07"]), st.integers(-180, 30), st.sampled_from(CATEGORIES), st.booleans()),
    max_size=12,
)


@given(declared=DECLARED)
@settings(max_examples=30, deadline=None)
def test_no_declaration_of_others_changes_what_is_said_of_a_user(declared: list[tuple[str, int, str, bool]]) -> None:
    """The kind of the rows above: whatever other Users declare, about whomever, a User's suspects are the same, byte for byte."""
    made = [
        change(f"H-{number}", owner=owner, start=start, category=category, users=["USER-00"] if names else [])
        for number, (owner, start, category, names) in enumerate(declared)
    ]
    own = [one for one in made if one.owner == "USER-00"]
    assert suspects(TRUE_CAUSE, *made) == suspects(TRUE_CAUSE, *own)


@given(declared=DECLARED)
@settings(max_examples=30, deadline=None)
def test_more_changes_of_an_owner_never_help_it(declared: list[tuple[str, int, str, bool]]) -> None:
    made = [change(f"H-{number}", start=start, category=category) for number, (_, start, category, _) in enumerate(declared)]
    suspected = suspects(TRUE_CAUSE, *made)
    assert any(one.verdict == "probable" for key, one in suspected.items() if key.startswith("USER-00/"))


def test_a_change_that_never_ends_and_names_everyone_stops_no_learning_but_its_owner_s_and_that_for_half_a_day() -> None:
    made = Calendar()
    everyone = [f"USER-{number:02d}" for number in range(12)]
    made.declare(change("FOREVER", owner="USER-05", start=-720, hours=24 * 365 * 70, users=everyone), None)
    keys = tuple(series(user) for user in ("USER-00", "USER-05"))
    began = made.view(T0 + HOUR_US).declared(keys, T0 + HOUR_US)
    assert began.tolist() == [False, True]
    assert made.view(T0 + 13 * HOUR_US).declared(keys, T0 + 13 * HOUR_US).tolist() == [False, False]


@given(windows=st.lists(st.tuples(st.integers(0, 30 * 24), st.integers(0, 24 * 60)), max_size=40))
@settings(max_examples=100, deadline=None)
def test_no_row_of_windows_stops_learning_for_long(windows: list[tuple[int, int]]) -> None:
    made = [change(f"W-{number}", start=start * 60 - 720, hours=max(length, 1) / 60) for number, (start, length) in enumerate(windows)]
    stops = user_stops(made)
    for start_us, end_us in stops:
        assert end_us - start_us <= USER_STOP_US
        week = sum(max(0, min(end, end_us) - max(start, end_us - 7 * DAY_US)) for start, end in stops)
        assert week <= WEEK_BUDGET_US


def late_envelope(declared_us: int | None, arrived_us: int | None) -> bool:
    """Whether the declared silence of USER-00 counts as late when it is declared so."""
    made = Calendar()
    result = change("C", start=-3, category="firewall", expected={"effect": "silent"})
    made.declare(result, arrived_us, claimed_us=declared_us)
    covered = envelope(episode("silence"), made.view(ONSET + 20 * MINUTE_US))
    assert covered.position == "within"
    return covered.declared_late


def test_a_user_s_word_on_when_it_declared_is_not_believed() -> None:
    after = ONSET + 5 * MINUTE_US
    assert not late_envelope(None, None), "the same change from a file, which says a month ago"
    assert late_envelope(after, after)
    assert not late_envelope(ONSET - 5 * MINUTE_US, ONSET - 5 * MINUTE_US)
    assert not late_envelope(NEVER_LATE, None)


@pytest.mark.parametrize(
    "added", [{"expected": {"effect": "silent"}}, {"planned_start": "2026-01-05T11:50:00Z", "expected": {"effect": "silent"}}]
)
def test_what_a_revision_adds_counts_as_declared_when_it_arrived(added: dict[str, Any]) -> None:
    made = Calendar()
    first, after = ONSET - 60 * MINUTE_US, ONSET + 5 * MINUTE_US
    made.declare(change("C", start=-3, category="firewall"), first, claimed_us=first)
    made.declare(change("C", start=-3, category="firewall", revision=2, **added), after, claimed_us=after)
    covered = envelope(episode("silence"), made.view(ONSET + 20 * MINUTE_US))
    assert covered.position == "within"
    assert covered.declared_late


def test_a_revision_that_leaves_the_envelope_as_it_was_is_not_late() -> None:
    made = Calendar()
    first, after = ONSET - 60 * MINUTE_US, ONSET + 5 * MINUTE_US
    result: dict[str, Any] = {"start": -3, "category": "firewall", "expected": {"effect": "silent"}}
    made.declare(change("C", **result), first, claimed_us=first)
    made.declare(change("C", revision=2, status="in_progress", **result), after, claimed_us=after)
    covered = envelope(episode("silence"), made.view(ONSET + 20 * MINUTE_US))
    assert (covered.position, covered.declared_late) == ("within", False)


def test_ids_live_in_their_owner_s_space() -> None:
    made = Calendar()
    made.declare(change("DCC-2026-001", owner="DCC", category="network"), None)
    made.declare(change("DCC-2026-001", owner="USER-05", revision=2**53 - 1), None)
    assert sorted(one.key for one in made.view(ONSET).changes) == ["DCC/DCC-2026-001", "USER-05/DCC-2026-001"]


def test_a_tombstone_takes_back_what_came_under_its_own_key_and_nothing_else() -> None:
    made = Calendar()
    moved = change("C", owner="USER-05")
    made.declare(moved, None, record_key="C")
    made.declare(moved, None, record_key=moved.key)
    made.withdraw("C")
    assert [one.key for one in made.view(ONSET).changes] == ["USER-05/C"]
    again = Calendar.unpack(made.pack())
    again.withdraw("USER-05/C")
    assert again.view(ONSET).changes == ()
