"""Read columns: what a window reads of a block's state, and the same of a few series as a block of their own."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.state_blocks import Parts
from models.columns import Ints

_TABLE_ROWS = 16
"""A table of more rows is the expectation's profile, which only changes as the clock turns; no window reads it."""
_FEW, _MOST_KEPT = 64, 16
"""Series whose room is kept beside that of other numbers, and how many such rooms are kept."""


@dataclass(frozen=True, slots=True)
class SomeSeries:
    """Columns of as many series as were taken; the next ones of the same number come into the same arrays."""

    parts: Parts
    addresses: NDArray[np.uintp]


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """The columns of a block and where they are in memory."""

    names: list[tuple[str, str]]
    columns: list[Any]
    addresses: NDArray[np.uintp]
    layout: Ints
    """(columns, 2) bytes of an item, rows of the table."""
    some: dict[int, SomeSeries] = field(default_factory=dict)
    """By number of series."""

    @classmethod
    def of(cls, block: Parts) -> "ReadColumns | None":
        """None where a column is not one piece of memory."""
        named = [(part, name, row) for part, columns in block.items() for name, row in columns.items() if _is_read(row)]
        columns = [row for _, _, row in named]
        if not all(row.flags.c_contiguous for row in columns):
            return None
        layout = np.array([(row.itemsize, 1 if row.ndim == 1 else len(row)) for row in columns], np.int64)
        return cls([(part, name) for part, name, _ in named], columns, _addresses(columns), layout)

    def to(self, count: int) -> tuple[int, int, int, int]:
        """Arguments of the library: columns, columns of `count` series, layout, and how many columns there are."""
        some = self.some.get(count)
        if some is None:
            if count > _FEW or len(self.some) >= _MOST_KEPT:
                self.some.clear()
            some = self.some[count] = self._room(count)
        return self.addresses.ctypes.data, some.addresses.ctypes.data, self.layout.ctypes.data, len(self.columns)

    def _room(self, count: int) -> SomeSeries:
        rows = [np.empty((*row.shape[:-1], count), row.dtype) for row in self.columns]
        parts: Parts = {part: {} for part, _ in self.names}
        for (part, name), row in zip(self.names, rows, strict=True):
            parts[part][name] = row
        return SomeSeries(parts, _addresses(rows))


def _is_read(row: Any) -> bool:
    return bool(row.ndim == 1 or len(row) <= _TABLE_ROWS)


def _addresses(columns: list[Any]) -> NDArray[np.uintp]:
    return np.array([row.ctypes.data for row in columns], np.uintp)
