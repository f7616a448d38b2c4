"""Differences between two issues of one month, changes of one title included."""

from typing import Any

import pytest

from changes.planning.issue_differences import differences


def entry(day: int, **fields: Any) -> dict[str, Any]:
    at = f"2026-01-{day:02d}T22:00:00Z"
    return {"start": at, "end": at.replace("22:", "23:"), "owner": "SUP-01", "title": "Firewall", **fields}


def led(day: int, status: str = "declared", **fields: Any) -> dict[str, Any]:
    return entry(day, owner="DCC", change_id="CHG-1", status=status, **fields)


def test_of_several_public_changes_of_one_title_only_those_that_differ_are_said() -> None:
    nights = [entry(day) for day in (1, 2, 3)]
    assert differences(nights, nights) == ()
    assert [one.text for one in differences([nights[0], nights[2]], nights)] == [
        "No longer in this month: Firewall (SUP-01), 2026-01-02T22:00:00Z to 2026-01-02T23:00:00Z."
    ]
    (one,) = differences([*nights, entry(9)], nights)
    assert (one.index, one.word) == (3, "new")
    (one,) = differences([nights[0], nights[2], entry(9)], nights)
    assert (one.index, one.word) == (2, "moved")


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (led(1), []),
        (led(2), ["moved"]),
        (led(2, "cancelled"), ["cancelled"]),
        (led(1, "in_progress"), ["in_progress"]),
        (led(1, services=["4.8.1"]), ["revised"]),
        (led(1, revision=2), []),
    ],
)
def test_a_change_of_the_dccs_is_moved_revised_or_in_another_state(after: dict[str, Any], words: list[str]) -> None:
    assert [one.word for one in differences([after], [led(1)])] == words


def test_a_state_is_said_in_words() -> None:
    (one,) = differences([led(1, "in_progress")], [led(1)])
    assert one.text.startswith("Now in progress: Firewall (DCC)")
