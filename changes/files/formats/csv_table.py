"""CSV calendars: the header holds the field names, lists are separated by `;`, `expected` is JSON or dotted columns."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from changes.files.cells import from_cells
from changes.files.source_row import Row, Source
from models.errors import Malformed, UnreadableInput

REQUIRED = ("change_id", "title", "planned_start", "planned_end")
"""Columns without which no row can be a change; an owner may be given for the whole file."""


def read_csv(source: Source) -> Iterator[Row]:
    """One change a row; blank rows are skipped. Raises UnreadableInput without a usable header."""
    try:
        text = source.content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise UnreadableInput(f"{source.name} is no UTF-8 (byte {fault.start}): save it as CSV UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    header: list[str] | None = None
    for line, cells, broken in _lines(reader):
        if broken:
            yield Row({"line": line}, b"", fault=f"the row can't be read: {broken}")
        elif header is None:
            header = checked_header(cells, source)
        else:
            yield table_row({"line": line}, header, cells, source)


def _lines(reader: Any) -> Iterator[tuple[int, list[str], str]]:
    """Line where each row begins, its cells, and why it could not be read; without blank rows."""
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield line, [], str(fault)
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells, ""


def checked_header(cells: Sequence[Any], source: Source) -> list[str]:
    """The column names. Raises UnreadableInput for repeated ones, or (where they are to be ours) for lacking ones."""
    header = [str(cell).strip() for cell in cells]
    if source.own_names:
        header = [name.lower() for name in header]
        lacking = [name for name in REQUIRED if name not in header]
        if lacking:
            raise UnreadableInput(
                f"{source.name} has no column {', '.join(lacking)}: the header must hold field names, or give a mapping file"
            )
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise UnreadableInput(f"{source.name} has the column {', '.join(repeated)} twice: name each column once")
    return header


def table_row(position: dict[str, int | str], header: Sequence[str], cells: Sequence[Any], source: Source) -> Row:
    """A row of any table as fields by name."""
    raw = _raw(cells)
    if any(cell not in ("", None) for cell in cells[len(header) :]):
        return Row(position, raw, fault=f"the row has {len(cells)} cells, the header {len(header)}: quote cells that hold the delimiter")
    named = {name: cell for name, cell in zip(header, cells, strict=False) if name}
    if not source.own_names:
        return Row(position, raw, named)
    try:
        return Row(position, raw, from_cells(named, source.zone))
    except Malformed as fault:
        return Row(position, raw, fault=str(fault))


def _raw(cells: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue().encode("utf-8", "replace")


def _delimiter(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip()), "")
    return next((sign for sign in (",", "\t") if sign in header), ";")
