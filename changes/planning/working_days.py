"""Working Day: a day that is neither a weekend nor a holiday, as the SEC counts notice."""

from datetime import date, timedelta
from typing import Protocol

_SATURDAY = 5
_DAYS_MAX = 1000


class Holidays(Protocol):
    """The days on which people rest."""

    def __contains__(self, day: date, /) -> bool:
        """Whether that day is one of them."""


def is_working_day(day: date, holidays: Holidays) -> bool:
    """Whether people work on it."""
    return day.weekday() < _SATURDAY and day not in holidays


def working_days_between(told: date, begins: date, holidays: Holidays) -> int:
    """Working Days after the day of telling and before the day of beginning; both days themselves do not count."""
    days = min((begins - told).days, _DAYS_MAX)
    return sum(is_working_day(told + timedelta(days=ahead), holidays) for ahead in range(1, days))


def latest_notice(begins: date, notice: int, holidays: Holidays) -> date:
    """The last day on which telling gives `notice` Working Days before `begins`."""
    day, left = begins - timedelta(days=1), notice
    while left > 0:
        left -= is_working_day(day, holidays)
        day -= timedelta(days=1)
    return day
