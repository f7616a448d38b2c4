"""Ring buffer: the last bins of many counts, oldest overwritten first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.columns import Floats, Ints

Cells = NDArray[np.float32]
"""Single precision: a ratio of sums over hours needs no more, and it halves memory and checkpoint."""

OBSERVED, EXPECTED, FAILED = 0, 1, 2
STATISTICS = 3


class RingBuffer:
    """`length` bins of `bin_us` for a number of columns; bins without a window are left out, not zero."""

    __slots__ = ("_order", "_totals", "bin_us", "cells", "ends_us", "head")

    def __init__(self, bin_us: int, length: int, columns: int) -> None:
        self.bin_us = bin_us
        self.ends_us: Ints = np.full(length, -1, np.int64)
        """(length,) end of each bin, -1 where none was written yet."""
        self.cells: Cells = np.zeros((STATISTICS, length, columns), np.float32)
        self.head = 0
        self._order: Ints | None = None
        self._totals: dict[int, Floats] = {}

    def add(self, at_us: int, rows: Floats) -> None:
        """Adds one window's rows (observed, expected, failed), of shape (statistics, columns), to the bin that holds its end."""
        end_us = -(-at_us // self.bin_us) * self.bin_us
        self._totals.clear()
        if self.ends_us[self.head] != end_us:
            self._order = None
            if self.ends_us[self.head] >= 0:
                self.head = (self.head + 1) % len(self.ends_us)
            self.ends_us[self.head] = end_us
            np.add(rows, 0.0, out=self.cells[:, self.head], casting="same_kind")
            return
        self.cells[:, self.head] += rows

    def order(self) -> Ints:
        """Indices of the written bins, oldest first; computed once for as long as no bin begins."""
        if self._order is None:
            length = len(self.ends_us)
            around = (np.arange(length) + self.head + 1) % length
            self._order = around[self.ends_us[around] >= 0]
        return self._order

    def total(self, statistic: int) -> Floats:
        """(columns,) Sum of one statistic over all bins, computed once between two windows; bins that were never written are zero."""
        if statistic not in self._totals:
            self._totals[statistic] = self.cells[statistic].sum(axis=0, dtype=np.float64)
        return self._totals[statistic]

    def since_us(self) -> int | None:
        """Start of the oldest bin, None while empty."""
        order = self.order()
        return int(self.ends_us[order[0]]) - self.bin_us if len(order) else None

    def resize(self, length: int, to: Ints, columns: int) -> None:
        """Makes room: column i moves to `to[i]` of `columns`; of more than `length` bins the newest stay."""
        order = self.order()[-length:]
        cells = np.zeros((STATISTICS, length, columns), np.float32)
        cells[:, : len(order), to] = self.cells[:, order]
        ends_us = np.full(length, -1, np.int64)
        ends_us[: len(order)] = self.ends_us[order]
        self.cells, self.ends_us, self.head = cells, ends_us, max(len(order) - 1, 0)
        self._order = None
        self._totals.clear()

    def pack(self) -> dict[str, Any]:
        """State as a tree: the written bins only."""
        order = self.order()
        return {"bin_us": self.bin_us, "length": len(self.ends_us), "ends_us": self.ends_us[order], "cells": self.cells[:, order]}

    @classmethod
    def unpack(cls, tree: dict[str, Any]) -> "RingBuffer":
        """Inverse of `pack`."""
        buffer = cls(tree["bin_us"], tree["length"], tree["cells"].shape[2])
        written = len(tree["ends_us"])
        buffer.ends_us[:written] = tree["ends_us"]
        buffer.cells[:, :written] = tree["cells"]
        buffer.head = max(written - 1, 0)
        return buffer
