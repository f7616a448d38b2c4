"""CSV calendars: the header holds the field names, lists are separated by `;`, `expected` is JSON or dotted columns."""

import io
from collections.abc import Iterator
from contextlib import suppress

from changes.files.formats.csv_records import first_rows, read_records
from changes.files.formats.table_header import Header, find_header
from changes.files.source_row import Row, Source
from models.errors import UnreadableInput

_DELIMITERS = (",", "\t", ";", "|")


def read_csv(source: Source) -> Iterator[Row]:
    """One change per row; blank rows, and title rows above the header, are skipped. Raises UnreadableInput without a usable header."""
    lines = list(io.StringIO(_decoded(source), newline=""))
    if not any(line.strip() for line in lines):
        return
    delimiter, header = _table(lines, source)
    texts = header.texts(source)
    for record in read_records(lines, delimiter, header.line):
        if record.fault:
            yield Row({"line": record.line}, record.fault_text, fault=f"the row can't be read: {record.fault}")
        else:
            yield header.row({"line": record.line}, record.cells, source, texts)


def _decoded(source: Source) -> str:
    try:
        return source.content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        # A file with both valid and invalid UTF-8 is a damaged one: another encoding would alter its sound rows.
        if source.encoding is not None and source.content.decode("utf-8", "ignore").isascii():
            with suppress(UnicodeError):
                return source.content.decode(source.encoding)
        raise UnreadableInput(f"{source.name} is not UTF-8 (byte {fault.start}): save it as CSV UTF-8") from None


def _table(lines: list[str], source: Source) -> tuple[str, Header]:
    """The delimiter with which a header is found, and the header. Raises UnreadableInput without any."""
    first: UnreadableInput | None = None
    sample = "".join(lines[:50])[:4096]
    for delimiter in sorted(_DELIMITERS, key=lambda sign: sign not in sample):
        try:
            return delimiter, find_header(first_rows(lines, delimiter), source)
        except UnreadableInput as fault:
            first = first or fault
    raise first or UnreadableInput(f"{source.name} has no header")
