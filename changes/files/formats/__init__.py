"""The file formats of calendars: one file each, and its line here."""

from collections.abc import Iterator

from changes.files.formats.csv_table import read_csv
from changes.files.formats.json_documents import read_json, read_ndjson
from changes.files.formats.xlsx_workbook import read_xlsx
from changes.files.source_row import Format, Row, Source


def _read_ics(source: Source) -> Iterator[Row]:
    """Its library takes as long to load as all the others together, so it is loaded only for such a file."""
    from changes.files.formats.icalendar_file import read_ics

    return read_ics(source)


FORMATS: dict[str, Format] = {
    ".json": read_json,
    ".ndjson": read_ndjson,
    ".jsonl": read_ndjson,
    ".csv": read_csv,
    ".xlsx": read_xlsx,
    ".ics": _read_ics,
}
"""Suffix → reader; `.gz` after any of them is unpacked first."""
