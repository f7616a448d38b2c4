"""XLSX calendars: the first visible sheet of a workbook, with the same header as CSV."""

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from changes.files.formats.table_header import find_header
from changes.files.formats.workbook_size import refuse_bombs
from changes.files.source_row import Row, Source
from models.errors import UnreadableInput

ROWS_MAX = 200_000


def read_xlsx(source: Source) -> Iterator[Row]:
    """One change per row; blank rows, and title rows above the header, are skipped. Raises UnreadableInput if the file can't be opened."""
    name, rows = _rows(source)
    filled = [(number, cells) for number, cells in rows if any(cell not in ("", None) for cell in cells)]
    if not filled:
        return
    header = find_header(filled, source)
    below = [(number, cells) for number, cells in filled if number > header.line]
    timed = _timed([cells for _, cells in below])
    for number, cells in below:
        yield header.row({"sheet": name, "row": number}, [_midnight(cell) if timed else cell for cell in cells], source)


def _timed(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether the sheet contains instants: a workbook can't distinguish midnight from a day, but next to instants it is midnight."""
    return any(isinstance(cell, datetime) for cells in rows for cell in cells)


def _midnight(cell: Any) -> Any:
    if isinstance(cell, date) and not isinstance(cell, datetime) and cell.year > 1900:
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 # a cell has no zone
    return cell


def _rows(source: Source) -> tuple[str, list[tuple[int, list[Any]]]]:
    from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum, load_workbook

    refuse_bombs(source)
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
        if sheet.total_height > ROWS_MAX:
            raise UnreadableInput(f"{source.name} has {sheet.total_height} rows, at most {ROWS_MAX} are read: split it")
        first = sheet.start[0] if sheet.start is not None else 0
        return visible[0], [(first + index + 1, row) for index, row in enumerate(sheet.to_python(skip_empty_area=True))]
    except (CalamineError, OSError, ValueError) as fault:
        raise UnreadableInput(f"{source.name} is not a readable workbook: {fault}") from None
