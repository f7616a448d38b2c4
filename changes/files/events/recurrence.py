"""Recurrence: the occurrences of a repeating calendar event.

An event keeps its local start time. One with DTEND keeps its exact length (RFC 5545, 3.3.5 and 3.8.5.3): a nightly 01:30 to 03:00 lasts 90
minutes in the night of a clock change too; days of a DURATION are counted on the clock. If a start exists twice, the first one counts;
a skipped start uses the offset before the gap. All-day events last from midnight to midnight.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo

from changes.files.events.moments import Duration, Moment
from changes.files.events.recurrence_rule import Rule, expand
from models.errors import Malformed

OCCURRENCES_MAX = 5000
HORIZON = timedelta(days=3 * 366)
"""How far a series of very many times is followed before and after the reference time."""
AHEAD = timedelta(days=730)
"""How far an endless event is followed after the reference time: a monitor refuses what is further away by default."""
_BOUNDED = timedelta(days=100 * 366)
"""How far a rule with an end is followed after its start, or after the reference time."""
_FIRST_YEAR = 1900
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of an event, in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Repetition:
    """The times in an event."""

    start: Moment
    end: Moment | None = None
    duration: Duration | None = None
    rules: tuple[Rule, ...] = ()
    added: tuple[tuple[Moment, Moment | Duration | None], ...] = ()
    """RDATE."""
    excluded: tuple[Moment, ...] = ()
    """EXDATE."""

    @property
    def repeats(self) -> bool:
        """Whether it is a series."""
        return bool(self.rules or self.added)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """An event's own times on its own clock."""

    start: datetime
    """Without zone."""
    zone: tzinfo
    is_date: bool
    days: int
    """Counted on the clock."""
    exact: timedelta
    """The elapsed time after them."""

    def at(self, local: datetime) -> Occurrence:
        start = on_clock(local, self.zone)
        try:
            return Occurrence(start, self.end(local, start, self.days, self.exact))
        except OverflowError:
            raise Malformed(f"the event of {start:%Y-%m-%d} ends after the year 9999") from None

    def end(self, local: datetime, start: datetime, days: int, exact: timedelta) -> datetime:
        return (on_clock(_shifted(local, timedelta(days=days)), self.zone) if days else start) + exact

    def instant(self, moment: Moment) -> datetime:
        """In UTC; a moment without zone is on this clock."""
        return on_clock(moment.local, moment.zone or self.zone)

    def local(self, moment: Moment) -> datetime:
        """On this clock, without zone."""
        if moment.zone is None or moment.zone is self.zone:
            return moment.local
        return self.instant(moment).astimezone(self.zone).replace(tzinfo=None)


def occurrences(event: Repetition, zone: tzinfo | None, about: datetime | None = None) -> list[Occurrence]:
    """Every occurrence of `event`, in order; `zone` is the clock of times without a zone.

    An endless series is followed for AHEAD after `about` (aware; without it after its start); of more than OCCURRENCES_MAX
    occurrences those within HORIZON before and after it are returned. Raises Malformed for a time without zone, an end before its
    start, and a rule that ends before the event begins.
    """
    pattern = _pattern(event, zone)
    starts = {pattern.start}
    for rule in event.rules:
        starts |= _by_rule(rule, pattern, about)
    by_start = {one.start: one for one in map(pattern.at, starts)}
    for moment, end in event.added:
        one = _added(moment, end, pattern)
        by_start[one.start] = one
    excluded = _Excluded(event.excluded, pattern)
    return [by_start[start] for start in sorted(by_start) if start not in excluded]


def first_time(event: Repetition, zone: tzinfo | None) -> Occurrence:
    """When `event` begins, whether or not EXDATE takes that time out."""
    pattern = _pattern(event, zone)
    return pattern.at(pattern.start)


def instant_of(moment: Moment, zone: tzinfo | None) -> datetime:
    """A calendar's moment in UTC. Raises Malformed if it has no zone and none is given."""
    clock = moment.zone or zone
    if clock is None:
        date_or_time = moment.local.date() if moment.is_date else moment.local
        raise Malformed(f"{date_or_time} has no time zone: name the calendar's zone (--timezone)")
    return on_clock(moment.local, clock)


def on_clock(local: datetime, zone: tzinfo) -> datetime:
    """A local time in UTC: the first of two, a skipped one with the offset before the gap.

    Raises Malformed outside the years 1 to 9999.
    """
    try:
        # PEP 495: fold 0 is the first of two, and in a gap the offset before it.
        return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    except (OverflowError, ValueError):
        raise Malformed(f"{local} is outside the calendar") from None


