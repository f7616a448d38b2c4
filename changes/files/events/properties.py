"""Properties of an iCalendar component: its texts, times and numbers, and the `X-HIGHWATER-<FIELD>` extensions."""

from datetime import datetime
from typing import get_args

from changes.files.events.content_lines import Component, ContentLine, unescape
from changes.files.events.moments import parse_moments
from changes.files.events.recurrence import instant_of
from changes.files.events.time_zones import Zones
from models.errors import Malformed
from models.times import format_time, us
from models.vocabulary import ChangeCategory

EXTENSION = "X-HIGHWATER-"
STATUSES = {"CANCELLED": "cancelled", "CONFIRMED": "confirmed", "TENTATIVE": "declared"}
CATEGORIES = frozenset(get_args(ChangeCategory))
_SEQUENCE_MAX = 2**53 - 2


def sequence_of(component: Component) -> int:
    """SEQUENCE; 0 if it is missing or no number."""
    line = component.first("SEQUENCE")
    text = "" if line is None else line.value.strip()
    return min(int(text), _SEQUENCE_MAX) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def category_of(component: Component) -> str | None:
    """The first of its CATEGORIES that is a change category."""
    names = (name.strip().lower() for line in component.named("CATEGORIES") for name in line.text.split(","))
    return next((name for name in names if name in CATEGORIES), None)


def text_of(component: Component, name: str) -> str | None:
    """Text of a property; None if it is missing."""
    line = component.first(name)
    return None if line is None else line.text


def extension_of(component: Component, field: str) -> str | None:
    """Text of the property that carries `field` of a change; None if it is missing."""
    line = component.first(EXTENSION + field.upper().replace("_", "-"))
    return None if line is None else unescape(line.value)


def organizer_of(component: Component) -> str | None:
    """Common name of the organizer."""
    line = component.first("ORGANIZER")
    return None if line is None else line.parameters.get("CN")


def instant_in(line: ContentLine | None, zones: Zones) -> datetime | None:
    """Instant of a line; None if it is missing, cannot be read or has no time zone."""
    if line is None:
        return None
    try:
        moment = parse_moments(line, zones.of)[0]
    except Malformed:
        return None
    return instant_of(moment, None) if moment.zone is not None else None


def time_in(component: Component, name: str, zones: Zones) -> str | None:
    """The same of a property, as text."""
    instant = instant_in(component.first(name), zones)
    return None if instant is None else format_time(us(instant))
