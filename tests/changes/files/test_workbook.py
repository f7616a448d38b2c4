"""XLSX calendars: sheets, merged cells, numbers that may have lost digits, and files that are no workbooks."""

import io
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from changes.files.reader import ReadOptions, read_changes
from models.errors import UnreadableInput
from tests.changes.builders import END, START, workbook, write
from tests.changes.files.test_reader import HEADER, faults, ids


def with_merged(content: bytes, *cells: str) -> bytes:
    """The workbook with cells of its first sheet merged."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(out, "w") as merged:
        for name in book.namelist():
            ranges = "".join(f'<mergeCell ref="{one}"/>' for one in cells)
            sheet = f'</sheetData><mergeCells count="{len(cells)}">{ranges}</mergeCells>'.encode()
            merged.writestr(name, book.read(name).replace(b"</sheetData>", sheet) if name.endswith("/sheet1.xml") else book.read(name))
    return out.getvalue()


def test_a_workbook_is_read_like_a_table(tmp_path: Path) -> None:
    header = [*HEADER.split(","), "revision", "services", "users"]
    rows = [
        [],
        header,
        [1042, "SUP-01", "t", START, END, 2, "4.10;4.8.1", None],
        [None] * 8,
        ["B", "SUP-01", "t", datetime(2026, 1, 5, 22), END, 1, None, None],  # noqa: DTZ001 # a date cell has no zone
        ["C", "SUP-01", "t", START, END, 1.5, None, None],
        ["D", "SUP-01", "t", START, END, None, 4.8, "SUP-01"],
    ]
    path = write(tmp_path, "a.xlsx", workbook(rows))
    made, _ = read_changes(path)
    assert [(one.change_id, one.revision, one.services) for one in made] == [("1042", 2, ("4.10", "4.8.1"))]
    assert [line.partition(":")[0] for line in faults(path)] == ["sheet Sheet1, row 5", "sheet Sheet1, row 6", "sheet Sheet1, row 7"]
    assert "--timezone" in faults(path)[0]
    assert "4.8 may have been 4.80" in faults(path)[2]
    assert ids(path, timezone="Europe/London") == ["1042", "B"]


def test_a_cell_that_is_merged_over_rows_is_the_value_of_each(tmp_path: Path) -> None:
    rows = [HEADER.split(","), ["A", "SUP-02", "t", START, END], ["B", None, "t", START, END], ["C", "SUP-01", "t", START, END]]
    path = write(tmp_path, "a.xlsx", with_merged(workbook(rows), "B2:B3"))
    made, _ = read_changes(path, ReadOptions(owner="DCC"))
    assert [one.owner for one in made] == ["SUP-02", "SUP-02", "SUP-01"]


def test_cells_that_are_merged_again_and_again_are_refused_and_merges_beside_the_table_do_not_count(tmp_path: Path) -> None:
    content = workbook([HEADER.split(","), ["A", "SUP-02", "t", START, END], ["B", "SUP-02", "t", START, END]])
    with pytest.raises(UnreadableInput, match="several times"):
        read_changes(write(tmp_path, "a.xlsx", with_merged(content, *["B2:B3"] * 100)))
    assert ids(write(tmp_path, "b.xlsx", with_merged(content, *["K2:K3"] * 100, "B90:B99"))) == ["A", "B"]


def test_all_sheets_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("changes.files.formats.xlsx_workbook.CELLS_MAX", 24)
    sheet = [HEADER.split(","), ["A", "SUP-01", "t", START, END]]
    assert ids(write(tmp_path, "a.xlsx", workbook(sheet, sheet))) == ["A"]
    with pytest.raises(UnreadableInput, match="split it"):
        read_changes(write(tmp_path, "b.xlsx", workbook(sheet, sheet, sheet)))


def test_a_second_sheet_with_changes_is_named_and_an_empty_one_is_passed_over(tmp_path: Path) -> None:
    january, february = ([HEADER.split(","), [name, "SUP-01", "t", START, END]] for name in "AB")
    path = write(tmp_path, "a.xlsx", workbook([], january, february, [["A note"], ["More"]]))
    assert ids(path) == ["A"]
    assert [line.partition(":")[0] for line in faults(path)] == ["sheet Sheet3"]


def test_a_cover_before_the_calendar_is_passed_over(tmp_path: Path) -> None:
    visible = [HEADER.split(","), ["A", "SUP-01", "t", START, END]]
    path = write(tmp_path, "a.xlsx", workbook([["Forward schedule"], ["Operations"]], visible))
    assert (ids(path), list(faults(path))) == (["A"], [])


def test_the_first_visible_sheet_counts(tmp_path: Path) -> None:
    visible = [HEADER.split(","), ["A", "SUP-01", "t", START, END]]
    assert ids(write(tmp_path, "a.xlsx", workbook([["x"]], visible, hidden=[0]))) == ["A"]


def test_what_only_calls_itself_a_workbook_is_unreadable(tmp_path: Path) -> None:
    for content in (b"hello", b"PK\x03\x04", workbook([])[:200]):
        with pytest.raises(UnreadableInput, match="workbook"):
            read_changes(write(tmp_path, "a.xlsx", content))


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("changes.files.formats.workbook_size.UNPACKED_BYTES_MAX", 100)
    with pytest.raises(UnreadableInput, match="at most 100"):
        read_changes(write(tmp_path, "a.xlsx", workbook([["x"]])))
