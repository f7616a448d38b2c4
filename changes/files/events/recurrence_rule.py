"""Recurrence rule: the days and times of an RRULE (RFC 5545, 3.3.10), on the event's own clock.

Every period is examined once up to the last one, so that a rule without a match ends as soon as any other. Rules that repeat more often
than daily are refused, because they do not belong in a change calendar.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, time

from changes.files.events.moments import Moment, parse_moment
from models.errors import Malformed

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_RANGES = {
    "BYMONTH": (1, 12),
    "BYWEEKNO": (-53, 53),
    "BYYEARDAY": (-366, 366),
    "BYMONTHDAY": (-31, 31),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
    "BYSETPOS": (-366, 366),
}
_ONLY_WITH = {"BYWEEKNO": ("YEARLY",), "BYYEARDAY": ("YEARLY",), "BYMONTHDAY": ("DAILY", "MONTHLY", "YEARLY")}
_LAST_DAY = date(MAXYEAR, 12, 24).toordinal()


@dataclass(frozen=True, slots=True)
class Rule:
    """One RRULE."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    week_start: int = 0
    """0 is Monday."""
    weekdays: tuple[tuple[int, int], ...] = ()
    """(which of them in its month or year, 0 for each; day of the week)."""
    months: frozenset[int] = frozenset()
    week_numbers: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()


def parse_rule(text: str) -> Rule:
    """The rule in an RRULE's value. Raises Malformed with the part that is not supported."""
    parts: dict[str, str] = {}
    for part in text.strip().strip(";").upper().split(";"):
        name, sign, value = part.strip().partition("=")
        if not sign or not value or name in parts:
            raise Malformed(f"RRULE can't be followed: {part.strip()!r:.40}")
        parts[name] = value
    frequency = parts.pop("FREQ", "")
    if frequency in _OFTEN:
        raise Malformed("RRULE repeats more often than daily: it does not belong in a change calendar")
    if frequency not in _FREQUENCIES:
        raise Malformed("RRULE can't be followed: FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY")
    for name, allowed in _ONLY_WITH.items():
        if name in parts and frequency not in allowed:
            raise Malformed(f"RRULE can't be followed: {name} has no meaning with FREQ={frequency}")
    until = parts.pop("UNTIL", None)
    week_start = parts.pop("WKST", "MO")
    if week_start not in _DAYS:
        raise Malformed(f"RRULE can't be followed: WKST={week_start!r:.20}")
    interval = _positive(parts.pop("INTERVAL", "1"), "INTERVAL")
    count = _positive(parts.pop("COUNT"), "COUNT") if "COUNT" in parts else None
    weekdays = _weekdays(parts.pop("BYDAY", ""), frequency, with_weeks="BYWEEKNO" in parts)
    lists = {name: _integers(parts.pop(name), name) for name in _RANGES if name in parts}
    if parts:
        raise Malformed(f"RRULE can't be followed: {next(iter(parts))!r:.40} is not a supported part")
    return Rule(
        frequency,
        interval,
        count,
        None if until is None else parse_moment(until, "UNTIL"),
        _DAYS.index(week_start),
        weekdays,
        frozenset(lists.get("BYMONTH", ())),
        frozenset(lists.get("BYWEEKNO", ())),
        frozenset(lists.get("BYYEARDAY", ())),
        frozenset(lists.get("BYMONTHDAY", ())),
        lists.get("BYHOUR", ()),
        lists.get("BYMINUTE", ()),
        lists.get("BYSECOND", ()),
        lists.get("BYSETPOS", ()),
    )


def expand(rule: Rule, start: datetime, last: datetime, not_before: datetime | None = None) -> Iterator[datetime]:
    """The times of the rule from `start` to `last`, in order; the caller applies UNTIL.

    Without COUNT the periods that end before `not_before` are skipped at once; with COUNT they are counted.
    """
    times = _times(rule, start)
    days = _Days(rule, start.date())
    from_day = None if rule.count is not None or not_before is None else not_before.date()
    left = rule.count
    for period in days.periods(from_day, last.date()):
        moments = [datetime.combine(date.fromordinal(day), at) for day in period for at in times]
        if rule.positions:
            picked = {moments[i] for one in rule.positions if -len(moments) <= (i := one - 1 if one > 0 else one) < len(moments)}
            moments = sorted(picked)
        for at in moments:
            if at < start:
                continue
            if at > last or left == 0:
                return
            left = None if left is None else left - 1
            yield at
        if left == 0:
            return


