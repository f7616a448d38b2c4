"""The calendar: what one User declares neither stops nor fills the answer of others."""

from collections import Counter
from typing import Any

import pytest

from changes import visibility
from changes.limits import ChangeLimits, excess
from changes.parameters import ChangesParameters
from changes.planning import overlaps
from changes.planning.conflicts import Bounds, Capacity, PlanningRules, conflicts, judged
from changes.planning.load import collisions, hourly
from changes.planning.rates import Cell, UsualRates
from correlation.parameters import CorrelationParameters
from models.change import Change
from service.access import Principal, Role
from service.planning.plans import busy, planning_rules
from service.triage import declaration_records
from tests.service.builders import change, change_json
from tests.service.house import House

ACME = Principal("", "", Role.USER, "ACME")
RATES = UsualRates(tuple(Cell(user, "", "", (20.0,)) for user in ("ACME", "BOLT")))


def rise(number: int, factor: float) -> Change:
    return change(f"R-{number}", "BOLT", expected={"effect": "up", "factor": factor})


@pytest.mark.parametrize("factors", [[1e308], [1e308, 1e308], [1e6] * 60])
def test_factors_without_bound_give_a_conflict_and_no_failure(factors: list[float]) -> None:
    made = [rise(number, factor) for number, factor in enumerate(factors)]
    (load,) = (one for one in conflicts(made, PlanningRules(capacity=Capacity(RATES))) if one.kind == "load")
    assert "headroom -" in load.text
    assert "inf" not in load.text


def test_a_factor_beyond_the_greatest_number_is_refused_with_a_reason(house: House) -> None:
    acme = house.client("user:ACME")
    for factor, status in ((1e308, 422), (2.0**53 + 2, 422), (2.0**53, 201)):
        answer = acme.post("/v1/changes", json=change_json(expected={"effect": "up", "factor": factor}))
        assert answer.status_code == status
        assert status == 201 or "expected.factor" in answer.json()["detail"]
    old = change(expected={"effect": "up", "factor": 1e308})
    assert "2^53" in (excess(old, 0, ChangeLimits()) or ""), "an old journal is read, and a new declaration is refused"


def test_one_owner_does_not_fill_the_conflicts_nor_hide_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: Counter[tuple[str, str]] = Counter()
    real = overlaps.conflict_between

    def counted(one: Change, other: Change, systems: Any) -> Any:
        compared[one.owner, other.owner] += 1
        return real(one, other, systems)

    monkeypatch.setattr(overlaps, "conflict_between", counted)
    many = [change(f"B-{number}", "BOLT", services=[f"{number}"]) for number in range(400)]
    many += [change(f"M-{number}", "MANY") for number in range(400)]
    pairs = conflicts([*many, change("A-1"), change("A-2")], None, Bounds(10))
    count = Counter(tuple(sorted({one[0] for one in conflict.change_ids})) for conflict in pairs)
    assert count == {("M",): 10, ("A",): 1}
    assert compared["BOLT", "BOLT"] < 1000
    assert len(conflicts(many[400:460])) == 60 * 59 // 2, "without bounds it is every pair"


def test_the_conflicts_of_all_owners_are_bounded_fairly_and_what_is_left_out_is_said(house: House) -> None:
    flood = [change(f"U{user}-{number}", f"U{user}") for user in range(4) for number in range(30)]
    few = [change("A-1"), change("A-2")]
    suspected = judged([*flood, *few], None, Bounds(500, total=40))
    count = Counter(conflict.change_ids[0].split("-")[0] for conflict in suspected.conflicts)
    assert suspected.incomplete
    assert count["A"] == 1, "the two of a small owner are still found"
    assert 30 <= len(suspected.conflicts) <= 40
    assert set(count) == {"A", "U0", "U1", "U2", "U3"}
    assert not judged(few, None, Bounds(500, total=40)).incomplete
    house.client("triage").post("/v1/changes", json=[change_json(f"D-{number}", "DCC") for number in range(33)]).raise_for_status()
    window = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z"}
    page = house.client("triage").get("/v1/calendar", params=window).json()
    assert (len(page["conflicts"]), page["conflicts_incomplete"]) == (500, True)
    assert not house.client("user:ACME").get("/v1/calendar", params=window | {"q": "D-1"}).json()["conflicts_incomplete"]


def test_many_rises_of_one_owner_cost_no_more_than_a_few() -> None:
    rates = UsualRates((Cell("ACME", "", "", (10.0,)), Cell("BOLT", "", "", (10.0,))))
    many = [change(f"A-{number:03}", expected={"effect": "up", "factor": 9.0}) for number in range(300)]
    hours = list(hourly([*many, change("B-1", "BOLT", expected={"effect": "up", "factor": 2.0})], Capacity(rates)))
    assert hours
    assert all(sorted(one.owner for one in hour.changes) == ["ACME"] * 10 + ["BOLT"] for hour in hours)
    great = change("Z-1", expected={"effect": "up", "factor": 40.0})
    assert all(great in hour.changes for hour in hourly([*many, great], Capacity(rates))), "small ones hide no great one"
    small = change("Z-2", expected={"effect": "up", "factor": 1.5})
    assert all(small in hour.changes for hour in hourly([*many, small], Capacity(rates), small))
    (pairs,) = collisions(many, Capacity(rates, per_s=50))
    assert len(pairs.text) < 600


def test_a_user_reads_no_conflict_of_two_changes_of_others(house: House) -> None:
    shared = [change_json(f"B-{number}", "BOLT", visibility="public_summary") for number in range(3)]
    house.client("user:BOLT").post("/v1/changes", json=shared).raise_for_status()
    house.client("triage").post("/v1/changes", json=change_json("D-1", "DCC")).raise_for_status()
    window = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z"}
    answer = house.client("user:ACME").get("/v1/calendar", params=window).json()["conflicts"]
    assert [one["change_ids"] for one in answer] == [["B-0", "D-1"], ["B-1", "D-1"], ["B-2", "D-1"]]
    assert len(house.client("triage").get("/v1/calendar", params=window).json()["conflicts"]) == 6


def test_whether_a_night_is_busy_costs_no_copy_of_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    real = visibility.public_summary
    monkeypatch.setattr(visibility, "public_summary", lambda one: copied.append(one.key) or real(one))
    own = [change(f"A-{number}", expected={"effect": "up", "factor": 2.0}) for number in range(20)]
    others = [change(f"B-{number}", "BOLT", visibility="public_summary") for number in range(100)]
    rules = planning_rules(ChangesParameters(), CorrelationParameters(), RATES)
    assert busy([*own[:1], *others], ACME, own[:1], rules) == []
    result = busy([*own, *others], ACME, own, rules)
    assert [one["change_ids"] for one in result] == [[f"A-{number}"] for number in range(20)], "their load together is too much"
    assert copied == []


def test_declarations_are_counted_once_for_many_requests(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    real = declaration_records.count

    def count(*given: Any, **named: Any) -> Any:
        counted.append(1)
        return real(*given, **named)

    monkeypatch.setattr(declaration_records, "count", count)
    for _ in range(5):
        assert house.client("user:ACME").get("/v1/declarations").status_code == 200
    assert len(counted) == 1
