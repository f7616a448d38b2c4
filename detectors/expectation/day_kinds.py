"""Kinds of days: Monday to Friday, Saturday, Sunday, and holidays. Days of one kind resemble each other."""

from datetime import date, timedelta

from detectors.expectation.week_clock import HOURS_A_DAY
from detectors.holidays import HolidayCalendar

WORKING_DAY, SATURDAY, SUNDAY, HOLIDAY = range(4)
DAY_KINDS = 4
STANDS_IN = ((SUNDAY, SATURDAY), (SUNDAY, WORKING_DAY), (SATURDAY, WORKING_DAY), (SUNDAY, SATURDAY, WORKING_DAY))
"""For each kind, the kinds that replace it until it was seen, the most similar first."""
_FIRST_MONDAY = date(1970, 1, 5)


class DayKinds:
    """The kind of day of each hour. Days are days in UTC, as everywhere in the expectation."""

    def __init__(self, holidays: HolidayCalendar) -> None:
        self._holidays = holidays
        self._kinds: dict[int, int] = {}

    def kind(self, hour_number: int) -> int:
        """Kind of the day that an hour (since the first Monday) belongs to."""
        number = hour_number // HOURS_A_DAY
        if number not in self._kinds:
            holiday = _FIRST_MONDAY + timedelta(days=number) in self._holidays
            self._kinds[number] = HOLIDAY if holiday else max(WORKING_DAY, number % 7 - 4)
        return self._kinds[number]

    def row(self, hour_number: int) -> int:
        """Row of an hour in a profile of the kinds of days."""
        return self.kind(hour_number) * HOURS_A_DAY + hour_number % HOURS_A_DAY
