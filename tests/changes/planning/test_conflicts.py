"""Conflicts: what should not happen at the same time, and what is too much together."""

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changes.planning import overlaps
from changes.planning.conflicts import Capacity, PlanningRules, conflicts, described, slots_for
from changes.planning.free_slots import moved_to
from changes.planning.freezes import FreezeParameters
from changes.planning.load import hourly
from changes.planning.overlaps import conflict_between
from changes.planning.rates import Cell, UsualRates
from changes.planning.systems import SystemMap, SystemParameters
from models.change import Change
from models.times import HOUR_US, format_time
from tests.changes.builders import at, change


def kinds(*changes: Change, capacity: Capacity | None = None) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.kind, one.change_ids) for one in conflicts(changes, rules(capacity or Capacity()))]


def rules(capacity: Capacity) -> PlanningRules:
    return PlanningRules(capacity=capacity)


LATE = "2026-01-05T23:59:00Z"


def test_two_changes_of_one_user_at_one_time_overlap() -> None:
    assert kinds(change("A"), change("B")) == [("overlap", ("A", "B"))]


def test_a_users_change_inside_one_of_the_dccs_is_named() -> None:
    (one,) = conflicts([change("A", "DCC"), change("B", planned_start="2026-01-05T22:30:00Z")])
    assert one.kind == "dcc_and_user"
    assert (format_time(one.from_us)[11:16], format_time(one.to_us)[11:16]) == ("22:30", "23:00")
    assert "B (SUP-01: Work) takes place during the DCC's change A (DCC: Work)" in one.text


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


def flat(**per_s: float) -> Capacity:
    """Three times the usual of Users whose traffic never changes; `SUP_01` is SUP-01."""
    return Capacity(UsualRates(tuple(Cell(user.replace("_", "-"), "", "", (rate,)) for user, rate in per_s.items())))


BIG = flat(SUP_01=20.0, SUP_02=20.0, SUP_03=60.0)
SMALL = flat(SUP_01=0.5, SUP_02=0.5, SUP_03=99.0)


def test_two_tariff_runs_of_large_suppliers_in_one_hour_collide_with_hour_and_headroom() -> None:
    pairs = conflicts([rise("A", "SUP-01", 15), rise("B", "SUP-02", 15, planned_start="2026-01-05T22:30:00Z")], rules(BIG))
    assert [(one.kind, one.change_ids) for one in pairs] == [("load", ("A", "B"))]
    assert (pairs[0].from_us, pairs[0].to_us) == (at("22:00"), at("23:00"))
    assert "the hour of 2026-01-05T22:00:00Z with 660 messages a second; the capacity is 300 (headroom -120 %)" in pairs[0].text


def test_rises_of_small_suppliers_do_not_collide() -> None:
    assert kinds(rise("A", "SUP-01", 3), rise("B", "SUP-02", 4), capacity=SMALL) == []


def test_nothing_is_said_of_load_where_nobody_knows_the_usual_rates() -> None:
    assert kinds(rise("A", "SUP-01", 50), rise("B", "SUP-02", 50)) == []


def test_rises_that_do_not_meet_or_fit_do_not_collide() -> None:
    assert kinds(rise("A", "SUP-01", 9), rise("B", "SUP-02", 9, planned_start="2026-01-05T23:00:00Z", planned_end=LATE), capacity=BIG) == []
    assert kinds(rise("A", "SUP-01", 9), change("B", "SUP-02", expected={"effect": "down", "factor": 0.1}), capacity=BIG) == []
    assert kinds(rise("A", "SUP-01", 9), rise("B", "SUP-02", 9, status="cancelled"), capacity=BIG) == []


def test_a_declared_rise_lasts_as_long_as_it_says() -> None:
    late = change("A", expected={"effect": "up", "factor": 9, "until": "2026-01-06T02:00:00Z"})
    other = rise("B", "SUP-02", 9, planned_start="2026-01-06T01:00:00Z", planned_end="2026-01-06T03:00:00Z")
    assert kinds(late, other, capacity=BIG) == [("load", ("A", "B"))]


def test_a_declared_rise_that_ends_before_its_window_loads_nothing_afterwards() -> None:
    brief = change("A", planned_end=LATE, expected={"effect": "up", "factor": 9, "until": "2026-01-05T23:00:00Z"})
    other = rise("B", "SUP-02", 9, planned_start="2026-01-05T23:00:00Z", planned_end=LATE)
    assert kinds(brief, other, capacity=BIG) == []


