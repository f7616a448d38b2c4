"""Calendar zone: the clock of a TZID; an unknown name is refused and never read as another zone."""

import bisect
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from changes.files.events.content_lines import Component
from changes.files.events.moments import Moment, parse_moments, parse_offset
from changes.files.events.recurrence_rule import expand, parse_rule
from models.errors import Malformed

_FIRST, _LAST = datetime(1970, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 # clocks of the zone itself
_MACHINE = frozenset({"localtime", "Factory", "posixrules"})
"""Names in a zone database that mean the machine's own zone, or none."""
_TRANSITIONS_MAX = 2000
_EXCHANGE_UTC = "tzone://microsoft/utc"
"""Exchange's name of UTC; its other names of this form are of no zone."""


class DefinedZone(tzinfo):
    """A zone that a VTIMEZONE defines: its offset from UTC between one change of its clocks and the next."""

    def __init__(self, name: str, initial: timedelta, transitions: list[tuple[datetime, timedelta]]) -> None:
        self._name = name
        self._offsets = [initial, *(offset for _, offset in transitions)]
        self._at = [at for at, _ in transitions]
        pairs = list(zip(self._at, self._offsets, self._offsets[1:], strict=False))
        # In a gap and in an hour that exists twice, fold 0 uses the offset before the change (PEP 495).
        self._local = [[at + max(before, after) for at, before, after in pairs], [at + min(before, after) for at, before, after in pairs]]

    def utcoffset(self, at: datetime | None) -> timedelta:
        """The offset on the zone's own clock."""
        return self._offsets[0] if at is None else self._offsets[bisect.bisect_right(self._local[at.fold], at.replace(tzinfo=None, fold=0))]

    def dst(self, at: datetime | None) -> timedelta:
        """It equals the offset."""
        del at
        return timedelta()

    def tzname(self, at: datetime | None) -> str:
        """The TZID."""
        del at
        return self._name

    def fromutc(self, at: datetime) -> datetime:
        """A moment of UTC on this clock."""
        naive = at.replace(tzinfo=None)
        index = bisect.bisect_right(self._at, naive)
        local = naive + self._offsets[index]
        repeated = index > 0 and local < self._at[index - 1] + self._offsets[index - 1]
        return local.replace(tzinfo=self, fold=int(repeated))


class Zones:
    """The zones of one calendar, by TZID."""

    def __init__(self, definitions: Mapping[str, Component]) -> None:
        self._definitions = definitions
        self._known: dict[str, tzinfo | Malformed] = {}

    def of(self, tzid: str) -> tzinfo:
        """The zone of `tzid`. Raises Malformed if neither the zone database nor the calendar defines it."""
        if tzid not in self._known:
            try:
                self._known[tzid] = self._find(tzid)
            except Malformed as fault:
                self._known[tzid] = fault
        zone = self._known[tzid]
        if isinstance(zone, Malformed):
            raise zone
        return zone

    def _find(self, tzid: str) -> tzinfo:
        named, definition = named_zone(tzid), self._definitions.get(tzid)
        if named is not None and (definition is None or "/" in tzid or named.key != tzid):
            return named
        if named is not None and definition is not None:
            # `GMT` and `EST` have no summer time in the zone database; a calendar that defines them says what it means.
            with suppress(Malformed):
                return defined_zone(tzid, definition)
            return named
        if definition is None:
            raise Malformed(f"time zone {tzid!r:.80} is unknown: use a name of the zone database (Europe/London)")
        try:
            return defined_zone(tzid, definition)
        except Malformed as fault:
            raise Malformed(f"time zone {tzid!r:.80} is unknown, and its VTIMEZONE can't be read: {fault}") from None


@cache
def named_zone(name: str) -> ZoneInfo | None:
    """A zone by its name in the zone database, by Windows' name, or by either after a program's prefix (`/mozilla.org/…`)."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    bare = name.strip()
    if bare.casefold() == _EXCHANGE_UTC:
        return ZoneInfo("UTC")
    known = _zone_names()
    if bare.casefold() in known:
        return ZoneInfo(known[bare.casefold()])
    if bare in WINDOWS_TO_OLSON:
        return ZoneInfo(WINDOWS_TO_OLSON[bare])
    if bare.startswith("/"):
        parts = bare.strip("/").split("/")
        for first in range(len(parts)):
            rest = "/".join(parts[first:])
            if rest.casefold() in known:
                return ZoneInfo(known[rest.casefold()])
    return None


def defined_zone(name: str, definition: Component) -> DefinedZone:
    """The zone in a VTIMEZONE. Raises Malformed if it is not supported."""
    if len(definition.named("TZID")) != 1:
        raise Malformed("it must have one TZID")
    onsets: list[tuple[datetime, timedelta, timedelta]] = []
    for observance in definition.inner:
        before, after = (_offset(observance, part) for part in ("TZOFFSETFROM", "TZOFFSETTO"))
        onsets += [(local - before, before, after) for local in _onsets(observance, before)]
        if len(onsets) > _TRANSITIONS_MAX:
            raise Malformed(f"its clocks change more than {_TRANSITIONS_MAX} times")
    if not onsets:
        raise Malformed("it has no offset from UTC")
    onsets.sort(key=lambda onset: onset[0])
    return DefinedZone(name, onsets[0][1], [(at, after) for at, _, after in onsets])


def _onsets(observance: Component, before: timedelta) -> list[datetime]:
    start = observance.first("DTSTART")
    if start is None or start.fault:
        raise Malformed("DTSTART is missing")
    first = parse_moments(start)[0].local
    onsets = {first}
    for line in observance.named("RRULE"):
        rule = parse_rule(line.value)
        if rule.frequency not in ("YEARLY", "MONTHLY"):
            raise Malformed(f"RRULE changes the clocks {rule.frequency.lower()}")
        onsets.update(at for at in expand(rule, first, _LAST, _FIRST) if _not_after(at, rule.until, before))
    for line in observance.named("RDATE"):
        for moment in parse_moments(line):
            if moment.is_date:
                raise Malformed("RDATE is a date without a time of day")
            onsets.add(moment.local if moment.zone is None else moment.local + before)
    return sorted(onsets)


def _not_after(at: datetime, until: Moment | None, before: timedelta) -> bool:
    if until is None:
        return True
    if until.is_date:
        return at.date() <= until.local.date()
    return (at - before if until.zone is UTC else at) <= until.local


def _offset(observance: Component, name: str) -> timedelta:
    line = observance.first(name)
    if line is None or line.fault:
        raise Malformed(f"{name} is missing")
    return parse_offset(line.value)


@cache
def _zone_names() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones() - _MACHINE, reverse=True)}
