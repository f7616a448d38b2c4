"""XLSX calendars: the first visible sheet of a workbook, with the same header as CSV."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from changes.files.formats.csv_table import checked_header, table_row
from changes.files.source_row import Row, Source
from models.errors import UnreadableInput

UNPACKED_MOST = 256 * 1024 * 1024
"""A workbook is a zip: one that unpacks to more than this many bytes is refused."""
ROWS_MOST = 100_000


def read_xlsx(source: Source) -> Iterator[Row]:
    """One change a row; blank rows are skipped. Raises UnreadableInput for a workbook that can't be opened."""
    name, rows = _rows(source)
    header: list[str] | None = None
    for number, cells in rows:
        if all(cell in ("", None) for cell in cells):
            continue
        if header is None:
            header = checked_header(cells, source)
            continue
        yield table_row({"sheet": name, "row": number}, header, cells, source)


def _rows(source: Source) -> tuple[str, list[tuple[int, list[Any]]]]:
    from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum, load_workbook

    _refuse_bombs(source)
    try:
        workbook = load_workbook(io.BytesIO(source.content))
        visible = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
        ]
        if not visible:
            raise UnreadableInput(f"{source.name} has no visible sheet")
        sheet = workbook.get_sheet_by_name(visible[0])
        if sheet.total_height > ROWS_MOST:
            raise UnreadableInput(f"{source.name} has {sheet.total_height} rows, at most {ROWS_MOST} are read: split it")
        first = sheet.start[0] if sheet.start is not None else 0
        return visible[0], [(first + index + 1, row) for index, row in enumerate(sheet.to_python(skip_empty_area=True))]
    except (CalamineError, OSError, ValueError) as fault:
        raise UnreadableInput(f"{source.name} is no workbook that can be read: {fault}") from None


def _refuse_bombs(source: Source) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(source.content)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as fault:
        raise UnreadableInput(f"{source.name} is no XLSX workbook: {fault}") from None
    if size > UNPACKED_MOST:
        raise UnreadableInput(f"{source.name} unpacks to {size} bytes, at most {UNPACKED_MOST} are read")
