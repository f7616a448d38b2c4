"""Feed: the calendar for subscriptions in Outlook, Google Calendar or a phone."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from changes.files.formats.icalendar_file import PRODUCT
from changes.windows import window_us
from models.change import Change
from models.times import instant, us

if TYPE_CHECKING:
    from icalendar import Event

NAME = "DCC and Users: declared changes"
REFRESH = timedelta(minutes=15)
_STATUS = {"cancelled": "CANCELLED", "draft": "TENTATIVE", "declared": "TENTATIVE"}


def to_feed(changes: Iterable[Change]) -> bytes:
    """Events with the information for a reader of a calendar; the same changes give the same bytes."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", NAME)
    calendar.add("x-published-ttl", "PT15M")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for change in changes:
        calendar.add_component(_event(change))
    return bytes(calendar.to_ical())


def _event(change: Change) -> "Event":
    from icalendar import Event

    from changes.files.events.written_text import WrittenText

    start_us, end_us = window_us(change)
    event = Event()
    event.add("uid", WrittenText(f"{change.owner}/{change.change_id}"))
    event.add("sequence", change.revision - 1)
    event.add("dtstamp", instant(us(change.updated_at or change.planned_start)))
    event.add("dtstart", instant(start_us))
    event.add("dtend", instant(end_us))
    event.add("summary", WrittenText(f"{change.owner}: {change.title}"))
    event.add("status", _STATUS.get(change.status, "CONFIRMED"))
    event.add("transp", "TRANSPARENT")
    event.add("categories", [change.category])
    event.add("description", WrittenText(_text(change)))
    return event


def _text(change: Change) -> str:
    lines = [f"{change.change_id}, {change.category.replace('_', ' ')}, {change.status.replace('_', ' ')}"]
    for name, values in (("Services", change.services), ("Regions", change.regions)):
        if values:
            lines.append(f"{name}: {', '.join(values)}")
    if change.description:
        lines.append(change.description)
    return "\n".join(lines)
