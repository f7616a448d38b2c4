"""Series files: any numeric series as CSV, row by row as it arrives."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from streams.sources.numeric_csv import NumericCsv

COLUMNS = ("timestamp", "value")


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    timestamp: str
    """As it stood."""
    at_s: float
    """The same in seconds since the epoch."""
    value: float
    """NaN if the cell is empty."""


class SeriesFile:
    """Rows of `timestamp,value` in the file's order."""

    def __init__(self, path: str) -> None:
        """`path`: a file, or `-` for standard input. Raises UnreadableInput if it can't be opened."""
        self._file = NumericCsv(path, COLUMNS)
        self.total_bytes = self._file.total_bytes
        """0 for standard input."""

    @property
    def read_bytes(self) -> int:
        """Bytes of the file (as stored) read so far; standard input counts as zero."""
        return self._file.read_bytes

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the file; standard input stays open."""
        self._file.__exit__(kind, fault, trace)

    def __iter__(self) -> Iterator[Row]:
        """Each row as soon as it arrives. Raises UnreadableInput at the first invalid row, or if there are no rows."""
        for timestamp, value in self._file:
            yield Row(timestamp, self._file.seconds(timestamp.strip()), self._file.number(value.strip()))
