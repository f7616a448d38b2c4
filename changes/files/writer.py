"""Writing: calendars as files for other programs: JSON, lines, CSV without formulas, iCalendar."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic_core import to_json

from changes.files.cells import TIMES, escape_formula
from changes.files.events.properties import EXTENSION
from changes.files.formats.icalendar_file import PRODUCT
from models.canonical_json import whole
from models.change import Change
from models.errors import UnreadableInput
from models.times import instant, us

_ICS_STATUS = {"cancelled": "CANCELLED", "draft": "TENTATIVE", "declared": "TENTATIVE"}
COLUMNS = tuple(Change.model_fields)
_TIMES = tuple(name for name in COLUMNS if name in TIMES)


def stated(change: Change) -> dict[str, Any]:
    """The owner's values as JSON-like fields: defaults are left out, so that a file does not claim what nobody declared."""
    fields = change.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if "expected" in fields:
        fields["expected"] = {name: whole(value) for name, value in fields["expected"].items() if value != []}
    return fields


def to_json_array(changes: Sequence[Change]) -> bytes:
    """An array, one change per line."""
    lines = b",\n".join(_line(change) for change in changes)
    return b"[\n" + lines + b"\n]\n" if lines else b"[]\n"


def to_ndjson(changes: Sequence[Change]) -> bytes:
    """One change per line."""
    return b"".join(_line(change) + b"\n" for change in changes)


def to_csv(changes: Sequence[Change]) -> bytes:
    """A header of field names, lists separated by `;`, `expected` as JSON."""
    return table(COLUMNS, map(stated, changes))


def to_ics(changes: Sequence[Change]) -> bytes:
    """Events in UTC; fields without an iCalendar property are in `X-HIGHWATER-<FIELD>`, so that reading them gives the same changes."""
    from icalendar import Calendar

    from changes.files.events.written_text import WrittenText

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    for change in changes:
        event = _event(change)
        for name, text in _extensions(change):
            event.add(EXTENSION + name.upper().replace("_", "-"), WrittenText(text))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


WRITERS: dict[str, Callable[[Sequence[Change]], bytes]] = {".json": to_json_array, ".ndjson": to_ndjson, ".csv": to_csv, ".ics": to_ics}
"""Suffix → writer."""


def writer_of(suffix: str) -> Callable[[Sequence[Change]], bytes]:
    """The writer for files of this suffix. Raises UnreadableInput if the suffix is not supported."""
    if suffix.lower() not in WRITERS:
        raise UnreadableInput(f"{suffix or 'a name without suffix'} is not supported: use one of {', '.join(WRITERS)}")
    return WRITERS[suffix.lower()]


def table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    """CSV with a header; a `'` is put before text that a spreadsheet would take for a formula."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(columns)
    for row in rows:
        # Some programs end a file at a NUL.
        out.writerow([escape_formula(_cell(row.get(column)).replace("\0", "")) for column in columns])
    return text.getvalue().encode()


def _line(change: Change) -> bytes:
    if change.expected is None:
        given = change.model_fields_set
        values = {name: value for name, value in change.__dict__.items() if value is not None and name in given}
        if not any(name in values and values[name].microsecond for name in _TIMES):
            return to_json(values)  # The same bytes in a fifth of the time.
    return json.dumps(stated(change), ensure_ascii=False, separators=(",", ":")).encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(str(part) for part in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def _event(change: Change) -> Any:
    from icalendar import Event

    from changes.files.events.written_text import WrittenText

    event = Event()
    event.add("uid", WrittenText(change.change_id))
    event.add("sequence", change.revision - 1)
    # DTSTAMP is required; no clock is read, so that the same calendar gives the same bytes.
    event.add("dtstamp", change.updated_at or change.planned_start)
    event.add("dtstart", change.planned_start)
    event.add("dtend", change.planned_end)
    event.add("summary", WrittenText(change.title))
    if "status" in change.model_fields_set:
        event.add("status", _ICS_STATUS.get(change.status, "CONFIRMED"))
    event.add("categories", [change.category])
    for name, value in (("description", change.description), ("contact", change.contact)):
        if value is not None:
            event.add(name, WrittenText(value))
    for name, moment in (("created", change.declared_at), ("last-modified", change.updated_at)):
        if moment is not None:
            event.add(name, instant(us(moment)))
    return event


def _extensions(change: Change) -> Iterable[tuple[str, str]]:
    """The fields for which iCalendar has no property."""
    own = {
        "change_id",
        "revision",
        "title",
        "description",
        "planned_start",
        "planned_end",
        "category",
        "contact",
        "declared_at",
        "updated_at",
    }
    for name, value in stated(change).items():
        text = _cell(value)
        if name not in own and text:
            yield name, text
