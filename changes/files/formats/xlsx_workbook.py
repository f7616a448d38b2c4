"""XLSX calendars: the first visible sheet of a workbook that has the same header as a CSV calendar."""

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from changes.files.formats.table_header import find_header, names_enough
from changes.files.formats.workbook_size import CELLS_MAX, refuse_bombs
from changes.files.source_row import Row, Source
from models.errors import UnreadableInput

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

ROWS_MAX = 200_000
_NumberedRow = tuple[int, list[Any]]
"""Its number in the sheet, from 1, and its cells."""


def read_xlsx(source: Source) -> Iterator[Row]:
    """One change per row; blank rows, and title rows above the header, are skipped. Raises UnreadableInput if the file can't be opened."""
    sheets = _sheets(source)
    if not sheets:
        return
    # A cover or notes may come first; without any calendar the first sheet says what is missing.
    first = next((index for index, (_, rows) in enumerate(sheets) if _is_calendar(rows, source)), 0)
    name, filled = sheets.pop(first)
    header = find_header(filled, source)
    below = [(number, cells) for number, cells in filled if number > header.line]
    timed = _timed([cells for _, cells in below])
    for number, cells in below:
        yield header.row({"sheet": name, "row": number}, [_midnight(cell) if timed else cell for cell in cells], source)
    for other, rows in sheets:
        if _is_calendar(rows, source):
            yield Row(
                {"sheet": other},
                b"",
                fault=f"only the first sheet with changes ({name}) is read, and this one holds some too: split them",
            )


def _is_calendar(rows: list[_NumberedRow], source: Source) -> bool:
    """Whether a sheet has a header of its own, and rows below it."""
    try:
        header = find_header(rows, source)
    except UnreadableInput:
        return False
    return names_enough(header, source) and rows[-1][0] > header.line


def _timed(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether the sheet contains instants: a workbook can't distinguish midnight from a day, but next to instants it is midnight."""
    return any(isinstance(cell, datetime) for cells in rows for cell in cells)


def _midnight(cell: Any) -> Any:
    if isinstance(cell, date) and not isinstance(cell, datetime) and cell.year > 1900:
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 # a cell has no zone
    return cell


def _sheets(source: Source) -> list[tuple[str, list[_NumberedRow]]]:
    """The visible sheets that are not empty, with their filled rows."""
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
        sheets: list[tuple[str, list[_NumberedRow]]] = []
        cells = 0
        for name in visible:
            sheet = workbook.get_sheet_by_name(name)
            cells += sheet.height * sheet.width
            if cells > CELLS_MAX:
                raise UnreadableInput(f"{source.name} spans more than {CELLS_MAX} cells in all sheets: split it")
            if rows := _filled(sheet, source):
                sheets.append((name, rows))
        return sheets
    except (CalamineError, OSError, ValueError) as fault:
        raise UnreadableInput(f"{source.name} is not a readable workbook: {fault}") from None


def _filled(sheet: "CalamineSheet", source: Source) -> list[_NumberedRow]:
    if sheet.total_height > ROWS_MAX:
        raise UnreadableInput(f"{source.name} has {sheet.total_height} rows, at most {ROWS_MAX} are read: split it")
    top, left = sheet.start or (0, 0)
    rows = sheet.to_python(skip_empty_area=True)
    merged = [
        (first - top, last - top, column - left)
        for (first, column), (last, _) in sheet.merged_cell_ranges or ()
        if first < last and 0 <= first - top < len(rows) and 0 <= column - left < len(rows[first - top])
    ]
    if sum(min(last, len(rows)) - first for first, last, _ in merged) > sum(map(len, rows)):
        raise UnreadableInput(f"{source.name} merges the same cells several times: save it again")
    for first, last, column in merged:
        # A cell that is merged over several rows is the value of each of them.
        for row in rows[first + 1 : last + 1]:
            row[column] = rows[first][column]
    return [(top + index + 1, row) for index, row in enumerate(rows) if any(cell not in ("", None) for cell in row)]
