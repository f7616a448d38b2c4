"""What the DCC's changes must say under SEC H8.4 and H8.8 is listed by its number."""

from typing import Any

import pytest

from changes.planning.sec_completeness import described, missing
from tests.changes.builders import START, change

H84 = {"category": "planned_maintenance", "services": ["8.1.1"], "disruption": "outage", "return_to_normal_risk": "Two hours to roll back"}
H88 = {
    "category": "internal_system",
    "impact_assessment": "None on Users",
    "consultation": "Not needed",
    "testing_opportunity": "UIT from 1 March",
    "security_assessment": "Done",
}


def items(**fields: Any) -> list[str]:
    return [one.item for one in missing(change("M", "DCC", **fields))]


def test_a_complete_change_lacks_nothing() -> None:
    assert items(**H84) == []
    assert items(**(H84 | {"services": [], "systems": ["DSP"]})) == []
    assert items(**H88) == []


@pytest.mark.parametrize(
    ("taken_away", "item"),
    [
        ({"title": "  "}, "H8.4(a)"),
        ({"services": []}, "H8.4(b)"),
        ({"disruption": None}, "H8.4(b)"),
        ({"planned_end": START}, "H8.4(c)"),
        ({"return_to_normal_risk": None}, "H8.4(d)"),
        ({"return_to_normal_risk": " "}, "H8.4(d)"),
    ],
)
def test_each_item_of_h84_is_listed(taken_away: dict[str, Any], item: str) -> None:
    assert items(**(H84 | taken_away)) == [item]


@pytest.mark.parametrize(
    ("field", "item"),
    [
        ("impact_assessment", "H8.8(a)"),
        ("consultation", "H8.8(b)"),
        ("testing_opportunity", "H8.8(c)"),
        ("security_assessment", "H8.8(d)"),
    ],
)
def test_each_item_of_h88_is_listed(field: str, item: str) -> None:
    assert items(**(H88 | {field: None})) == [item]


def test_an_empty_one_lacks_all_in_order() -> None:
    assert items(category="planned_maintenance") == ["H8.4(b)", "H8.4(d)"]
    assert items(category="internal_system") == ["H8.8(a)", "H8.8(b)", "H8.8(c)", "H8.8(d)"]


def test_users_changes_other_categories_and_cancelled_ones_are_free_of_it() -> None:
    assert missing(change(category="planned_maintenance")) == ()
    assert items(category="release") == []
    assert items(category="internal_system", status="cancelled") == []
    assert missing(change(owner="Arqiva", source="service_provider", category="planned_maintenance")) == ()


def test_it_says_where_to_add_what_is_missing() -> None:
    (one,) = described(change("M", "DCC", **(H84 | {"return_to_normal_risk": None})))
    assert one["change_id"] == "M"
    assert "return_to_normal_risk" in one["text"]
