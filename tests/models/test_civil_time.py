from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.expectation.week_clock import clock_change
from models.civil_time import BRITAIN, local_us, utc_offset_us
from models.times import HOUR_US, parse_time, us


@given(st.datetimes(min_value=datetime(1972, 1, 1), max_value=datetime(2037, 12, 31)))  # noqa: DTZ001  # hypothesis wants naive bounds
@settings(max_examples=200)
def test_local_time_is_what_london_shows(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    shown = at.astimezone(ZoneInfo(BRITAIN))
    assert local_us(np.array([us(at)]), BRITAIN)[0] == us(at) + shown.utcoffset() // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        ("2026-03-29T00:59:59Z", 0),
        ("2026-03-29T01:00:00Z", 1),
        ("2026-10-25T00:59:59Z", 1),
        ("2026-10-25T01:00:00Z", 0),
        ("1970-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", 0),
    ],
)
def test_summer_time_lasts_from_march_to_october(at: str, hours: int) -> None:
    assert utc_offset_us(parse_time(at), BRITAIN) == hours * HOUR_US
    assert utc_offset_us(parse_time(at), "UTC") == 0


def test_arrays_keep_their_shape() -> None:
    at_us = parse_time("2026-03-29T00:00:00Z") + np.arange(6).reshape(2, 3) * HOUR_US // 2
    assert (local_us(at_us, BRITAIN) - at_us).tolist() == [[0, 0, HOUR_US], [HOUR_US] * 3]
    assert local_us(np.zeros(0, np.int64), BRITAIN).shape == (0,)


def test_people_move_by_an_hour_when_the_clocks_change() -> None:
    spring, autumn = parse_time("2026-03-29T01:00:00Z"), parse_time("2026-10-25T01:00:00Z")
    assert [clock_change(at - 1, at, BRITAIN) for at in (spring, autumn, spring + 1)] == [1, -1, 0]
    assert clock_change(spring - 1, spring, "UTC") == 0
