"""British local time: people keep it, the DSP's schedules keep UTC, so the two drift apart by an hour twice a year."""

from datetime import UTC, datetime, timedelta

import numpy as np

from models.columns import Ints
from models.times import HOUR_US, instant, us

CLOCK_CHANGE_HOUR = 1
"""Both changes happen at 01:00 UTC on the last Sunday of March and of October."""


def clock_changes(year: int) -> tuple[int, int]:
    """Instants (µs) at which British Summer Time begins and ends in `year`."""
    return _last_sunday(year, 3), _last_sunday(year, 10)


def local_us(at_us: Ints) -> Ints:
    """UTC instants (µs) → what a British wall clock shows, as if it were UTC; any shape."""
    local = at_us.copy()
    if at_us.size == 0:
        return local
    for year in range(instant(int(at_us.min())).year, instant(int(at_us.max())).year + 1):
        begins, ends = clock_changes(year)
        local[(at_us >= begins) & (at_us < ends)] += HOUR_US
    return local


def _last_sunday(year: int, month: int) -> int:
    last = datetime(year, month, 31, CLOCK_CHANGE_HOUR, tzinfo=UTC)
    return us(last - timedelta(days=(last.weekday() + 1) % 7))


def weekday_and_hour(at_us: int) -> tuple[int, float]:
    """Local weekday (Monday 0) and hour of the day of one instant."""
    at = instant(int(local_us(np.array([at_us], dtype=np.int64))[0]))
    return at.weekday(), at.hour + at.minute / 60
