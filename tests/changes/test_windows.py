"""From when to when a change is at work: what happened wins over the plan, and nobody mutes a series for good."""

from typing import Any

import pytest

from changes.windows import effect_us, window_us
from models.times import format_time
from tests.changes.builders import at, change


def window(**fields: Any) -> tuple[str, str]:
    start_us, end_us = window_us(change(**fields))
    return format_time(start_us)[11:16], format_time(end_us)[11:16]


def day(hour: str) -> str:
    return f"2026-01-05T{hour}:00Z"


def test_a_change_as_planned() -> None:
    assert window() == ("22:00", "23:00")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"actual_start": day("21:40")}, ("21:40", "23:00")),
        ({"actual_end": day("23:20")}, ("22:00", "23:20")),
        ({"actual_start": day("22:10"), "actual_end": day("22:20")}, ("22:10", "22:20")),
        ({"actual_start": day("23:10")}, ("23:10", "00:10")),
        ({"actual_end": day("21:30")}, ("21:30", "21:30")),
    ],
)
def test_what_happened_wins_over_the_plan(fields: dict[str, str], expected: tuple[str, str]) -> None:
    assert window(**fields) == expected


@pytest.mark.parametrize("status", ["completed", "rolled_back"])
def test_what_is_over_early_ends_when_that_became_known(status: str) -> None:
    assert window(status=status, updated_at=day("22:20")) == ("22:00", "22:20")
    assert window(status=status, updated_at=day("23:20")) == ("22:00", "23:00")
    assert window(status=status, updated_at=day("08:00")) == ("22:00", "23:00")


@pytest.mark.parametrize("status", ["in_progress", "extended"])
def test_an_overrun_said_after_the_planned_end_goes_on_for_as_long_again(status: str) -> None:
    assert window(status=status, updated_at=day("22:20")) == ("22:00", "23:00")
    assert window(status=status, updated_at=day("23:20")) == ("22:00", "00:20")


def test_an_overrun_goes_on_for_a_day_at_most() -> None:
    _, end_us = window_us(change(status="extended", planned_start="2026-01-01T00:00:00Z", updated_at=day("23:20")))
    assert format_time(end_us) == "2026-01-06T23:20:00Z"


def test_a_declared_effect_may_outlast_the_window() -> None:
    later = change(expected={"effect": "up", "until": "2026-01-06T06:00:00Z"})
    assert effect_us(later) == (at("22:00"), at("2026-01-06T06:00:00Z"))
    sooner = change(expected={"effect": "up", "until": day("22:30")})
    assert effect_us(sooner) == (at("22:00"), at("23:00"))