def test_rises_of_one_user_multiply_and_only_its_services_and_regions_rise() -> None:
    cells = (
        Cell("SUP-01", "billing", "north", (10.0,)),
        Cell("SUP-01", "billing", "south", (10.0,)),
        Cell("SUP-01", "supply", "north", (10.0,)),
    )
    capacity = Capacity(UsualRates(cells), process_of={"4.8.1": "billing"}.get)
    one, other = rise("A", "SUP-01", 3, services=["4.8.1"], regions=["north"]), rise("B", "SUP-01", 4)
    (hour,) = hourly([one], capacity)
    assert hour.load_per_s == 30 + 2 * 10
    (hour,) = hourly([one, other], capacity)
    assert hour.load_per_s == 30 + 11 * 10 + 2 * 3 * 10


def test_what_can_be_carried_is_held_against_the_hour_of_the_week() -> None:
    by_hour = tuple(100.0 if hour == 12 else 1.0 for hour in range(24))
    capacity = Capacity(UsualRates((Cell("SUP-01", "", "", by_hour),)))
    noon = {"planned_start": "2026-01-05T12:00:00Z", "planned_end": "2026-01-05T13:00:00Z"}
    assert kinds(rise("A", "SUP-01", 15), capacity=capacity) == []
    assert kinds(rise("A", "SUP-01", 15, **noon), capacity=capacity) == [("load", ("A",))]


def test_systems_that_are_only_called_otherwise_do_not_separate_two_parties() -> None:
    test = change("T", "DCC", category="bcdr_test", systems=["Data Service"])
    golive = change("G", "SUP-05", category="meter_data_management", systems=["meter data management"])
    assert kinds(test, golive) == [("bcdr_test", ("G", "T"))]


def test_a_dependency_map_says_which_systems_are_apart() -> None:
    systems = SystemMap(
        {
            "MDM": SystemParameters(depends_on=("Data Service",)),
            "Data Service": SystemParameters(),
            "Portal": SystemParameters(),
            "Core": SystemParameters(fallback=("Second site",)),
            "Second site": SystemParameters(),
        }
    )

    def entry(ours: str, theirs: str) -> list[str]:
        both = [change("A", "DCC", systems=[ours]), change("B", "DCC", systems=[theirs])]
        return [one.kind for one in conflicts(both, PlanningRules(systems))]

    assert entry("Data Service", "MDM") == ["overlap"]
    assert entry("Data Service", "Portal") == []
    mdm = change("A", "DCC", systems=["MDM"])
    assert conflicts([mdm, change("B", systems=["Portal"])], PlanningRules(systems)) == ()
    assert [one.kind for one in conflicts([mdm, change("B", systems=["Else"])], PlanningRules(systems))] == ["dcc_and_user"]
    assert entry("Core", "Second site") == ["fallback"]


FREEZE = FreezeParameters(name="Christmas", first_day="12-18", last_day="01-05", reason="prepayment customers", except_changes=("X",))


@pytest.mark.parametrize(
    ("fields", "frozen"),
    [
        ({}, True),
        ({"planned_start": "2026-01-06T00:00:00Z", "planned_end": "2026-01-06T01:00:00Z"}, False),
        ({"planned_start": "2026-12-18T00:00:00Z", "planned_end": "2026-12-18T01:00:00Z"}, True),
        ({"category": "emergency"}, False),
        ({"change_id": "X"}, False),
        ({"disruption": "none"}, False),
    ],
)
def test_a_freeze_holds_for_its_season_with_its_exceptions(fields: dict[str, Any], frozen: bool) -> None:
    pairs = conflicts([change(**fields)], PlanningRules(freezes=(FREEZE,)))
    assert [one.kind for one in pairs] == (["freeze"] if frozen else [])
    assert all("prepayment customers" in one.text for one in pairs)


def test_a_freeze_takes_dates_of_toml_and_excepts_one_owners_change() -> None:
    days = {"first_day": date(2026, 1, 1), "last_day": date(2026, 1, 31)}
    freeze = FreezeParameters.model_validate({"name": "January", "reason": "tariffs", "except_changes": ["SUP-01/A"], **days})
    result = conflicts([change("A"), change("A", "SUP-02")], PlanningRules(freezes=(freeze,)))
    assert ["SUP-02" in one.text for one in result if one.kind == "freeze"] == [True]