class _Days:
    """The days of a rule, period by period, as ordinals."""

    def __init__(self, rule: Rule, start: date) -> None:
        self._rule = rule
        self._start = start
        self._months = rule.months
        self._month_days = rule.month_days
        self._weekdays = rule.weekdays
        unsaid = not (rule.week_numbers or rule.year_days or rule.month_days or rule.weekdays)
        # Parts that the rule does not have are taken from the start (RFC 5545, 3.3.10).
        if unsaid and rule.frequency == "YEARLY":
            self._months = rule.months or frozenset((start.month,))
        if unsaid and rule.frequency in ("MONTHLY", "YEARLY"):
            self._month_days = frozenset((start.day,))
        if (unsaid and rule.frequency == "WEEKLY") or (rule.week_numbers and not (rule.year_days or rule.month_days or rule.weekdays)):
            self._weekdays = ((0, start.weekday()),)
        self._each = frozenset(day for which, day in self._weekdays if which == 0)
        self._nth = tuple((which, day) for which, day in self._weekdays if which != 0)

    def periods(self, from_day: date | None, last: date) -> Iterator[list[int]]:
        """The days of the periods one after another, up to the one that contains `last`."""
        rule, start = self._rule, self._start
        first = 0 if from_day is None or from_day <= start else max(self._index(from_day) // rule.interval - 1, 0)
        index = first * rule.interval
        while (span := self._span(index)) is not None and span[0] <= last.toordinal():
            yield [day for day in range(span[0], span[1]) if self._matches(day)]
            index += rule.interval

    def _index(self, day: date) -> int:
        """The number of periods from the start to `day`."""
        start = self._start
        if self._rule.frequency == "YEARLY":
            return day.year - start.year
        if self._rule.frequency == "MONTHLY":
            return (day.year - start.year) * 12 + day.month - start.month
        return (day.toordinal() - start.toordinal()) // (7 if self._rule.frequency == "WEEKLY" else 1)

    def _span(self, index: int) -> tuple[int, int] | None:
        """First day and the day after the last of period number `index` after the start."""
        start, frequency = self._start, self._rule.frequency
        if frequency in ("DAILY", "WEEKLY"):
            length = 7 if frequency == "WEEKLY" else 1
            begin = start.toordinal() + index * length
            if frequency == "WEEKLY":
                begin -= (start.weekday() - self._rule.week_start) % 7
            return (max(begin, 1), begin + length) if begin + length <= _LAST_DAY else None
        yearly = frequency == "YEARLY"
        months = (start.year + index) * 12 if yearly else start.year * 12 + start.month - 1 + index
        if months // 12 >= MAXYEAR:
            return None
        begin = date(months // 12, months % 12 + 1, 1).toordinal()
        length = 366 if calendar.isleap(months // 12) else 365
        return begin, begin + (length if yearly else calendar.monthrange(months // 12, months % 12 + 1)[1])

    def _matches(self, ordinal: int) -> bool:
        day = date.fromordinal(ordinal)
        if self._months and day.month not in self._months:
            return False
        if self._month_days and not self._counted(day.day, calendar.monthrange(day.year, day.month)[1], self._month_days):
            return False
        if self._weekdays and day.weekday() not in self._each and not self._is_nth(day):
            return False
        if self._rule.year_days and not self._counted(day.timetuple().tm_yday, 365 + calendar.isleap(day.year), self._rule.year_days):
            return False
        return not self._rule.week_numbers or self._counted(*self._week(ordinal), self._rule.week_numbers)

    @staticmethod
    def _counted(number: int, of: int, wanted: frozenset[int]) -> bool:
        """Whether a number, or the same counted from the end, is wanted."""
        return number in wanted or number - of - 1 in wanted

    def _is_nth(self, day: date) -> bool:
        if not any(day.weekday() == weekday for _, weekday in self._nth):
            return False
        if self._rule.frequency == "YEARLY" and not self._rule.months:
            number, of = day.timetuple().tm_yday, 365 + calendar.isleap(day.year)
        else:
            number, of = day.day, calendar.monthrange(day.year, day.month)[1]
        which, from_end = (number - 1) // 7 + 1, -((of - number) // 7 + 1)
        return any(weekday == day.weekday() and wanted in (which, from_end) for wanted, weekday in self._nth)

    def _week(self, ordinal: int) -> tuple[int, int]:
        """Number of the week of a day, and how many weeks its year has: the first week is the first with four days in the year."""
        monday = ordinal - (date.fromordinal(ordinal).weekday() - self._rule.week_start) % 7
        year = date.fromordinal(min(monday + 3, _LAST_DAY)).year
        first, following = self._first_week(year), self._first_week(year + 1)
        return (monday - first) // 7 + 1, (following - first) // 7

    def _first_week(self, year: int) -> int:
        fourth = date(min(year, MAXYEAR), 1, 4)
        return fourth.toordinal() - (fourth.weekday() - self._rule.week_start) % 7


def _times(rule: Rule, start: datetime) -> list[time]:
    hours, minutes, seconds = rule.hours or (start.hour,), rule.minutes or (start.minute,), rule.seconds or (start.second,)
    if len(hours) * len(minutes) * len(seconds) > 24 * 60:
        raise Malformed("RRULE names more than 1,440 times a day: it does not belong in a change calendar")
    return sorted({time(hour, minute, second) for hour in hours for minute in minutes for second in seconds})


def _weekdays(text: str, frequency: str, *, with_weeks: bool) -> tuple[tuple[int, int], ...]:
    weekdays = []
    for part in text.split(",") if text else ():
        match = _WEEKDAY.fullmatch(part.strip())
        which = 0 if match is None or match[1] is None else int(match[1])
        if match is None or (match[1] is not None and not 1 <= abs(which) <= 53):
            raise Malformed(f"RRULE can't be followed: BYDAY={part.strip()!r:.20}")
        if which and (frequency in ("DAILY", "WEEKLY") or with_weeks):
            raise Malformed(
                f"RRULE can't be followed: BYDAY={part.strip()} has no meaning with {'BYWEEKNO' if with_weeks else f'FREQ={frequency}'}"
            )
        weekdays.append((which, _DAYS.index(match[2])))
    return tuple(weekdays)


def _integers(text: str, name: str) -> tuple[int, ...]:
    low, high = _RANGES[name]
    numbers = []
    for part in text.split(","):
        number = int(part) if _INTEGER.fullmatch(part.strip()) else None
        if number is None or not low <= number <= high or (low < 0 and number == 0):
            raise Malformed(f"RRULE can't be followed: {name}={part.strip()!r:.20}")
        numbers.append(number)
    return tuple(sorted(set(numbers)))


def _positive(text: str, name: str) -> int:
    number = int(text) if _INTEGER.fullmatch(text.strip()) else 0
    if number < 1:
        raise Malformed(f"RRULE can't be followed: {name}={text.strip()!r:.20} must be 1 or more")
    return number
