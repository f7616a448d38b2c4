"""iCalendar: events with UID, SUMMARY and times; what iCalendar has no word for stands in `X-HIGHWATER-<FIELD>`."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Calendar, Event

from changes.files.cells import from_cells
from changes.files.recurrence import Occurrence, instant_of, occurrences, value_of
from changes.files.source_row import Row, Source
from models.change import Change
from models.errors import Malformed, UnreadableInput
from models.times import format_time, us
from models.vocabulary import ChangeCategory

EXTENSION = "X-HIGHWATER-"
STATUSES = {"CANCELLED": "cancelled", "CONFIRMED": "confirmed", "TENTATIVE": "declared"}
CATEGORIES = frozenset(get_args(ChangeCategory))


def read_ics(source: Source) -> Iterator[Row]:
    """One change an event, and one a time that a repeating event takes place. Raises UnreadableInput for text that is no iCalendar."""
    try:
        calendars = Calendar.from_ical(source.content.decode("utf-8-sig"), multiple=True)
    except (ValueError, KeyError, IndexError, RecursionError) as fault:
        raise UnreadableInput(f"{source.name} is no iCalendar: {fault}") from None
    number = 0
    for calendar in calendars:
        zone = source.zone or _zone_of(calendar)
        events = [(number + index, event) for index, event in enumerate(calendar.walk("VEVENT")) if isinstance(event, Event)]
        number += len(events)
        yield from _rows(events, zone, _extension(calendar, "owner"))


def occurrence_id(uid: str, start: datetime) -> str:
    """`change_id` of one time that a repeating event takes place."""
    return f"{uid}/{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _rows(events: list[tuple[int, Event]], zone: ZoneInfo | None, owner: str | None) -> Iterator[Row]:
    instead = {key for _, event in events if (key := _replaced(event, zone)) is not None}
    for number, event in events:
        position: dict[str, int | str] = {"event": number + 1}
        if "UID" in event:
            position["uid"] = str(event["UID"])
        raw = event.to_ical()
        try:
            for change_id, one in _times(event, zone, instead):
                yield Row(position, raw, _fields(event, change_id, one, owner))
        except Malformed as fault:
            yield Row(position, raw, fault=str(fault))


def _replaced(event: Event, zone: ZoneInfo | None) -> str | None:
    """The id of the one time that this event takes the place of."""
    if "RECURRENCE-ID" not in event or "UID" not in event:
        return None
    try:
        return occurrence_id(str(event["UID"]), instant_of(value_of(event, "RECURRENCE-ID"), zone))
    except (Malformed, AttributeError):
        return None


def _times(event: Event, zone: ZoneInfo | None, instead: set[str]) -> list[tuple[str, Occurrence]]:
    if event.errors:
        raise Malformed("; ".join(f"{name}: {fault}" for name, fault in event.errors))
    if "UID" not in event:
        raise Malformed("UID is missing")
    uid = str(event["UID"])
    if "RECURRENCE-ID" in event:
        if getattr(event["RECURRENCE-ID"], "params", {}).get("RANGE"):
            raise Malformed("RECURRENCE-ID with a RANGE is not read: end the series there and begin another")
        moment = instant_of(value_of(event, "RECURRENCE-ID"), zone)
        return [(occurrence_id(uid, moment), one) for one in occurrences(event, zone)[:1]]
    times = occurrences(event, zone)
    if not event.rrules and not event.rdates:
        return [(uid, one) for one in times]
    named = [(occurrence_id(uid, one.start), one) for one in times]
    return [(change_id, one) for change_id, one in named if change_id not in instead]


def _fields(event: Event, change_id: str, one: Occurrence, owner: str | None) -> dict[str, Any]:
    cells = {name: _extension(event, name) for name in Change.model_fields}
    category = next((str(name).lower() for name in event.categories if str(name).lower() in CATEGORIES), None)
    own: Mapping[str, Any] = {
        "change_id": change_id,
        "revision": int(event.get("SEQUENCE", 0)) + 1,
        "owner": cells["owner"] or owner or _organizer(event),
        "title": _text(event, "SUMMARY"),
        "description": _text(event, "DESCRIPTION"),
        "category": cells["category"] or category,
        "status": cells["status"] or STATUSES.get((_text(event, "STATUS") or "").upper()),
        "contact": _text(event, "CONTACT"),
        "declared_at": _moment(event, "CREATED"),
        "updated_at": _moment(event, "LAST-MODIFIED"),
        "planned_start": format_time(us(one.start)),
        "planned_end": format_time(us(one.end)),
    }
    return from_cells({**cells, **{name: value for name, value in own.items() if value is not None}})


def _text(event: Event, name: str) -> str | None:
    value = event.get(name)
    if isinstance(value, list):
        value = value[0]
    return None if value is None else str(value)


def _extension(component: Any, field: str) -> str | None:
    text = _text(component, EXTENSION + field.upper().replace("_", "-"))
    return None if text is None else text.replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")


def _organizer(event: Event) -> str | None:
    organizer = event.get("ORGANIZER")
    return None if organizer is None else organizer.params.get("CN")


def _moment(event: Event, name: str) -> str | None:
    value = event.get(name)
    if value is None or isinstance(value, list):
        return None
    moment = getattr(value, "dt", None)
    return format_time(us(moment)) if isinstance(moment, datetime) and moment.tzinfo is not None else None


def _zone_of(calendar: Any) -> ZoneInfo | None:
    name = calendar.get("X-WR-TIMEZONE")
    try:
        return None if name is None else ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
