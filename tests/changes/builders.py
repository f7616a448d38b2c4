"""Changes, series and files that name only the values that matter to a test."""

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from changes.files.field_mapping import read_mapping
from changes.files.reader import ReadOptions, describe, read_changes
from models.change import Change
from models.columns import SeriesKey
from models.times import format_time, parse_time, us

START, END = "2026-01-05T22:00:00Z", "2026-01-05T23:00:00Z"


def change(change_id: str = "CHG-1", owner: str = "SUP-01", **fields: Any) -> Change:
    """A change of one hour on the evening of 5 January 2026."""
    named = {"change_id": change_id, "owner": owner, "title": "Work", "planned_start": START, "planned_end": END}
    return Change.model_validate(named | fields)


def at(text: str) -> int:
    """`22:30` on 5 January 2026, or a whole time, in microseconds."""
    return parse_time(text if "T" in text else f"2026-01-05T{text}:00Z")


def series(user: str = "SUP-01", direction: str = "to_dsp", service: str = "4.8.1", region: str = "north", window_s: int = 60) -> SeriesKey:
    """A traffic series."""
    return SeriesKey(user, direction, "service_request", service, region, "", window_s)


def queue(user: str = "SUP-01", name: str = "to_user", window_s: int = 60) -> SeriesKey:
    """A queue."""
    return SeriesKey(user, "", "", "", "", name, window_s)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """A file in `folder`."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(*sheets: Sequence[Sequence[Any]], hidden: Sequence[int] = ()) -> bytes:
    """The smallest XLSX that holds these rows; a datetime becomes a date cell."""
    names = [f"Sheet{number}" for number in range(1, len(sheets) + 1)]
    kind = "http://schemas.openxmlformats.org"
    listed = "".join(
        f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"{" state=" + chr(34) + "hidden" + chr(34) if i - 1 in hidden else ""}/>'
        for i, name in enumerate(names, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{i}" Type="{kind}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    styles = f'<Relationship Id="rId99" Type="{kind}/officeDocument/2006/relationships/styles" Target="styles.xml"/>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{kind}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{kind}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{kind}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{kind}/spreadsheetml/2006/main" '
        f'xmlns:r="{kind}/officeDocument/2006/relationships"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{kind}/package/2006/relationships">{related}{styles}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{kind}/spreadsheetml/2006/main">'
        '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
    }
    for number, rows in enumerate(sheets, start=1):
        lines = "".join(f'<row r="{r}">{"".join(_cell(value) for value in row)}</row>' for r, row in enumerate(rows, start=1))
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{kind}/spreadsheetml/2006/main"><sheetData>{lines}</sheetData></worksheet>'
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{content}')
    return packed.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, datetime):
        days = (value - datetime(1899, 12, 30)).total_seconds() / 86400  # noqa: DTZ001 # a date cell has no zone
        return f'<c s="1"><v>{days!r}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value!r}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


CALENDARS = Path(__file__).parents[2] / "docs" / "calendars"
"""The mapping files that we ship."""


def imported(path: Path, system: str | None = None, **assumed: Any) -> tuple[list[Change], list[str]]:
    """The changes in a file, read with the mapping of `system`, and the faults without the name of the file."""
    mapping = None if system is None else read_mapping(CALENDARS / f"{system}.toml")
    made, rejected = read_changes(path, ReadOptions(mapping=mapping, **assumed))
    return made, [describe(one).removeprefix(f"{path}, ") for one in rejected]


def window(change: Change) -> str:
    """Planned start and end."""
    return f"{format_time(us(change.planned_start))}/{format_time(us(change.planned_end))}"
