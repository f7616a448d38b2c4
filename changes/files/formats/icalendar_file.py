"""iCalendar: events with UID, SUMMARY and times; fields without an iCalendar property are in `X-HIGHWATER-<FIELD>`.

Only errors in UID, SUMMARY, times and rules invalidate an event; other damage in it, or outside of it, is left out.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, tzinfo
from typing import Any

from changes.files.cells import from_cells
from changes.files.events.content_lines import Component, ContentLine, read_components
from changes.files.events.moments import Moment, parse_duration, parse_moments, parse_periods
from changes.files.events.properties import STATUSES, category_of, extension_of, instant_in, organizer_of, sequence_of, text_of, time_in
from changes.files.events.recurrence import Occurrence, Repetition, first_time, instant_of, occurrences
from changes.files.events.recurrence_rule import parse_rule
from changes.files.events.series import Event, Series, occurrence_id
from changes.files.events.time_zones import Zones, defined_zone, named_zone
from changes.files.source_row import Row, Source
from models.change import Change
from models.errors import Malformed, UnreadableInput
from models.times import format_time, us

PRODUCT = "-//Highwater//Change calendar//EN"
"""The program that wrote a calendar: in our own files DTSTAMP is not the time of the original export."""
_ONCE = ("UID", "DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
_BESIDE = ("VFREEBUSY", "VTODO", "VJOURNAL")


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
        self._owner = extension_of(calendar, "owner")
        self._own = (text_of(calendar, "PRODID") or "") == PRODUCT
        self._takes_back = (text_of(calendar, "METHOD") or "").strip().upper() == "CANCEL"
        self._now = source.now
        self._clocks: dict[str, tzinfo | None] = {}
        """UID → the clock of its series, on which a RECURRENCE-ID without a zone stands."""

    def rows(self, number: int, components: list[Component]) -> Iterator[Row]:
        """The rows of all events, in their order."""
        self._clocks = dict(self._series_clocks(components))
        read: list[Event | Row] = []
        for index, component in enumerate(components, start=number + 1):
            try:
                read.append(self._event(index, component))
            except Malformed as fault:
                read.append(_refused(index, component, str(fault)))
        events = [one for one in read if isinstance(one, Event)]
        overrides = [one for one in components if one.first("RECURRENCE-ID") is not None]
        series = Series(events, overrides, self._now, takes_back=self._takes_back)
        for one in read:
            yield from (one,) if isinstance(one, Row) else self._rows(one, series)

    def _series_clocks(self, components: list[Component]) -> Iterator[tuple[str, tzinfo | None]]:
        for component in components:
            uid, start = component.first("UID"), component.first("DTSTART")
            if uid is None or start is None or component.first("RECURRENCE-ID") is not None:
                continue
            with suppress(Malformed):
                yield uid.text, self._moment(start).zone or self._zone

    def _rows(self, event: Event, series: Series) -> Iterator[Row]:
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

    def _times(self, event: Event, series: Series) -> list[tuple[str, Occurrence]]:
        if event.replaces is not None:
            return [(event.replaces, one) for one in occurrences(event.times, self._zone)[:1]]
        times = occurrences(event.times, self._zone, series.about)
        if not event.times.repeats:
            return [(event.uid, one) for one in times]
        return [(occurrence_id(event.uid, one.start), one) for one in times if not series.replaces(event, one, self._zone)]

    def _event(self, number: int, component: Component) -> Event:
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
        clock = self._clocks.get(uid.text) or times.start.zone or self._zone
        replaces = None if on is None else occurrence_id(uid.text, instant_of(on, clock))
        stamped = component.first("DTSTAMP")
        return Event(number, component, uid.text, times, replaces, on, sequence_of(component), instant_in(stamped, self._zones))

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
        moments = parse_moments(line, self._zones.of)
        if len(moments) != 1:
            raise Malformed(f"{line.name} holds {len(moments)} times")
        return moments[0]

    def _fields(self, event: Event, change_id: str, one: Occurrence, series: Series) -> dict[str, Any]:
        component = event.component
        cells = {name: extension_of(component, name) for name in Change.model_fields}
        own: Mapping[str, Any] = {
            "change_id": change_id,
            "revision": event.sequence + 1,
            "owner": cells["owner"] or self._owner or organizer_of(component),
            "title": text_of(component, "SUMMARY"),
            "description": text_of(component, "DESCRIPTION"),
            "category": cells["category"] or category_of(component),
            "status": cells["status"] or STATUSES.get((text_of(component, "STATUS") or "").strip().upper()),
            "contact": text_of(component, "CONTACT"),
            "declared_at": time_in(component, "CREATED", self._zones),
            "updated_at": time_in(component, "LAST-MODIFIED", self._zones),
            "planned_start": format_time(us(one.start)),
            "planned_end": format_time(us(one.end)),
            **({} if self._own else series.fields(event)),
            **({"status": "cancelled"} if self._takes_back else {}),
        }
        return from_cells({**cells, **{name: value for name, value in own.items() if value is not None}})


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
