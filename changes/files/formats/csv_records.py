"""CSV record: the cells of one row of a table; a stray quote costs its own row, not those below it."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

_HEADER_WITHIN = 50
"""Rows among which the header may be."""
_READ_AGAIN_MAX = 1000
"""Lines that may be read again after stray quotes, beside as many as the file has: no file takes more than twice its time."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row, and the line where it begins, from 1."""

    line: int
    cells: list[str]
    fault: str = ""
    fault_text: bytes = b""


def first_rows(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The last line of each of the first readable rows, with its cells."""
    reader: Any = csv.reader(iter(lines), delimiter=delimiter)
    for _ in range(_HEADER_WITHIN):
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


def read_records(lines: Sequence[str], delimiter: str, after: int) -> Iterator[Record]:
    """The rows below line `after`; blank ones are skipped.

    In a row of several lines each quote must be closed and stand at the edge of its cell. Otherwise the first line alone is refused, and
    reading continues with the second.
    """
    again = len(lines) + _READ_AGAIN_MAX
    beginning: int | None = after
    while beginning is not None:
        after, beginning = beginning, None
        for record, last in _read(lines, delimiter, after):
            again -= last - record.line
            if last == record.line or again < 0 or (not record.fault and _is_quoted(lines[record.line - 1 : last], delimiter)):
                yield record
                continue
            text = lines[record.line - 1].rstrip("\r\n").encode("utf-8", "replace")
            yield Record(record.line, [], "a quote in it is not closed, or not doubled", text)
            beginning = record.line
            break


def _read(lines: Sequence[str], delimiter: str, after: int) -> Iterator[tuple[Record, int]]:
    """The rows below line `after`, each with its last line."""
    reader: Any = csv.reader(islice(lines, after, None), delimiter=delimiter)
    while True:
        line = after + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield Record(line, [], str(fault)), after + reader.line_num
            continue
        if any(cell.strip() for cell in cells):
            yield Record(line, cells), after + reader.line_num


def _is_quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether each quote of a row of several lines is closed and stands at the edge of its cell."""
    try:
        return len(list(csv.reader(lines, delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False
