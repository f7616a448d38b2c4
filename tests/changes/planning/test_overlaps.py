"""Overlaps within bounds: the changes of one owner hide no conflicts of others, and what is left out is said."""

from collections import Counter
from typing import Any

from changes.planning.overlaps import Bounds, overlaps
from models.change import Change
from models.times import DAY_US, HOUR_US, format_time
from tests.changes.builders import at, change


def timed(change_id: str, owner: str, start_us: int, hours: int = 1, **fields: Any) -> Change:
    end = format_time(start_us + hours * HOUR_US)
    return change(change_id, owner, planned_start=format_time(start_us), planned_end=end, **fields)


def test_a_flood_of_one_user_hides_no_conflict_of_others() -> None:
    start = at("00:00")
    flood = [timed(f"F-{number}", "FLOOD", start + number % 30 * HOUR_US, 24 * 30, services=[f"{number}"]) for number in range(600)]
    beside = [timed(f"U-{user}", f"U{user:03}", start + 3 * DAY_US + user % 30 * DAY_US) for user in range(120)]
    dccs = [timed(f"D-{day}", "DCC", start + 3 * DAY_US + day * DAY_US, services=["1.1"]) for day in range(30)]
    known = overlaps([*flood, *beside, *dccs], None, Bounds(50, total=200))
    assert known.incomplete
    assert sum(one.kind == "dcc_and_user" and one.change_ids[1].startswith("U-") for one in known.conflicts) == 120


def test_each_two_owners_have_an_equal_share_of_the_comparisons() -> None:
    floods = [
        timed(f"{owner}-{number}", owner, at("00:00") + number * 60_000_000, 24, services=[f"{number}"], systems=["S"])
        for owner in ("A", "B", "C")
        for number in range(80)
    ]
    small = [timed("Z-1", "Z", at("12:00")), timed("Z-2", "Z", at("12:00"))]
    known = overlaps([*floods, *small], None, Bounds(20, total=20))
    assert known.incomplete
    assert ("Z-1", "Z-2") in {one.change_ids for one in known.conflicts}


def test_exactly_as_many_conflicts_as_allowed_leave_nothing_out() -> None:
    pair = [timed("A-1", "A", at("00:00")), timed("A-2", "A", at("00:00"))]
    later = timed("A-3", "A", at("12:00"))
    known = overlaps([*pair, later], None, Bounds(1, total=10))
    assert ([one.change_ids for one in known.conflicts], known.incomplete) == ([("A-1", "A-2")], False)
    assert overlaps([*pair, timed("A-3", "A", at("00:00"))], None, Bounds(1)).incomplete


def test_only_pairs_that_may_conflict_are_counted() -> None:
    many = [change(f"U-{number}", f"U{number:03}", services=["1.1"]) for number in range(300)]
    known = overlaps([*many, change("D-1", "DCC")], None, Bounds(3, total=300))
    assert Counter(one.kind for one in known.conflicts) == {"dcc_and_user": 300}
    assert not known.incomplete
