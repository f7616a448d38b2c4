"""Civil time: by how much the clocks that people live by differ from UTC, as the time zone database has it."""

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from models.columns import Ints
from models.times import HOUR_US, instant, parse_time

BRITAIN = "Europe/London"
_FIRST_US = parse_time("1972-01-01T00:00:00Z")
"""Before that Britain tried other rules; no traffic is that old, but a sender's clock may be."""


def utc_offset_us(at_us: int, zone: str) -> int:
    """What is added to an instant to get what a wall clock in `zone` shows; offsets change on the hour."""
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
