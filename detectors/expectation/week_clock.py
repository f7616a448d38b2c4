"""Week clock: the position of a window in the week, in UTC, and the clock changes of local time."""

from dataclasses import dataclass
from functools import lru_cache

from models.civil_time import utc_offset_us
from models.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US

SLOT_US = 10 * MINUTE_US
SLOTS_A_HOUR = 6
SLOTS_A_DAY = 144
HOURS_A_DAY = 24
HOURS_A_WEEK = 168
_MONDAY_US = 4 * DAY_US
"""The epoch was a Thursday: this is the first Monday, 00:00 UTC."""


@dataclass(frozen=True, slots=True)
class ClockSlot:
    """The position of a window's middle; everything in UTC."""

    number: int
    """Slots of ten minutes since the first Monday."""
    fraction: float
    """The part of the slot that is over at the window's middle, 0 ≤ fraction < 1."""

    @property
    def hour_number(self) -> int:
        """Hours since the first Monday."""
        return self.number // SLOTS_A_HOUR

    @property
    def slot(self) -> int:
        """Slot within the hour."""
        return self.number % SLOTS_A_HOUR


@lru_cache(maxsize=256)
def clock_slot(at_us: int, window_s: int) -> ClockSlot:
    """The position of the window that ends at `at_us`."""
    number, rest = divmod(at_us - window_s * SECOND_US // 2 - _MONDAY_US, SLOT_US)
    return ClockSlot(number, rest / SLOT_US)


def clock_change(before_us: int, at_us: int, civil_time: str) -> int:
    """Hours by which local time moves against UTC between two instants: +1 in spring (earlier in UTC), -1 in autumn, 0 otherwise."""
    if at_us // HOUR_US == before_us // HOUR_US:
        return 0
    return (utc_offset_us(at_us, civil_time) - utc_offset_us(before_us, civil_time)) // HOUR_US
