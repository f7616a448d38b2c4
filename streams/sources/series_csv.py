"""Series files: any numeric series as CSV, plain or gzip, row by row as it comes."""

import csv
import gzip
import io
import math
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from models.errors import UnreadableInput
from streams.sources.line_blocks import GZIP_MAGIC, STANDARD_INPUT

COLUMNS = ("timestamp", "value")
_UNKNOWN = frozenset(("", "nan", "null", "none", "na", "n/a"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    timestamp: str
    """As it stood."""
    at_s: float
    """The same in seconds since the epoch."""
    value: float
    """NaN where the cell says that there is none."""


class SeriesFile:
    """Rows of `timestamp,value` in the file's order; the names in either case, further columns ignored."""

    def __init__(self, path: str) -> None:
        """`path`: a file, or `-` for standard input. Raises UnreadableInput if it can't be opened."""
        self.name = path
        try:
            self._file = open(sys.stdin.fileno() if path == STANDARD_INPUT else path, "rb", closefd=path != STANDARD_INPUT)  # noqa: SIM115  (closed by `__exit__`)
            self.total_bytes = 0 if path == STANDARD_INPUT else Path(path).stat().st_size
        except OSError as fault:
            raise UnreadableInput(f"can't read {path}: {fault.strerror}; give a CSV with the columns {', '.join(COLUMNS)}") from None

    @property
    def read_bytes(self) -> int:
        """Bytes of the file (as stored) read so far; standard input counts nothing."""
        return self._file.tell() if self.total_bytes and not self._file.closed else 0

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the file; standard input stays open."""
        self._file.close()

    def __iter__(self) -> Iterator[Row]:
        """Each row as soon as it is there. Raises UnreadableInput at the first that is none, or if there are no rows."""
        with self._lines() as lines:
            reader = csv.reader(lines)
            try:
                places = self._places(next(reader, []))
                empty = True
                for cells in reader:
                    if cells:
                        empty = False
                        yield self._row(cells, places, reader.line_num)
            except (csv.Error, UnicodeDecodeError, EOFError, OSError, zlib.error) as fault:
                raise UnreadableInput(f"{self.name} can't be read as CSV: {fault!s:.120}") from None
        if empty:
            raise UnreadableInput(f"{self.name} has no rows")

    def _lines(self) -> io.TextIOWrapper:
        packed = self._file.peek(2)[:2] == GZIP_MAGIC
        return io.TextIOWrapper(gzip.GzipFile(fileobj=self._file) if packed else self._file, encoding="utf-8-sig", newline="")

    def _places(self, header: list[str]) -> tuple[int, int]:
        names = [name.strip().lower() for name in header]
        missing = [column for column in COLUMNS if column not in names]
        if missing:
            raise UnreadableInput(f"{self.name} has no column {' or '.join(missing)}: its first line must name {', '.join(COLUMNS)}")
        return names.index(COLUMNS[0]), names.index(COLUMNS[1])

    def _row(self, cells: list[str], places: tuple[int, int], line: int) -> Row:
        timestamp, value = (cells[place] if place < len(cells) else "" for place in places)
        value = value.strip()
        try:
            at_s = seconds(timestamp.strip())
        except (ValueError, OverflowError):
            what = "no time (RFC 3339, a UTC time without offset, or Unix seconds)"
            raise UnreadableInput(f"{self.name} line {line}: {timestamp!r:.60} is {what}") from None
        try:
            return Row(timestamp, at_s, math.nan if value.lower() in _UNKNOWN else number(value))
        except ValueError:
            raise UnreadableInput(f"{self.name} line {line}: {value!r:.60} is no number") from None


def number(text: str) -> float:
    """A number as people and machines write it, not as Python may: `1_000` is none. Raises ValueError."""
    if "_" in text:
        raise ValueError(f"{text!r:.60} is no number")
    return float(text)


def seconds(text: str) -> float:
    """Unix seconds as they are; RFC 3339 with its offset; a time without an offset is UTC. Raises ValueError for anything else."""
    try:
        given = number(text)
    except ValueError:
        at = datetime.fromisoformat(text.upper())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(given):
        raise ValueError(f"{text!r:.60} is no time")
    return given