def _pattern(event: Repetition, zone: tzinfo | None) -> _Pattern:
    begins = instant_of(event.start, zone)
    own = event.start.zone or zone
    if own is None:
        raise Malformed("DTSTART has no time zone")
    days, exact = _length(event, own, begins)
    return _Pattern(event.start.local, own, event.start.is_date, days, exact)


def _length(event: Repetition, own: tzinfo, begins: datetime) -> tuple[int, timedelta]:
    """Days on the clock, and elapsed time after them."""
    start, end, duration = event.start, event.end, event.duration
    if end is None:
        return (duration.days, duration.exact) if duration is not None else (int(start.is_date), timedelta())
    ends = on_clock(end.local, end.zone or own)
    if ends < begins:
        raise Malformed("DTEND is before DTSTART")
    if start.is_date and end.is_date:
        # Some programs write the day itself as the end of a one-day event.
        return max((end.local - start.local).days, 1), timedelta()
    return 0, ends - begins


def _by_rule(rule: Rule, pattern: _Pattern, about: datetime | None) -> set[datetime]:
    if pattern.start.year < _FIRST_YEAR:
        raise Malformed(f"a series that begins in {pattern.start.year} does not belong in a change calendar")
    about_local = pattern.start if about is None else max(pattern.start, about.astimezone(pattern.zone).replace(tzinfo=None))
    last = _shifted(about_local, AHEAD if rule.count is None and rule.until is None else _BOUNDED)
    until = rule.until
    if until is not None:
        limit = _shifted(until.local if until.is_date else pattern.local(until), 2 * _DAY)
        if not _in_time(pattern.start, until, pattern):
            raise Malformed("RRULE ends before the event begins")
        last = min(last, limit)
    starts = _taken(expand(rule, pattern.start, last), until, pattern, None)
    if len(starts) > OCCURRENCES_MAX:
        from_local = _shifted(about_local, -HORIZON)
        last = min(last, _shifted(about_local, HORIZON))
        starts = _taken(expand(rule, pattern.start, last, from_local), until, pattern, from_local)
    if len(starts) > OCCURRENCES_MAX:
        raise Malformed(f"RRULE repeats more than {OCCURRENCES_MAX} times in six years: it does not belong in a change calendar")
    return starts


def _taken(times: Iterable[datetime], until: Moment | None, pattern: _Pattern, from_local: datetime | None) -> set[datetime]:
    excluded: set[datetime] = set()
    for at in times:
        if from_local is not None and at < from_local:
            continue
        if until is None or _in_time(at, until, pattern):
            excluded.add(at)
        if len(excluded) > OCCURRENCES_MAX:
            break
    return excluded


def _in_time(at: datetime, until: Moment, pattern: _Pattern) -> bool:
    """Whether a start is no later than UNTIL, which is inclusive: a date holds its whole day on the event's clock."""
    if until.is_date:
        return at.date() <= until.local.date()
    return at <= until.local if until.zone is None else on_clock(at, pattern.zone) <= on_clock(until.local, until.zone)


def _added(moment: Moment, end: Moment | Duration | None, pattern: _Pattern) -> Occurrence:
    if moment.is_date and not pattern.is_date:
        raise Malformed("RDATE is a date although DTSTART has a time of day")
    local = pattern.local(moment)
    one = pattern.at(local)
    if end is None:
        return one
    if isinstance(end, Duration):
        return Occurrence(one.start, pattern.end(local, one.start, end.days, end.exact))
    ends = pattern.instant(end)
    if ends < one.start:
        raise Malformed("RDATE holds a period that ends before it begins")
    return Occurrence(one.start, ends)


class _Excluded:
    """The starts that EXDATE removes: a date, or any time of an all-day event, removes its day."""

    def __init__(self, moments: Iterable[Moment], pattern: _Pattern) -> None:
        self._pattern = pattern
        self._instants = set()
        self._days = set()
        for moment in moments:
            if moment.is_date:
                self._days.add(moment.local.date())
            elif pattern.is_date:
                # Midnight on the clock of EXDATE; in UTC it is that of the event.
                self._days.add((pattern.local(moment) if moment.zone is UTC else moment.local).date())
            else:
                self._instants.add(pattern.instant(moment))

    def __contains__(self, start: datetime) -> bool:
        if start in self._instants:
            return True
        return bool(self._days) and start.astimezone(self._pattern.zone).date() in self._days


def _shifted(at: datetime, by: timedelta) -> datetime:
    """`at + by`, or the end of the calendar."""
    try:
        return at + by
    except OverflowError:
        return datetime(MAXYEAR, 12, 1) if by > timedelta() else datetime(1, 1, 2)  # noqa: DTZ001 # a clock of its own
