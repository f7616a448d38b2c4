"""iCalendar: events with UID, SUMMARY and times; fields without an iCalendar property are in `X-HIGHWATER-<FIELD>`.

Only errors in UID, SUMMARY, times and rules invalidate an event; other damage in it, or outside of it, is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, get_args

from changes.files.cells import from_cells
from changes.files.events.content_lines import Component, ContentLine, read_components, unescape
from changes.files.events.moments import Moment, parse_duration, parse_moments, parse_periods
from changes.files.events.recurrence import Occurrence, Repetition, first_time, instant_of, occurrences
from changes.files.events.recurrence_rule import parse_rule
from changes.files.events.time_zones import Zones, defined_zone, named_zone
from changes.files.source_row import Row, Source
from models.change import Change
from models.errors import Malformed, UnreadableInput
from models.times import format_time, us
from models.vocabulary import ChangeCategory

EXTENSION = "X-HIGHWATER-"
PRODUCT = "-//Highwater//Change calendar//EN"
"""The program that wrote a calendar: in our own files DTSTAMP is not the time of the original export."""
STATUSES = {"CANCELLED": "cancelled", "CONFIRMED": "confirmed", "TENTATIVE": "declared"}
CATEGORIES = frozenset(get_args(ChangeCategory))
_ONCE = ("UID", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
_BESIDE = ("VFREEBUSY", "VTODO", "VJOURNAL")
_SEQUENCE_MAX = 2**53 - 2


@dataclass(frozen=True, slots=True)
class _Event:
    """One VEVENT that can be understood."""

    number: int
    component: Component
    uid: str
    times: Repetition
    replaces: str | None
    """The `change_id` of the occurrence that it replaces."""
    replaces_on: Moment | None
    sequence: int
    stamped: datetime | None
    """DTSTAMP."""


def read_ics(source: Source) -> Iterator[Row]:
    """One change per event, and one per occurrence of a repeating event. Raises UnreadableInput for text that is not iCalendar."""
    calendars = list(read_components(source.content))
    if not calendars:
        raise UnreadableInput(f"{source.name} is not iCalendar: it contains no BEGIN:VCALENDAR")
    number = 0
    for calendar in calendars:
        yield from _beside(calendar)
        events = [one for one in calendar.inner if one.name == "VEVENT"]
        yield from _Reader(calendar, source).rows(number, events)
        number += len(events)


def occurrence_id(uid: str, start: datetime) -> str:
    """`change_id` of one occurrence of a repeating event."""
    return f"{uid}/{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


class _Reader:
    """Reads the events of one calendar."""

    def __init__(self, calendar: Component, source: Source) -> None:
        definitions: dict[str, Component] = {}
        for one in calendar.inner:
            for line in one.named("TZID") if one.name == "VTIMEZONE" else ():
                definitions.setdefault(line.value.strip(), one)
        self._zones = Zones(definitions)
        self._zone: tzinfo | None = source.zone
        self._zone_fault = ""
        named = calendar.first("X-WR-TIMEZONE")
        if self._zone is None and named is not None and named.value.strip():
            try:
                self._zone = self._zones.of(named.text.strip())
            except Malformed as fault:
                self._zone_fault = str(fault)
        self._owner = _extension(calendar, "owner")
        self._own = (_text(calendar, "PRODID") or "") == PRODUCT
        self._now = source.now

    def rows(self, number: int, components: list[Component]) -> Iterator[Row]:
        """The rows of all events, in their order."""
        read: list[_Event | Row] = []
        for index, component in enumerate(components, start=number + 1):
            try:
                read.append(self._event(index, component))
            except Malformed as fault:
                read.append(_refused(index, component, str(fault)))
        events = [one for one in read if isinstance(one, _Event)]
        series = _Series(events, [one for one in components if one.first("RECURRENCE-ID") is not None], self._now)
        for one in read:
            yield from (one,) if isinstance(one, Row) else self._rows(one, series)

    def _rows(self, event: _Event, series: "_Series") -> Iterator[Row]:
        raw = "\r\n".join(event.component.raw).encode()
        try:
            times = self._times(event, series)
            if not times and series.is_alone(event):
                # The series has no occurrence left: its cancelled first one records that; otherwise an older export would restore it.
                one = first_time(event.times, self._zone)
                fields = self._fields(event, occurrence_id(event.uid, one.start), one, series)
                yield Row(_position(event.number, event.component), raw, {**fields, "status": "cancelled"})
            for change_id, one in times:
                yield Row(_position(event.number, event.component), raw, self._fields(event, change_id, one, series))
        except Malformed as fault:
            yield _refused(event.number, event.component, str(fault))

    def _times(self, event: _Event, series: "_Series") -> list[tuple[str, Occurrence]]:
        if event.replaces is not None:
            return [(event.replaces, one) for one in occurrences(event.times, self._zone)[:1]]
        times = occurrences(event.times, self._zone, series.about)
        if not event.times.repeats:
            return [(event.uid, one) for one in times]
        return [(occurrence_id(event.uid, one.start), one) for one in times if not series.replaces(event, one, self._zone)]

    def _event(self, number: int, component: Component) -> _Event:
        if component.fault:
            raise Malformed(component.fault)
        for name in _ONCE:
            if len(component.named(name)) > 1:
                raise Malformed(f"{name} occurs {len(component.named(name))} times")
        uid, summary = component.first("UID"), component.first("SUMMARY")
        if len({line.text for line in component.named("SUMMARY")}) > 1:
            raise Malformed("SUMMARY stands there twice with different texts: two events may have run together")
        for line in (uid, summary):
            if line is not None and line.fault:
                raise Malformed(line.fault)
        if uid is None or not uid.text.strip():
            raise Malformed("UID is missing")
        times = self._repetition(component)
        replaced = component.first("RECURRENCE-ID")
        on = None if replaced is None else self._moment(replaced)
        if replaced is not None and "RANGE" in replaced.parameters:
            raise Malformed("RECURRENCE-ID with a RANGE is not supported: end the series there and begin another")
        replaces = None if on is None else occurrence_id(uid.text, instant_of(on, times.start.zone or self._zone))
        stamped = component.first("DTSTAMP")
        return _Event(number, component, uid.text, times, replaces, on, _sequence(component), _instant(stamped, self._zones))

    def _repetition(self, component: Component) -> Repetition:
        start, end, duration = (component.first(name) for name in ("DTSTART", "DTEND", "DURATION"))
        if start is None:
            raise Malformed("DTSTART is missing")
        if component.first("EXRULE") is not None:
            raise Malformed("EXRULE is not supported: RFC 5545 has removed it")
        made = Repetition(
            self._moment(start),
            None if end is None else self._moment(end),
            None if duration is None or end is not None else parse_duration(_sound(duration).value),
            tuple(parse_rule(_sound(line).value) for line in component.named("RRULE")),
            tuple(period for line in component.named("RDATE") for period in parse_periods(line, self._zones.of)),
            tuple(moment for line in component.named("EXDATE") for moment in parse_moments(line, self._zones.of)),
        )
        if made.start.zone is None and self._zone is None and self._zone_fault:
            raise Malformed(self._zone_fault)
        return made

    def _moment(self, line: ContentLine) -> Moment:
        found = parse_moments(line, self._zones.of)
        if len(found) != 1:
            raise Malformed(f"{line.name} holds {len(found)} times")
        return found[0]

    def _fields(self, event: _Event, change_id: str, one: Occurrence, series: "_Series") -> dict[str, Any]:
        component = event.component
        cells = {name: _extension(component, name) for name in Change.model_fields}
        own: Mapping[str, Any] = {
            "change_id": change_id,
            "revision": event.sequence + 1,
            "owner": cells["owner"] or self._owner or _organizer(component),
            "title": _text(component, "SUMMARY"),
            "description": _text(component, "DESCRIPTION"),
            "category": cells["category"] or _category(component),
            "status": cells["status"] or STATUSES.get((_text(component, "STATUS") or "").strip().upper()),
            "contact": _text(component, "CONTACT"),
            "declared_at": _time(component, "CREATED", self._zones),
            "updated_at": _time(component, "LAST-MODIFIED", self._zones),
            "planned_start": format_time(us(one.start)),
            "planned_end": format_time(us(one.end)),
            **({} if self._own else series.fields(event)),
        }
        return from_cells({**cells, **{name: value for name, value in own.items() if value is not None}})


class _Series:
    """The relations between the events of one calendar: which event replaces an occurrence of another, and when a series was exported."""

    def __init__(self, events: list[_Event], overrides: list[Component], now: datetime | None) -> None:
        self._masters = {one.uid: one for one in sorted(events, key=_rank) if one.replaces is None and one.times.repeats}
        self._replaced = {one.replaces for one in events if one.replaces is not None}
        self._replaced_series = {one.uid for one in events if one.replaces is not None}
        self._days = {(one.uid, one.replaces_on.local.date()) for one in events if one.replaces_on is not None and one.replaces_on.is_date}
        # If an event that replaces an occurrence can't be understood, the occurrence is left out too: the event shows that it differs.
        self._withheld: dict[str, list[Component]] = {}
        understood = {id(one.component) for one in events}
        for component in overrides:
            uid = component.first("UID")
            if id(component) not in understood and uid is not None:
                self._withheld.setdefault(uid.text, []).append(component)
        stamps: dict[str, datetime] = {}
        for one in events:
            if one.stamped is not None:
                stamps[one.uid] = max(one.stamped, stamps.get(one.uid, one.stamped))
        self._stamps = stamps
        self.about = now or max(stamps.values(), default=None)

    def replaces(self, event: _Event, one: Occurrence, zone: tzinfo | None) -> bool:
        """Whether another event replaces this occurrence of a series, or another event of its UID outranks the whole event."""
        if _rank(event) < _rank(self._masters[event.uid]) or occurrence_id(event.uid, one.start) in self._replaced:
            return True
        clock = event.times.start.zone or zone
        if (event.uid, one.start.astimezone(clock).date()) in self._days:
            return True
        return any(_concerns(component, one, clock) for component in self._withheld.get(event.uid, ()))

    def is_alone(self, event: _Event) -> bool:
        """Whether the event alone defines its series: no other event contains an occurrence of it."""
        return self._masters.get(event.uid) is event and event.uid not in self._replaced_series and event.uid not in self._withheld

    def fields(self, event: _Event) -> dict[str, Any]:
        """Series, its revision, and when the export was made."""
        master = self._masters.get(event.uid)
        stamped = event.stamped if master is None else self._stamps.get(event.uid)
        exported = {} if stamped is None else {"exported_at": format_time(us(stamped))}
        if master is None:
            return exported
        return {**exported, "series": event.uid, "series_revision": master.sequence + 1}


def _concerns(override: Component, one: Occurrence, clock: tzinfo | None) -> bool:
    """Whether a RECURRENCE-ID that could not be used means this occurrence, or (RANGE) an earlier one."""
    line = override.first("RECURRENCE-ID")
    if line is None or line.fault:
        return False
    try:
        moment = parse_moments(ContentLine(line.name, {}, line.value))[0]
        from_that = instant_of(moment, clock)
    except Malformed:
        return False
    if "RANGE" in line.parameters:
        return one.start >= from_that
    return one.start.astimezone(clock).date() == moment.local.date() if moment.is_date else one.start == from_that


def _rank(event: _Event) -> tuple[int, datetime]:
    return event.sequence, event.stamped or datetime.min.replace(tzinfo=UTC)


def _beside(calendar: Component) -> Iterator[Row]:
    """Damage outside the events, by name; valid components of other kinds are skipped."""
    for number, one in enumerate(calendar.inner, start=1):
        try:
            _check(one)
        except Malformed as fault:
            name = one.first("UID") or one.first("TZID")
            position: dict[str, int | str] = {"component": number, **({} if name is None else {name.name.lower(): name.text})}
            yield Row(position, "\r\n".join(one.raw).encode(), fault=f"the {one.name} can't be read: {fault}")


def _check(component: Component) -> None:
    if component.name == "VTIMEZONE":
        tzid = component.first("TZID")
        if len(component.named("TZID")) != 1 or tzid is None or named_zone(tzid.value.strip()) is None:
            defined_zone("", component)
    elif component.name in _BESIDE:
        for line in component.lines:
            if line.name in ("DTSTART", "DTEND", "DUE", "FREEBUSY"):
                for start, end in parse_periods(line, lambda _: UTC):
                    if isinstance(end, Moment) and end.local < start.local:
                        raise Malformed(f"{line.name} holds a period that ends before it begins")


def _refused(number: int, component: Component, fault: str) -> Row:
    return Row(_position(number, component), "\r\n".join(component.raw).encode(), fault=fault)


def _position(number: int, component: Component) -> dict[str, int | str]:
    uid = component.first("UID")
    return {"event": number, **({} if uid is None else {"uid": uid.text})}


def _sound(line: ContentLine) -> ContentLine:
    if line.fault:
        raise Malformed(line.fault)
    return line


def _sequence(component: Component) -> int:
    line = component.first("SEQUENCE")
    text = "" if line is None else line.value.strip()
    return min(int(text), _SEQUENCE_MAX) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _category(component: Component) -> str | None:
    names = (name.strip().lower() for line in component.named("CATEGORIES") for name in line.text.split(","))
    return next((name for name in names if name in CATEGORIES), None)


def _text(component: Component, name: str) -> str | None:
    line = component.first(name)
    return None if line is None else line.text


def _extension(component: Component, field: str) -> str | None:
    line = component.first(EXTENSION + field.upper().replace("_", "-"))
    return None if line is None else unescape(line.value)


def _organizer(component: Component) -> str | None:
    line = component.first("ORGANIZER")
    return None if line is None else line.parameters.get("CN")


def _instant(line: ContentLine | None, zones: Zones) -> datetime | None:
    if line is None:
        return None
    try:
        moment = parse_moments(line, zones.of)[0]
    except Malformed:
        return None
    return instant_of(moment, None) if moment.zone is not None else None


def _time(component: Component, name: str, zones: Zones) -> str | None:
    found = _instant(component.first(name), zones)
    return None if found is None else format_time(us(found))
