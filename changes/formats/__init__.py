"""The file formats that a calendar may come in: one file each, and its line here."""

from collections.abc import Iterator

from changes.formats.documents import read_json, read_ndjson
from changes.formats.tables import read_csv
from changes.formats.workbooks import read_xlsx
from changes.rows import Format, Row, Source


def _read_ics(source: Source) -> Iterator[Row]:
    """Its library takes as long to load as all the others together: only for whoever has such a file."""
    from changes.formats.ical import read_ics

    return read_ics(source)


FORMATS: dict[str, Format] = {
    ".json": read_json,
    ".ndjson": read_ndjson,
    ".jsonl": read_ndjson,
    ".csv": read_csv,
    ".xlsx": read_xlsx,
    ".ics": _read_ics,
}
"""Suffix → reader; `.gz` behind any of them is unpacked first."""
