"""Civil time: the difference between local clocks and UTC, as the time zone database defines it."""

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from models.columns import Ints
from models.times import HOUR_US, instant, parse_time

BRITAIN = "Europe/London"
_FIRST_US = parse_time("1972-01-01T00:00:00Z")
"""British rules were different before this date. No traffic is that old, but the clock of a sender may be."""


def utc_offset_us(at_us: int, zone: str) -> int:
    """The difference between a wall clock in `zone` and UTC; offsets change on the hour."""
    return 0 if zone == "UTC" or at_us < _FIRST_US else _offset_of_hour_us(at_us // HOUR_US, zone)


def local_us(at_us: Ints, zone: str) -> Ints:
    """UTC instants → what a wall clock in `zone` shows, as if it were UTC; any shape."""
    hours, of_instant = np.unique(at_us // HOUR_US, return_inverse=True)
    offsets = np.array([utc_offset_us(hour * HOUR_US, zone) for hour in hours.tolist()], np.int64)
    return at_us + offsets[of_instant].reshape(at_us.shape)


@lru_cache(maxsize=4096)
def _offset_of_hour_us(hour: int, zone: str) -> int:
    offset = instant(hour * HOUR_US).astimezone(ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else offset // timedelta(microseconds=1)