def test_a_freeze_of_some_parties_binds_them_alone() -> None:
    ours = FREEZE.model_copy(update={"parties": ("SUP-02",)})
    assert [one.change_ids for one in conflicts([change("A"), change("B", "SUP-02")], PlanningRules(freezes=(ours,)))] == [("B",)]


HOURS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 12), st.sampled_from(["SUP-01", "SUP-02", "DCC"]), st.booleans()), max_size=25
)


def random_calendar(spans: list[tuple[int, int, str, bool]]) -> list[Change]:
    return [
        change(
            f"C{i}",
            owner,
            category="bcdr_test" if bcdr and owner == "DCC" else "other",
            planned_start=format_time(at("00:00") + begin * HOUR_US),
            planned_end=format_time(at("00:00") + (begin + hours) * HOUR_US),
            expected={"effect": "up", "factor": 9} if bcdr else None,
        )
        for i, (begin, hours, owner, bcdr) in enumerate(spans)
    ]


@given(spans=HOURS)
@settings(max_examples=100, deadline=None)
def test_proposed_slots_are_free_of_conflicts(spans: list[tuple[int, int, str, bool]]) -> None:
    check_slots(spans)


@pytest.mark.soak
@given(spans=HOURS)
@settings(max_examples=1000, deadline=None)
def test_proposed_slots_are_free_of_conflicts_in_a_thousand_calendars(spans: list[tuple[int, int, str, bool]]) -> None:
    check_slots(spans)


def check_slots(spans: list[tuple[int, int, str, bool]]) -> None:
    known, new = random_calendar(spans), rise("NEW", "SUP-01", 9)
    result = PlanningRules(freezes=(FREEZE,), capacity=BIG)
    slots = slots_for(new, known, at("22:00"), result)
    assert len(slots) == 3
    for slot in slots:
        assert slot.start_us >= at("22:00")
        assert [one for one in conflicts([*known, moved_to(new, slot.start_us)], result) if "NEW" in one.change_ids] == []


def test_only_changes_that_meet_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    random_places = random.Random(1)
    known = [
        change(
            f"C{i}",
            f"SUP-{i % 60:02d}" if i % 20 else "DCC",
            planned_start=format_time(start := at("00:00") + random_places.randrange(365 * 24) * HOUR_US),
            planned_end=format_time(start + 3 * HOUR_US),
            expected={"effect": "up", "factor": 2} if i % 3 == 0 else None,
        )
        for i in range(4_000)
    ]
    rates = UsualRates(tuple(Cell(f"SUP-{i:02d}", "", "", (10.0,)) for i in range(60)))
    compared: list[int] = []

    def counted(*pair: Any) -> Any:
        compared.append(1)
        return conflict_between(*pair)

    monkeypatch.setattr(overlaps, "conflict_between", counted)
    assert conflicts(known, rules(Capacity(rates)))
    assert 0 < len(compared) < 40_000, "of eight million pairs"


def test_a_preview_shows_only_what_the_new_change_brings() -> None:
    known = [change("A"), change("B"), change("NEW", owner="SUP-02")]
    description = described(change("NEW"), known)
    assert [one["change_ids"] for one in description] == [["A", "NEW"], ["B", "NEW"]]
    assert set(description[0]) == {"kind", "change_ids", "changes", "from", "to", "text"}


def test_two_owners_with_one_id_are_reported_apart() -> None:
    (one,) = conflicts([change("A", "DCC"), change("A", "SUP-01")])
    assert (one.change_ids, one.keys) == (("A", "A"), ("DCC/A", "SUP-01/A"))


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


@pytest.mark.parametrize(
    "more",
    [
        {"expected": {"effect": "up", "factor": 3, "until": "9999-12-31T23:59:59Z"}},
        {"planned_end": "9999-12-31T23:59:59Z"},
        {"planned_start": "9999-12-31T20:00:00Z", "planned_end": "9999-12-31T23:59:59.999999Z"},
        {"planned_start": "0001-01-01T00:00:00Z", "planned_end": "9999-12-31T23:59:59Z"},
        {"planned_start": "0001-01-01T00:00:00Z", "planned_end": "0001-01-01T01:00:00Z"},
    ],
)
def test_times_at_the_end_of_the_calendar_are_planned_like_others(more: dict[str, Any]) -> None:
    one, other = change("A", **more), change("B", **more)
    assert kinds(one, other)
    slots_for(one, [other], at("2026-01-05T00:00:00Z"))
