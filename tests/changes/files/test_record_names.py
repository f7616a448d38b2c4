"""Record names: a change has one owner and one id, those of its newest export."""

from itertools import permutations

import pytest

from changes.files.merge import merge
from changes.files.record_names import same_elsewhere
from models.change import Change
from tests.changes.builders import change

RECORD = "9d385017c611228701d22104cc95c371"


def export(day: int, owner: str, change_id: str = "CHG-1") -> Change:
    return change(change_id, owner, record_id=RECORD, updated_at=f"2026-01-0{day}T00:00:00Z")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_export_names_owner_and_id_in_whatever_order_they_are_read(order: tuple[int, ...]) -> None:
    exports = [export(1, "SUP-01"), export(2, "SUP-02"), export(3, "SUP-02", "CHG-2")]
    standing: tuple[Change, ...] = ()
    for number in order:
        merged = merge([exports[number]], standing)
        assert merged.disagreements == ()
        standing = merged.changes
    assert [one.key for one in standing] == ["SUP-02/CHG-2"]


def test_where_nothing_tells_the_newer_name_both_stand_and_are_named() -> None:
    merged = merge([export(1, "SUP-01"), export(1, "SUP-02")])
    assert [one.key for one in merged.changes] == ["SUP-01/CHG-1", "SUP-02/CHG-1"]
    assert [one.text.partition(", and")[0] for one in merged.disagreements] == ["SUP-01/CHG-1: the same record stands as SUP-02/CHG-1 too"]
    ended = [export(1, "SUP-01").model_copy(update={"status": "cancelled"}), export(1, "SUP-02")]
    assert merge(ended).disagreements == (), "a person has cancelled the wrong one"


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"title": "Other"}, 1),
        ({"title": "Other", "planned_start": "2026-01-05T21:00:00Z"}, 0),
        ({"change_id": "CHG-2"}, 0),
        ({"status": "cancelled"}, 0),
        ({"record_id": RECORD}, 1),
    ],
)
def test_the_same_id_with_the_same_title_or_time_is_likely_the_same_change(fields: dict[str, str], count: int) -> None:
    assert len(same_elsewhere([change(owner="SUP-02", **fields)], [change()])) == count


def test_record_ids_that_differ_tell_two_changes_apart() -> None:
    assert same_elsewhere([change(owner="SUP-02", record_id="a")], [change(record_id="b")]) == []


def test_a_series_is_named_once() -> None:
    nights = [change(f"n/2026010{day}T220000Z", owner, series="n", series_revision=1) for owner in ("SUP-01", "SUP-02") for day in (5, 6)]
    (line,) = same_elsewhere(nights[2:], nights[:2])
    assert line.startswith("n is new for SUP-02 and stands for SUP-01 too")
