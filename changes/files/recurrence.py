"""Recurrence: when a repeating calendar event takes place.

An event keeps its wall-clock start and its exact length (RFC 5545, 3.3.5 and 3.6.1): a nightly 01:30 to 03:00 lasts 90 minutes in the
night of a clock change too. A start that happens twice is the first of them, one that is skipped is taken with the offset before the gap.
All-day events last from midnight to midnight instead.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr  # type: ignore[import-untyped] # it brings no types
from icalendar import Event

from models.errors import Malformed

OCCURRENCES_MOST = 5000
HORIZON = timedelta(days=3 * 366)
"""How far an endless event is followed after its start, or after its export if that is later."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

Moment = date | datetime


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that an event takes place, in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Pattern:
    """An event's own times on its own clock."""

    start: datetime
    """Without zone."""
    zone: tzinfo
    exact: timedelta | None
    """Elapsed time; None for all-day events."""
    days: int = 0

    def at(self, local: datetime) -> Occurrence:
        start = on_clock(local, self.zone)
        if self.exact is not None:
            return Occurrence(start, start + self.exact)
        return Occurrence(start, on_clock(local + timedelta(days=self.days), self.zone))

    def naive(self, moment: Moment) -> datetime:
        """`moment` on this clock."""
        if not isinstance(moment, datetime):
            return datetime.combine(moment, time.min)
        return moment.astimezone(self.zone).replace(tzinfo=None) if moment.tzinfo is not None else moment


def occurrences(event: Event, zone: ZoneInfo | None) -> list[Occurrence]:
    """Every time that `event` takes place, in order; `zone` is that of times that carry none.

    Raises Malformed for a time without zone, a rule that can't be followed, or one that repeats more often than daily.
    """
    pattern = _pattern(event, zone)
    starts = {pattern.start}
    for rule in event.rrules:
        starts.update(_by_rule(rule, pattern, event))
    found = {one.start: one for one in map(pattern.at, starts)}
    for start, end in event.rdates:
        one = pattern.at(pattern.naive(start))
        found[one.start] = one if end is None else Occurrence(one.start, instant_of(end, zone))
    for moment in event.exdates:
        found = {start: one for start, one in found.items() if not _is_excluded(start, moment, pattern, zone)}
    return [found[start] for start in sorted(found)]


def instant_of(moment: Moment, zone: ZoneInfo | None) -> datetime:
    """A calendar's moment in UTC. Raises Malformed if it has no zone and none is given."""
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return on_clock(moment.replace(tzinfo=None), moment.tzinfo)
    if zone is None:
        raise Malformed(f"{moment} has no time zone: name the calendar's zone (--timezone)")
    return on_clock(moment if isinstance(moment, datetime) else datetime.combine(moment, time.min), zone)


def value_of(event: Event, name: str) -> Any:
    """The date, time or duration of a property, None without it. Raises Malformed for one that stands there twice."""
    value: Any = event.get(name)
    if value is None:
        return None
    if isinstance(value, list):
        raise Malformed(f"{name} stands there {len(value)} times")
    return value.dt


def on_clock(local: datetime, zone: tzinfo) -> datetime:
    """A wall-clock time in UTC: of two the first, a skipped one with the offset before the gap."""
    at = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None, fold=0) == local:
        return at
    before = (local - timedelta(hours=3)).replace(tzinfo=zone).utcoffset() or timedelta()
    return (local - before).replace(tzinfo=UTC)


def _pattern(event: Event, zone: ZoneInfo | None) -> _Pattern:
    if "DTSTART" not in event:
        raise Malformed("DTSTART is missing")
    start: Moment = value_of(event, "DTSTART")
    end: Moment | None = value_of(event, "DTEND")
    duration: timedelta | None = value_of(event, "DURATION")
    begins = instant_of(start, zone)
    own = start.tzinfo if isinstance(start, datetime) and start.tzinfo is not None else zone
    if own is None:
        raise Malformed(f"{start} has no time zone: name the calendar's zone (--timezone)")
    if isinstance(start, datetime):
        exact = instant_of(end, zone) - begins if end is not None else duration or timedelta()
        return _Pattern(start.replace(tzinfo=None), own, exact)
    days = (end - start).days if end is not None and not isinstance(end, datetime) else (duration or timedelta(days=1)).days
    return _Pattern(datetime.combine(start, time.min), own, None, days)


def _by_rule(rule: Any, pattern: _Pattern, event: Event) -> list[datetime]:
    parts = {str(name).upper(): value for name, value in rule.items()}
    if parts.get("FREQ", [""])[0] in ("SECONDLY", "MINUTELY", "HOURLY"):
        raise Malformed("RRULE repeats more often than daily: that is no change calendar")
    until = parts.get("UNTIL", [None])[0]
    text = ";".join(part for part in rule.to_ical().decode().split(";") if not part.upper().startswith("UNTIL="))
    # UNTIL is in UTC where the start has a zone: an hour more on the local clock, then compared as an instant.
    limit = _horizon(pattern, event) if until is None else pattern.naive(until) + (_HOUR if isinstance(until, datetime) else _DAY)
    try:
        following = rrulestr(text, dtstart=pattern.start)
    except (ValueError, TypeError, KeyError) as fault:
        raise Malformed(f"RRULE can't be followed: {fault}") from None
    starts: list[datetime] = []
    for start in following:
        if start > limit and ("COUNT" not in parts or until is not None):
            break
        if len(starts) == OCCURRENCES_MOST:
            raise Malformed(f"RRULE repeats more than {OCCURRENCES_MOST} times: give it an end")
        starts.append(start)
    return starts if not isinstance(until, datetime) else [start for start in starts if _not_after(start, until, pattern)]


def _not_after(start: datetime, until: datetime, pattern: _Pattern) -> bool:
    return on_clock(start, pattern.zone) <= until if until.tzinfo is not None else start <= until


def _horizon(pattern: _Pattern, event: Event) -> datetime:
    exported = pattern.naive(value_of(event, "DTSTAMP")) if "DTSTAMP" in event else pattern.start
    return max(pattern.start, exported) + HORIZON


def _is_excluded(start: datetime, moment: Moment, pattern: _Pattern, zone: ZoneInfo | None) -> bool:
    if isinstance(moment, datetime):
        return start == instant_of(moment, zone)
    return pattern.naive(start).date() == moment
