"""A change says what its owner declared; what is left out has the defaults of the contract."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from models.canonical_json import decode, to_json
from models.change import Change
from models.errors import Malformed
from models.times import At
from tests.models.builders import CHANGE, text


def change(**changed: Any) -> Change:
    return decode(Change, text(CHANGE, **changed))


def test_what_is_left_out_has_the_defaults_of_the_contract() -> None:
    plain = change()
    assert (plain.revision, plain.source, plain.category, plain.status) == (1, "user", "other", "declared")
    assert (plain.disruption, plain.visibility, plain.declared_at, plain.updated_at) == ("risk", "dcc_only", None, None)
    assert (plain.users, plain.services, plain.regions, plain.directions, plain.queues, plain.systems) == ((), (), (), (), (), ())
    assert plain.expected is None


@pytest.mark.parametrize(("owner", "source"), [("DCC", "dcc"), ("SUP-01", "user"), ("dcc", "user"), ("Arqiva", "user")])
def test_who_leads_it_follows_from_the_owner(owner: str, source: str) -> None:
    assert change(owner=owner).source == source
    assert change(owner=owner, source="service_provider").source == "service_provider"


def test_declared_and_updated_stand_in_for_each_other() -> None:
    at, later = "2025-12-20T09:00:00Z", "2025-12-21T09:00:00Z"
    assert change(declared_at=at).updated_at == change(declared_at=at).declared_at
    assert change(updated_at=at).declared_at == change(updated_at=at).updated_at
    both = change(declared_at=at, updated_at=later)
    assert both.declared_at is not None
    assert both.updated_at is not None
    assert both.declared_at < both.updated_at


def test_null_is_absent() -> None:
    nothing = dict.fromkeys(set(Change.model_fields) - set(CHANGE))
    assert change(**nothing) == change()
    assert change(expected={}) == change()


def test_lists_of_names_are_sorted_and_hold_each_once() -> None:
    assert change(users=["b", "a", "b"]).users == ("a", "b")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("change_id", ""),
        ("change_id", 5),
        ("revision", 0),
        ("revision", "1"),
        ("revision", 1.5),
        ("revision", True),
        ("owner", ""),
        ("title", ""),
        ("status", "planned"),
        ("category", "x"),
        ("planned_start", "2026-01-05T22:00:00"),
        ("planned_end", ...),
        ("actual_end", "soon"),
        ("users", "SUP-01"),
        ("users", [5]),
        ("directions", ["up"]),
        ("disruption", "high"),
        ("visibility", "all"),
        ("expected", []),
        ("expected.effect", {"factor": 3}),
        ("expected.factor", {"effect": "up", "factor": "3"}),
        ("expected.factor", {"effect": "up", "factor": -1}),
        ("expected.until", {"effect": "up", "until": "2026-01-05"}),
    ],
)
def test_a_fault_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(Malformed, match=rf"^{field}(\.0)?[ :]"):
        change(**{field.partition(".")[0]: value})


def test_it_can_not_end_before_it_starts() -> None:
    with pytest.raises(Malformed, match="planned_end"):
        change(planned_end="2026-01-05T21:59:59Z")
    with pytest.raises(Malformed, match="actual_end"):
        change(actual_start="2026-01-05T22:30:00Z", actual_end="2026-01-05T22:00:00Z")
    assert change(planned_end=CHANGE["planned_start"]).planned_end


@pytest.mark.parametrize("status", ["draft", "cancelled"])
def test_drafts_and_cancelled_ones_explain_nothing(status: str) -> None:
    assert not change(status=status).explains
    assert change().explains


def test_python_objects_are_taken_as_strictly_as_json() -> None:
    nested = {**CHANGE, "expected": {"effect": "up", "factor": 3, "message_classes": ["command"]}, "users": ["b", "a"]}
    made = Change.model_validate(nested)
    assert made == change(expected=nested["expected"], users=["a", "b"])
    assert Change.model_validate(made.model_dump()) == made
    assert decode(Change, to_json(made)) == made


def test_one_instant_is_written_in_one_way_whatever_zone_it_came_in() -> None:
    london = datetime(2026, 7, 1, 23, tzinfo=ZoneInfo("Europe/London"))
    instants = [london, london.astimezone(UTC), london]
    assert TypeAdapter(list[At]).dump_python(instants, mode="json") == ["2026-07-01T22:00:00Z"] * 3
