"""CSV calendars: the header holds the field names, lists are separated by `;`, `expected` is JSON or dotted columns."""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from changes.files.formats.table_header import Header, find_header
from changes.files.source_row import Row, Source
from models.errors import UnreadableInput

_DELIMITERS = (",", "\t", ";", "|")


def read_csv(source: Source) -> Iterator[Row]:
    """One change per row; blank rows, and title rows above the header, are skipped. Raises UnreadableInput without a usable header."""
    text = _decoded(source)
    if not text.strip():
        return
    delimiter, header = _table(text, source)
    for line, cells, broken in _lines(text, delimiter):
        if broken:
            yield Row({"line": line}, b"", fault=f"the row can't be read: {broken}")
        elif line > header.line:
            yield header.row({"line": line}, cells, source)


def _decoded(source: Source) -> str:
    try:
        return source.content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        # A file with both valid and invalid UTF-8 is a damaged one: another encoding would alter its sound rows.
        if source.encoding is not None and source.content.decode("utf-8", "ignore").isascii():
            with suppress(UnicodeError):
                return source.content.decode(source.encoding)
        raise UnreadableInput(f"{source.name} is not UTF-8 (byte {fault.start}): save it as CSV UTF-8") from None


def _table(text: str, source: Source) -> tuple[str, Header]:
    """The delimiter with which a header is found, and the header. Raises UnreadableInput without any."""
    first: UnreadableInput | None = None
    for delimiter in sorted(_DELIMITERS, key=lambda sign: sign not in text[:4096]):
        rows = ((line, cells) for line, cells, broken in _lines(text, delimiter) if not broken)
        try:
            return delimiter, find_header(islice(rows, 50), source)
        except UnreadableInput as fault:
            first = first or fault
    raise first or UnreadableInput(f"{source.name} has no header")


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Line where each row begins, its cells, and why it could not be read; without blank rows."""
    reader: Any = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
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
