"""Numeric CSV: the only reader of times and values in CSV files, plain or gzip, row by row as they arrive.

Ambiguous input is refused: a row with more cells than the header (a decimal comma), a thousands separator, a date such as `05/01/2026`.
"""

import codecs
import csv
import gzip
import io
import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from models.errors import UnreadableInput
from streams.sources.line_blocks import GZIP_MAGIC, STANDARD_INPUT

_UNKNOWN = frozenset(("", "nan", "null", "none", "na", "n/a"))
_DELIMITERS = ",;\t"
_DECIMAL_COMMA = ";"
"""Files with this delimiter use the comma as decimal point."""
_COMMENT = "#"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TIME = "RFC 3339, a UTC time without offset, or Unix seconds or milliseconds"
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""Unix times from the first number on are in the unit of the second: no series reaches the year 5138 in seconds."""


class NumericCsv:
    """Cells of the requested columns, in the file's order; column names in either case, other columns ignored."""

    def __init__(self, path: str, columns: Sequence[str]) -> None:
        """`path`: a file, or `-` for standard input. Raises UnreadableInput if it can't be opened."""
        self.name = path
        self._columns = tuple(columns)
        self._decimal_comma = False
        self.line = 0
        """Line of the row that was read last."""
        try:
            self._file: io.BufferedReader = open(  # noqa: SIM115  (closed by `__exit__`)
                sys.stdin.fileno() if path == STANDARD_INPUT else path, "rb", closefd=path != STANDARD_INPUT
            )
            self.total_bytes = 0 if path == STANDARD_INPUT else Path(path).stat().st_size
        except OSError as fault:
            raise UnreadableInput(f"can't read {path}: {fault.strerror}; give a CSV with the columns {', '.join(columns)}") from None

    @property
    def read_bytes(self) -> int:
        """Bytes of the file (as stored) read so far; standard input counts as zero."""
        return self._file.tell() if self.total_bytes and not self._file.closed else 0

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the file; standard input stays open."""
        self._file.close()

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """The requested cells of each row as soon as it arrives. Raises UnreadableInput if a line is not a row, or if there are none."""
        try:
            with self._text() as text:
                header = self._header(text)
                reader = csv.reader(text, delimiter=header.delimiter)
                before, empty = self.line, True
                for cells in reader:
                    self.line = before + reader.line_num
                    if cells:
                        empty = False
                        yield self._wanted(cells, header)
        except (csv.Error, UnicodeError, EOFError, OSError, zlib.error) as fault:
            raise UnreadableInput(f"{self.name} can't be read as CSV: {fault!s:.120}") from None
        if empty:
            raise UnreadableInput(f"{self.name} has no rows")

    def seconds(self, cell: str) -> float:
        """Seconds since the epoch of a cell of the last row. Raises UnreadableInput."""
        try:
            return seconds(cell)
        except (ValueError, OverflowError):
            raise UnreadableInput(f"{self.name} line {self.line}: {cell!r:.60} is not a time ({_TIME})") from None

    def number(self, cell: str) -> float:
        """Number of a cell of the last row, NaN if the cell is empty. Raises UnreadableInput."""
        try:
            return math.nan if cell.lower() in _UNKNOWN else number(cell.replace(",", ".") if self._decimal_comma else cell)
        except ValueError:
            raise UnreadableInput(f"{self.name} line {self.line}: {cell!r:.60} is not a number") from None

    def _text(self) -> io.TextIOWrapper:
        """The text, decompressed; UTF-8, or UTF-16 with a byte order mark."""
        file = self._file
        if self._file.peek(2)[:2] == GZIP_MAGIC:
            file = io.BufferedReader(gzip.GzipFile(fileobj=self._file))
        mark = file.peek(2)[:2]
        return io.TextIOWrapper(file, encoding="utf-16" if mark in _UTF_16 else "utf-8-sig", newline="")

    def _header(self, text: io.TextIOWrapper) -> "_Header":
        """Delimiter and columns from the first line that is neither blank nor a comment."""
        line = text.readline()
        self.line += 1
        while line and (not line.strip() or line.startswith(_COMMENT)):
            line = text.readline()
            self.line += 1
        best = max((_Header(delimiter, _names(line, delimiter)) for delimiter in _DELIMITERS), key=lambda header: len(header.names))
        self._decimal_comma = best.delimiter == _DECIMAL_COMMA
        missing = [column for column in self._columns if column not in best.names]
        if missing:
            wanted = ", ".join(self._columns)
            raise UnreadableInput(f"{self.name} has no column {' or '.join(missing)}: its first line must name {wanted}")
        return replace(best, columns=tuple(best.names.index(column) for column in self._columns))

    def _wanted(self, cells: list[str], header: "_Header") -> tuple[str, ...]:
        """The requested cells, unchanged; empty if the row is short. Raises UnreadableInput if it is longer than the header."""
        if len(cells) > len(header.names) and any(cell.strip() for cell in cells[len(header.names) :]):
            raise UnreadableInput(
                f"{self.name} line {self.line} has {len(cells)} cells and the header {len(header.names)}: "
                "write numbers with a decimal point, or separate columns by `;`"
            )
        return tuple(cells[column] if column < len(cells) else "" for column in header.columns)


@dataclass(frozen=True, slots=True)
class _Header:
    """The delimiter and the names of the columns."""

    delimiter: str
    names: list[str]
    columns: tuple[int, ...] = ()
    """Indexes of the requested columns."""


def _names(line: str, delimiter: str) -> list[str]:
    return [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]


def number(text: str) -> float:
    """A number as people and machines write it, not as Python may: `1_000` is not one. Raises ValueError."""
    if "_" in text:
        raise ValueError(f"{text!r:.60} is not a number")
    return float(text)


def seconds(text: str) -> float:
    """Unix seconds (too large ones are milli-, micro- or nanoseconds), or RFC 3339; without an offset it is UTC. Raises ValueError."""
    try:
        given = number(text)
    except ValueError:
        at = datetime.fromisoformat(text.upper())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(given):
        raise ValueError(f"{text!r:.60} is not a time")
    return given / next((units for least, units in _UNITS if abs(given) >= least), 1.0)
