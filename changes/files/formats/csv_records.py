"""CSV record: the cells of one row of a table; a stray quote costs its own row, not those below it."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

_HEADER_WITHIN = 50
"""Rows among which the header may be."""
_READ_AGAIN_MAX = 1000
"""Lines that may be read again after stray quotes, beside as many as the file has: no file takes more than a few times its own time."""
_OPEN = "a quote in it is not closed, or not doubled"
_OPEN_ALONE = "a quote in it is not closed in this line; after too many such lines above, no row of several lines can be read"


@dataclass(frozen=True, slots=True)
class Record:
    """One row, and the line where it begins, from 1."""

    line: int
    cells: list[str]
    fault: str = ""
    fault_text: bytes = b""


def first_rows(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The last line of each of the first readable rows, with its cells."""
    for record, last in islice(_records(lines, delimiter, 0), _HEADER_WITHIN):
        if not record.fault:
            yield last, record.cells


def read_records(lines: Sequence[str], delimiter: str, after: int) -> Iterator[Record]:
    """The rows below line `after`; blank ones are skipped.

    In a row of several lines each quote must be closed and stand at the edge of its cell. Otherwise the first line alone is refused, and
    reading continues with the second. Where too many lines are read again for that, each further line is read alone.
    """
    return (record for record, _ in _records(lines, delimiter, after))


def _records(lines: Sequence[str], delimiter: str, after: int) -> Iterator[tuple[Record, int]]:
    """The rows below line `after`, each with its last line."""
    again = len(lines) + _READ_AGAIN_MAX
    beginning: int | None = after
    while beginning is not None and again >= 0:
        after, beginning = beginning, None
        for record, last in _read(lines, delimiter, after):
            if last == record.line or (not record.fault and _is_quoted(lines[record.line - 1 : last], delimiter)):
                yield record, last
                continue
            yield _refused(lines, record.line, _OPEN), record.line
            again -= last - record.line
            beginning = record.line
            break
    if beginning is not None:
        yield from _each_alone(lines, delimiter, beginning)


def _each_alone(lines: Sequence[str], delimiter: str, after: int) -> Iterator[tuple[Record, int]]:
    """The lines below line `after`, each as a row of its own."""
    for line in range(after + 1, len(lines) + 1):
        # Only a quote that is still open makes the row end in the second, empty line.
        for record, last in _read([lines[line - 1], ""], delimiter, 0):
            if last > 1:
                yield _refused(lines, line, _OPEN_ALONE), line
            else:
                yield replace(record, line=line), line


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
        if any(map(str.strip, cells)):
            yield Record(line, cells), after + reader.line_num


def _refused(lines: Sequence[str], line: int, fault: str) -> Record:
    return Record(line, [], fault, lines[line - 1].rstrip("\r\n").encode("utf-8", "replace"))


def _is_quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether each quote of a row of several lines is closed and stands at the edge of its cell; blanks may follow it."""
    blank = " " if delimiter == "\t" else "[ \t]"
    text = re.sub(rf'"{blank}+(?=[{re.escape(delimiter)}\r\n]|\Z)', '"', "".join(lines))
    try:
        return len(list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))) == 1
    except csv.Error:
        return False
