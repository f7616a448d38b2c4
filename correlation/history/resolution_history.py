"""Resolution history: the recent traffic of every series of one window length, in bins of three sizes."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import is_
from typing import Any

import numpy as np

from correlation.history.ring_buffer import EXPECTED, FAILED, OBSERVED, RingBuffer
from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import HOUR_US, MINUTE_US, SECOND_US

FIVE_MINUTES_US = 5 * MINUTE_US
FINE_BINS, FIVE_MINUTE_BINS, HOUR_BINS = 120, 300, 168
"""Some windows unchanged, 25 hours of 5 minutes, a week of hours: the shortest that reaches back far enough is used."""
_LEAST_BINS = 24


@dataclass(frozen=True, slots=True)
class Recent:
    """The last windows of some series; the matrices have shape (windows, series). For a queue `observed` is the depth."""

    ends_us: Ints
    observed: Floats
    expected: Floats
    failed: Floats


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """Messages of some series after a moment and before it; the counts have shape (2, series)."""

    keys: tuple[SeriesKey, ...]
    observed: Floats
    failed: Floats


@dataclass(frozen=True, slots=True)
class Bins:
    """Some series over a sequence of bins; the matrices have shape (bins, series)."""

    keys: tuple[SeriesKey, ...]
    ends_us: Ints
    observed: Floats
    expected: Floats
    failed: Floats

    def only(self, chosen: Flags) -> "Bins":
        """The `chosen` (series,)."""
        keys = tuple(key for key, wanted in zip(self.keys, chosen.tolist(), strict=True) if wanted)
        return Bins(keys, self.ends_us, self.observed[:, chosen], self.expected[:, chosen], self.failed[:, chosen])


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Messages of every series of one class in some bins."""

    keys: tuple[SeriesKey, ...]
    observed: Floats
    """(bins, series)"""


class ResolutionHistory:
    """Rings of one window length; columns in the order of their sorted keys."""

    def __init__(self, window_s: int) -> None:
        self.window_s = window_s
        self.keys: tuple[SeriesKey, ...] = ()
        self.sources: tuple[tuple[Any, ...], ...] = ()
        """The last tuples of groups, to recognise them by identity."""
        self.source_columns: Ints = np.zeros(0, np.int64)
        self.overlap = False
        """Whether two of `sources` hold the same series."""
        self._in_order = False
        """Whether `source_columns` are all columns in order."""
        self.indexed: tuple[SeriesKey, ...] = ()
        self.index: dict[SeriesKey, int] = {}
        """Column of each of `indexed`."""
        bins = [(window_s * SECOND_US, FINE_BINS), (FIVE_MINUTES_US, FIVE_MINUTE_BINS), (HOUR_US, HOUR_BINS)]
        self.buffers = [RingBuffer(bin_us, length, 0) for bin_us, length in bins if bin_us >= window_s * SECOND_US]

    def columns_of(self, sources: tuple[tuple[Any, ...], ...], keys: Iterable[SeriesKey], cells: int) -> Ints:
        """Column of each of the groups of `sources`, one source after the other; new ones get a column, and the buffers room for it."""
        if len(sources) == len(self.sources) and all(map(is_, sources, self.sources)):
            return self.source_columns
        named = tuple(keys)
        if not set(named) <= set(self.keys):
            self._grow(tuple(sorted({*self.keys, *named})), cells)
        column = {key: index for index, key in enumerate(self.keys)}
        self.sources, self.source_columns = sources, np.array([column[key] for key in named], np.int64)
        self.overlap = len(set(named)) < len(named)
        self._in_order = named == self.keys
        return self.source_columns

    def _grow(self, keys: tuple[SeriesKey, ...], cells: int) -> None:
        column = {key: index for index, key in enumerate(keys)}
        source_columns = np.array([column[key] for key in self.keys], np.int64)
        for buffer, length in zip(self.buffers, self._lengths(cells, len(keys)), strict=True):
            buffer.resize(length, source_columns, len(keys))
        self.keys = keys

    def _lengths(self, cells: int, columns: int) -> list[int]:
        share = min(1.0, cells / (3 * (FINE_BINS + FIVE_MINUTE_BINS + HOUR_BINS) * max(columns, 1)))
        return [max(_LEAST_BINS, int(length * share)) for length in (FINE_BINS, FIVE_MINUTE_BINS, HOUR_BINS)[-len(self.buffers) :]]

    def lengthen(self, cells: int) -> None:
        """Rings of a state that was written when they were shorter reach as far back as today's."""
        for buffer, length in zip(self.buffers, self._lengths(cells, len(self.keys)), strict=True):
            if len(buffer.ends_us) < length:
                buffer.resize(length, np.arange(len(self.keys)), len(self.keys))

    def columns(self, keys: Iterable[SeriesKey]) -> Ints:
        """Columns of those of `keys` that are known, in their order."""
        if self.indexed is not self.keys:
            self.indexed, self.index = self.keys, {key: number for number, key in enumerate(self.keys)}
        return np.array([self.index[key] for key in keys if key in self.index], np.int64)

    def add(self, at_us: int, source_columns: Ints, rows: Floats) -> None:
        """Adds one window, every group in its column; `rows` are (statistics, groups)."""
        spread = rows
        if source_columns is not self.source_columns or not self._in_order:
            spread = np.zeros((len(rows), len(self.keys)))
            spread[:, source_columns] = rows
        for buffer in self.buffers:
            buffer.add(at_us, spread)

    def reaching(self, from_us: int) -> RingBuffer:
        """The finest bins that reach back to a moment; else those that reach back furthest."""
        for buffer in self.buffers:
            since_us = buffer.since_us()
            if since_us is not None and since_us <= from_us:
                return buffer
        return min(self.buffers, key=lambda buffer: (buffer.since_us() or 0, buffer.bin_us))

    def recent(self, buffer: RingBuffer, keys: tuple[SeriesKey, ...], from_us: int) -> Recent | None:
        """Some series in the bins of `buffer` that end after a moment; None where one of them is not known, or there is no such bin."""
        columns, order = self.columns(keys), buffer.order()
        order = order[buffer.ends_us[order] > from_us]
        if len(columns) < len(keys) or not len(order):
            return None
        cells = buffer.cells[:, order[:, None], columns].astype(np.float64)
        return Recent(buffer.ends_us[order], cells[OBSERVED], cells[EXPECTED], cells[FAILED])

    def pack(self) -> dict[str, Any]:
        """State as a tree."""
        return {"window_s": self.window_s, "keys": [list(key) for key in self.keys], "rings": [buffer.pack() for buffer in self.buffers]}

    @classmethod
    def unpack(cls, tree: dict[str, Any], cells: int) -> "ResolutionHistory":
        """Inverse of `pack`."""
        history = cls(tree["window_s"])
        history.keys = tuple(SeriesKey(*key) for key in tree["keys"])
        history.buffers = [RingBuffer.unpack(buffer) for buffer in tree["rings"]]
        history.lengthen(cells)
        return history
