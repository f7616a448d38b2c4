"""Working Day: a day that is neither a weekend nor a holiday, as the SEC counts notice."""

from datetime import date, timedelta
from typing import Protocol

_SATURDAY = 5
_DAYS_MAX = 1000


class Holidays(Protocol):
    """The holidays."""

    def __contains__(self, day: date, /) -> bool:
        """Whether that day is a holiday."""


def is_working_day(day: date, holidays: Holidays) -> bool:
    """Whether that day is a Working Day."""
    return day.weekday() < _SATURDAY and day not in holidays


def working_days_between(announced: date, begins: date, holidays: Holidays) -> int:
    """Working Days between the announcement and the beginning; both days themselves do not count."""
    days = min((begins - announced).days, _DAYS_MAX)
    return sum(is_working_day(announced + timedelta(days=ahead), holidays) for ahead in range(1, days))


def latest_notice(begins: date, notice: int, holidays: Holidays) -> date:
    """The last Working Day on which an announcement gives `notice` Working Days before `begins`: nobody is informed on a Sunday."""
    day, left = begins - timedelta(days=1), notice
    while left > 0:
        left -= is_working_day(day, holidays)
        day -= timedelta(days=1)
    while not is_working_day(day, holidays):
        day -= timedelta(days=1)
    return day
