"""Conflicts: what should not happen at the same time, and what is too much together."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.planning.conflicts import Capacity, conflicts, described
from models.change import Change
from models.times import format_time
from tests.changes.builders import at, change


def kinds(*changes: Change, capacity: Capacity | None = None) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.kind, one.change_ids) for one in conflicts(changes, capacity)]


def test_two_changes_of_one_user_at_one_time_overlap() -> None:
    assert kinds(change("A"), change("B")) == [("overlap", ("A", "B"))]


def test_a_users_change_inside_one_of_the_dccs_is_named() -> None:
    (one,) = conflicts([change("A", "DCC"), change("B", planned_start="2026-01-05T22:30:00Z")])
    assert one.kind == "dcc_and_user"
    assert (format_time(one.from_us)[11:16], format_time(one.to_us)[11:16]) == ("22:30", "23:00")
    assert "B (SUP-01: Work) falls into the DCC's change A (DCC: Work)" in one.text


@pytest.mark.parametrize(
    "fields",
    [
        {"owner": "SUP-02"},
        {"planned_start": "2026-01-05T23:00:00Z"},
        {"planned_end": "2026-01-05T22:00:00Z", "planned_start": "2026-01-05T21:00:00Z"},
        {"services": ["4.8.1"]},
        {"regions": ["south"]},
        {"directions": ["to_user"]},
        {"status": "cancelled"},
        {"status": "completed"},
        {"status": "rolled_back"},
    ],
)
def test_what_does_not_meet_is_no_conflict(fields: dict[str, Any]) -> None:
    narrow = change("A", services=["8.1.1"], regions=["north"], directions=["to_dsp"])
    assert kinds(narrow, change("B", **fields)) == []


def test_two_changes_that_disrupt_nothing_are_no_conflict() -> None:
    assert kinds(change("A", disruption="none"), change("B", disruption="none")) == []
    assert kinds(change("A", disruption="none"), change("B")) != []


def test_different_systems_of_the_dcc_do_not_meet() -> None:
    assert kinds(change("A", "DCC", systems=["DSP"]), change("B", "DCC", systems=["SSI"])) == []
    assert kinds(change("A", "DCC", systems=["DSP"]), change("B", "DCC", systems=["DSP"])) == [("overlap", ("A", "B"))]


def test_whatever_may_cost_a_bcdr_test_earlier_on_its_day_is_named() -> None:
    test = change("T", "DCC", category="bcdr_test", planned_start="2026-01-05T22:00:00Z")
    morning = change("A", planned_start="2026-01-05T06:00:00Z", planned_end="2026-01-05T07:00:00Z")
    night = change("B", planned_start="2026-01-05T23:00:00Z", planned_end="2026-01-05T23:30:00Z")
    harmless = change("C", disruption="none")
    assert kinds(test, morning, night, harmless)[0] == ("bcdr_test", ("A", "T"))
    assert {ids for kind, ids in kinds(test, morning, night, harmless) if kind == "bcdr_test"} == {("A", "T")}


def rise(change_id: str, owner: str, factor: float, **fields: Any) -> Change:
    return change(change_id, owner, expected={"effect": "up", "factor": factor}, **fields)


def test_declared_rises_that_are_too_much_together_collide() -> None:
    found = conflicts([rise("A", "SUP-01", 3), rise("B", "SUP-02", 2, planned_start="2026-01-05T22:30:00Z")])
    assert [(one.kind, one.change_ids) for one in found] == [("load", ("A", "B"))]
    assert (found[0].from_us, found[0].to_us) == (at("22:30"), at("23:00"))
    assert "×4 of the usual traffic" in found[0].text


def test_rises_that_do_not_meet_or_fit_do_not_collide() -> None:
    assert kinds(rise("A", "SUP-01", 3), rise("B", "SUP-02", 3, planned_start="2026-01-05T23:00:00Z")) == []
    assert kinds(rise("A", "SUP-01", 2), rise("B", "SUP-02", 2)) == []
    assert kinds(rise("A", "SUP-01", 50)) == []
    assert kinds(rise("A", "SUP-01", 3), change("B", "SUP-02", expected={"effect": "down", "factor": 0.1})) == []
    assert kinds(rise("A", "SUP-01", 3), rise("B", "SUP-02", 3, status="cancelled")) == []


def test_a_declared_rise_lasts_as_long_as_it_says() -> None:
    late = change("A", expected={"effect": "up", "factor": 3, "until": "2026-01-06T02:00:00Z"})
    assert kinds(late, rise("B", "SUP-02", 3, planned_start="2026-01-06T01:00:00Z", planned_end="2026-01-06T03:00:00Z")) == [
        ("load", ("A", "B"))
    ]


def test_with_a_capacity_rises_weigh_by_their_users_share() -> None:
    usual = {"SUP-01": 90.0, "SUP-02": 10.0}
    assert kinds(rise("A", "SUP-02", 10), capacity=Capacity(2.0, usual)) == []
    assert kinds(rise("A", "SUP-01", 3), capacity=Capacity(2.0, usual)) == [("load", ("A",))]
    assert kinds(rise("A", "DCC", 3, users=[]), capacity=Capacity(2.5, usual)) == [("load", ("A",))]


def test_rises_of_one_user_at_one_time_multiply() -> None:
    text = [one.text for one in conflicts([rise("A", "SUP-01", 3), rise("B", "SUP-01", 4)]) if one.kind == "load"]
    assert len(text) == 1
    assert "×12 of the usual" in text[0]


def test_a_preview_shows_only_what_the_new_change_brings() -> None:
    known = [change("A"), change("B"), change("NEW", owner="SUP-02")]
    found = described(change("NEW"), known)
    assert [one["change_ids"] for one in found] == [["A", "NEW"], ["B", "NEW"]]
    assert set(found[0]) == {"kind", "change_ids", "from", "to", "text"}


SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6), st.sampled_from(["SUP-01", "SUP-02", "DCC"])), max_size=8)


@given(spans=SPANS, order=st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_overlaps_are_those_that_comparing_all_pairs_finds_in_any_order(spans: list[tuple[int, int, str]], order: Any) -> None:
    made = [
        change(
            f"C{i}",
            owner,
            planned_start=format_time(at("00:00") + s * 600_000_000),
            planned_end=format_time(at("00:00") + (s + n) * 600_000_000),
        )
        for i, (s, n, owner) in enumerate(spans)
    ]
    expected = set()
    for i, (start, length, owner) in enumerate(spans):
        for j, (other, others_length, other_owner) in list(enumerate(spans))[:i]:
            shared = owner == other_owner or "DCC" in (owner, other_owner)
            meets = max(start, other) < min(start + (length or 0.001), other + (others_length or 0.001))
            if shared and meets:
                expected.add((f"C{j}", f"C{i}"))
    shuffled = list(made)
    order.shuffle(shuffled)
    assert {one.change_ids for one in conflicts(shuffled)} == expected
