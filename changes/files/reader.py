"""Reading: calendars from files of any known format; an invalid row never affects the others."""

import codecs
import gzip
import zlib
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from operator import not_
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from changes.files.date_order import is_ambiguous, writes_month_first
from changes.files.field_mapping import Mapping, zone_named
from changes.files.formats import FORMATS
from changes.files.source_row import Row, Source, position_text
from models.change import Change
from models.columns import Rejection
from models.errors import Malformed, UnreadableInput
from models.vocabulary import GREATEST
from models.wire_model import reason

_MONTH_FIRST = "other rows write the month first, the mapping says day first: correct its `time_formats`"
_SAVE_AS = {
    **dict.fromkeys((".xls", ".xlsm", ".xlsb", ".ods"), ": save the workbook as .xlsx or .csv"),
    **dict.fromkeys((".txt", ".tsv"), ": a table must be saved as .csv"),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar"), ": unpack it first"),
    **dict.fromkeys((".pst", ".msg", ".eml"), ": export the calendar as .ics"),
}
"""What to do about files that people take for calendars."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The defaults for information that the file does not contain."""

    mapping: Mapping | None = None
    """Translates another system's export into our fields."""
    owner: str | None = None
    """Owner of rows that do not name one."""
    timezone: str | None = None
    """IANA name of the zone of times without an offset; without it such a time is an error."""
    now: datetime | None = None
    """When the file is read: endless series are followed around this time, else around their own export."""


def read_changes(path: Path | str, reading: ReadOptions | None = None) -> tuple[list[Change], list[Rejection]]:
    """The changes in a file, in its order, and the errors of the other rows.

    Raises UnreadableInput if the file can't be read at all.
    """
    assumed = reading or ReadOptions()
    path = Path(path)
    suffixes = path.suffixes[:-1] if path.suffix == ".gz" else path.suffixes
    read = FORMATS.get(suffixes[-1].lower() if suffixes else "")
    if read is None:
        hint = _SAVE_AS.get(suffixes[-1].lower() if suffixes else "", "")
        raise UnreadableInput(f"{path} is not a calendar: its name must end in one of {', '.join(FORMATS)}{hint}")
    mapping = assumed.mapping
    zone = assumed.timezone or (mapping.timezone if mapping else None)
    source = Source(
        str(path),
        _content(path),
        None if zone is None else zone_named(zone),
        mapping.rows if mapping else (),
        mapping is None,
        mapping.columns if mapping else frozenset(),
        assumed.now,
        mapping.encoding if mapping else None,
    )
    changes: list[Change] = []
    rejections: list[Rejection] = []
    taken: list[Row] = []
    refused: list[Row] = []
    for row in read(source):
        try:
            changes.append(_change(row, assumed, source.zone))
        except Malformed as fault:
            rejections.append(_rejected(row, source, len(changes), str(fault)))
            refused.append(row)
            continue
        if mapping is not None:
            taken.append(row)
    if mapping is not None and refused and writes_month_first(mapping, refused, taken):
        unsure = [is_ambiguous(mapping, row) for row in taken]
        more = (_rejected(row, source, number, _MONTH_FIRST) for number, row in enumerate(taken) if unsure[number])
        return list(compress(changes, map(not_, unsure))), [*rejections, *more]
    return changes, rejections


def _rejected(row: Row, source: Source, index: int, reason_text: str) -> Rejection:
    return Rejection(index, source.name, row.position, reason_text, row.text)


def describe(rejection: Rejection) -> str:
    """`calendar.csv, line 3: planned_end is missing`, for people."""
    return f"{rejection.source}, {position_text(rejection.position)}: {rejection.reason}"


def parse_change(fields: Any) -> Change:
    """One change from JSON-like fields. Raises Malformed with field and reason."""
    try:
        return Change.model_validate(fields)
    except ValidationError as fault:
        raise Malformed(reason(fault)) from None
    except (TypeError, ValueError, RecursionError) as fault:
        raise Malformed(f"the change can't be read: {fault}") from None


def _change(row: Row, assumed: ReadOptions, zone: ZoneInfo | None) -> Change:
    if row.fault:
        raise Malformed(row.fault)
    fields = dict(row.fields) if assumed.mapping is None else assumed.mapping.apply(row.fields, zone)
    if assumed.owner is not None and fields.get("owner") in (None, ""):
        fields["owner"] = assumed.owner
    change = parse_change(fields)
    if change.expected is not None and (change.expected.factor or 0) > GREATEST:
        raise Malformed(f"expected.factor must be at most {GREATEST}")
    return change


def _content(path: Path) -> bytes:
    """The bytes of the file; text in UTF-16 (Excel's "Unicode text") as UTF-8."""
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        return content.decode("utf-16").encode() if content[:2] in _UTF_16 else content
    except UnicodeError as fault:
        raise UnreadableInput(f"{path} is not the UTF-16 that its first bytes announce: save it as UTF-8 ({fault})") from None
    except (OSError, EOFError, zlib.error) as fault:
        raise UnreadableInput(f"{path} can't be read: {getattr(fault, 'strerror', None) or fault}") from None
