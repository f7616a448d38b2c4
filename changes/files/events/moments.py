"""Moment: a date or a time of day in the form of an iCalendar property (RFC 5545, 3.3.4 to 3.3.6), before its zone is known."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from changes.files.events.content_lines import ContentLine
from models.errors import Malformed

_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[Tt](\d{2})(\d{2})(\d{2})([Zz]?))?", re.ASCII)
_DURATION = re.compile(r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point on some clock."""

    local: datetime
    """Without zone; midnight for a date."""
    zone: tzinfo | None = None
    """UTC if the value is in UTC, the zone in its TZID; None: on the clock of its event."""
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: days count on the clock, the rest is elapsed time (RFC 5545, 3.3.6)."""

    days: int
    exact: timedelta


def parse_moments(line: ContentLine, zone_of: Callable[[str], tzinfo] | None = None) -> list[Moment]:
    """The moments in a property. Raises Malformed with its name for anything else."""
    return [moment for moment, _ in parse_periods(line, zone_of)]


def parse_periods(line: ContentLine, zone_of: Callable[[str], tzinfo] | None = None) -> list[tuple[Moment, Moment | Duration | None]]:
    """The moments or periods in a property, each with its end. Raises Malformed."""
    if line.fault:
        raise Malformed(line.fault)
    tzid = line.parameters.get("TZID")
    periods: list[tuple[Moment, Moment | Duration | None]] = []
    for part in line.value.split(","):
        start, sign, end = part.strip().partition("/")
        first = _moment(line.name, start, tzid, zone_of)
        if not sign:
            periods.append((first, None))
        elif end[:1] in "Pp+-":
            periods.append((first, parse_duration(end, line.name)))
        else:
            periods.append((first, _moment(line.name, end, tzid, zone_of)))
    return periods


def parse_moment(text: str, name: str) -> Moment:
    """A date or time without zone or in UTC. Raises Malformed."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise Malformed(f"{name}: {text!r:.60} is not a date or time such as 20260105T220000Z")
    try:
        day = datetime(int(match[1]), int(match[2]), int(match[3]))  # noqa: DTZ001 # its zone stands beside it
        if match[4] is None:
            return Moment(day, None, is_date=True)
        # A leap second is read as the second before it.
        at = datetime.combine(day, time(int(match[4]), int(match[5]), min(int(match[6]), 59) if match[6] == "60" else int(match[6])))
    except ValueError:
        raise Malformed(f"{name}: {text!r:.60} is not a date or time") from None
    return Moment(at, UTC if match[7] else None)


def parse_duration(text: str, name: str = "DURATION") -> Duration:
    """`P1DT2H`. Raises Malformed for anything else and for a negative length."""
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None or not any(match.groups()[1:]):
        raise Malformed(f"{name}: {text!r:.60} is not a length of time such as PT90M")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    if match[1] == "-" and any((weeks, days, hours, minutes, seconds)):
        raise Malformed(f"{name}: {text!r:.60} is negative")
    return Duration(weeks * 7 + days, timedelta(hours=hours, minutes=minutes, seconds=seconds))


def parse_offset(text: str) -> timedelta:
    """`+0100`. Raises Malformed."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        raise Malformed(f"{text!r:.40} is not an offset from UTC such as +0100")
    length = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    return -length if match[1] == "-" else length


def _moment(name: str, text: str, tzid: str | None, zone_of: Callable[[str], tzinfo] | None) -> Moment:
    moment = parse_moment(text, name)
    if moment.is_date or moment.zone is not None or tzid is None:
        return moment
    if zone_of is None:
        raise Malformed(f"{name} has a time zone where none is allowed")
    return Moment(moment.local, zone_of(tzid))
