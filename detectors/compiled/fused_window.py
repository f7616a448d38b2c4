"""One window of message rates in three compiled passes, with numpy's own exponentials and logarithms between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter, is_
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import traffic_thresholds
from detectors.compiled.constants import FACTORS, constants
from detectors.compiled.library import Library, library
from detectors.compiled.read_columns import ReadColumns
from detectors.expectation.week_clock import ClockSlot
from detectors.failures import baseline
from detectors.parameters import DetectionParameters
from detectors.rates import habits
from detectors.state_blocks import Parts
from models.columns import Columns, Flags, Floats, Ints, TrafficTick
from models.times import SECOND_US

CHUNK = 2048
"""Series that go through all passes together: what they need stays in the processor's cache."""
LEAST_THRESHOLD = 2.0
"""Nats: below it an excursion of the evidence that ends might still count as evidence on its way."""
_TICK = ("reported", "messages", "failures", "user_side", "device_side")
_INPUTS = attrgetter(*_TICK)


@dataclass(frozen=True, slots=True)
class WindowColumns:
    """What a window makes known of every series, filled in block by block; arrays have shape (series,)."""

    expected: Floats
    variance: Floats
    failing: Flags
    judged: Flags
    """Reported and known, and no new level was accepted."""


class Left(NamedTuple):
    """Series of a block on which a finding is open or begins."""

    rows: Ints
    """Their numbers in the block."""
    parts: Parts
    """Their state, which is as it was before the window."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """A block's columns and where they are in memory."""

    block: Parts
    state_columns: list[tuple[Columns, str]]
    columns: list[Any]
    addresses: NDArray[np.uintp]
    at: int
    """Where `addresses` are."""
    every: ReadColumns
    """All columns that a window reads, those of the reference too."""

    def holds(self) -> bool:
        """Whether the columns are still those of the block: detectors change them in place, and never replace one."""
        return all(map(is_, self.columns, [part[name] for part, name in self.state_columns]))


class FusedWindow:
    """The passes for one window length."""

    def __init__(self, compiled: Library, parameters: DetectionParameters, window_s: int) -> None:
        self._library, self._window_s = compiled, window_s
        thresholds = traffic_thresholds(parameters, window_s)
        self._thresholds = {kind: thresholds[kind] for kind in ("storm", "drop")}
        values = constants(thresholds, window_s)
        self._values = np.array([values.get(name, 0.0) for name in compiled.parameters])
        self._at = {name: index for index, name in enumerate(compiled.parameters)}
        self._factors = [np.ascontiguousarray(row, np.float64) for row in FACTORS]
        self._logs = [np.log(row) for row in self._factors[:2]]
        rows = _rows(compiled.sizes)
        self._buffers = {name: np.empty(rows.get(name, 1) * CHUNK, kind) for name, kind in compiled.buffers}
        self._inputs = [self._buffers[name] for name in (*_TICK, "declared", "jammed")]
        self._outputs = [self._buffers[name] for name in ("expected", "variance", "judged", "failing")]
        self._buffer_addresses = np.array([self._buffers[name].ctypes.data for name, _ in compiled.buffers], np.uintp)
        self._fixed = [each.ctypes.data for each in (self._buffer_addresses, self._values, *self._factors)]
        self._log_addresses = [row.ctypes.data for row in self._logs]
        self._bound: dict[int, _Bound | None] = {}

    def step(
        self,
        number: int,
        block: Parts,
        span: slice,
        tick: TrafficTick,
        declared: Flags,
        jammed: Flags,
        here: ClockSlot,
        kept: float,
        out: WindowColumns,
    ) -> Left | None:
        """One window of block `number`, the series `span`, whose clock was turned; None where its state is not as the passes know it."""
        bound = self._bound_to(number, block)
        if bound is None:
            return None
        values, at = self._values, self._at
        values[at["kept"]], values[at["fraction"]], values[at["slot"]] = kept, here.fraction, here.slot
        values[at["at_s"]] = tick.at_us // SECOND_US
        left: list[Ints] = []
        for first in range(span.start, span.stop, CHUNK):
            left += self._chunk(bound, span, tick, declared, jammed, slice(first, min(first + CHUNK, span.stop)), out)
        rows = np.concatenate(left) if left else _NOBODY
        parts = self._taken(bound, rows, span.stop - span.start) if left else {}
        if baseline.turns(tick.at_us, self._window_s):
            self._shares(bound, span.stop - span.start)
        return Left(rows, parts)

    def put_back(self, number: int, rows: Ints, series: int) -> None:
        """Sets series of block `number` to what the parts of `Left` have become."""
        bound = self._bound[number]
        if bound is not None:
            self._library.put_back(*bound.every.to(len(rows)), series, rows.ctypes.data, len(rows))

    def _taken(self, bound: _Bound, rows: Ints, series: int) -> Parts:
        """A copy of what a window reads of some series, valid until the next one is taken from the block."""
        self._library.take(*bound.every.to(len(rows)), series, rows.ctypes.data, len(rows))
        return bound.every.some[len(rows)].parts

    def slot_steps(self, number: int, block: Parts, series: int) -> "CompiledSlotSteps | None":
        """What happens to the expectation of a block of so many series once in ten minutes; None as in `step`."""
        bound = self._bound_to(number, block)
        return None if bound is None else CompiledSlotSteps(self._library, bound.at, self._values, self._at, series)

    def _bound_to(self, number: int, block: Parts) -> _Bound | None:
        bound = self._bound.get(number)
        if bound is None or block is not bound.block:
            bound = self._bound[number] = self._bind(block)
        return bound

    def _shares(self, bound: _Bound, series: int) -> None:
        """`baseline.turn`."""
        exponents = np.empty((baseline.FAMILIES, series), np.float32)
        arguments = (bound.at, self._values.ctypes.data, series, exponents.ctypes.data)
        self._library.shares(*arguments)
        np.exp(exponents, out=exponents)
        self._library.bounds(*arguments)

    def _bind(self, block: Parts) -> _Bound | None:
        state_columns = [(block[part], name) for part, name, _ in self._library.columns]
        columns = [part[name] for part, name in state_columns]
        kinds = [kind for _, _, kind in self._library.columns]
        if not all(row.dtype == kind and row.flags.c_contiguous for row, kind in zip(columns, kinds, strict=True)):
            return None
        every = ReadColumns.of(block)
        if every is None:
            return None
        addresses = np.array([row.ctypes.data for row in columns], np.uintp)
        return _Bound(block, state_columns, columns, addresses, addresses.ctypes.data, every)

    def _chunk(
        self, bound: _Bound, block: slice, tick: TrafficTick, declared: Flags, jammed: Flags, span: slice, out: WindowColumns
    ) -> list[Ints]:
        """The series `span` of the series `block`."""
        buffers, first, count = self._buffers, span.start - block.start, span.stop - span.start
        for buffer, column in zip(self._inputs, (*_INPUTS(tick), declared, jammed), strict=True):
            buffer[:count] = column[span]
        arguments = (bound.at, *self._fixed, block.stop - block.start, first, count)
        compiled, counters = self._library, buffers["found"]
        compiled.expect(*arguments)
        np.exp(buffers["exponents"][: 2 * count], out=buffers["exponentials"][: 2 * count])
        compiled.weigh(*arguments)
        ratios, logarithms = compiled.sizes[4] * count, count + int(counters[0]) * compiled.sizes[5]
        np.log1p(buffers["ratio_arguments"][:ratios], out=buffers["ratio_logarithms"][:ratios])
        np.log(buffers["arguments"][:logarithms], out=buffers["logarithms"][:logarithms])
        compiled.judge(*arguments, *self._log_addresses)
        for buffer, column in zip(self._outputs, (out.expected, out.variance, out.judged, out.failing), strict=True):
            column[span] = buffer[:count]
        at_s = tick.at_us // SECOND_US
        for kind, over in (("storm", int(counters[1])), ("drop", int(counters[2]))):
            if over:
                rows, peaks = buffers[f"{kind}_rows"][:over].copy(), buffers[f"{kind}_peaks"][:over].copy()
                habits.remember(bound.block[kind], rows, peaks, at_s, self._window_s, self._thresholds[kind])
        return [np.flatnonzero(~buffers["plain"][:count]) + first] if counters[3] else []


@dataclass(frozen=True, slots=True)
class CompiledSlotSteps:
    """`SlotSteps` of one block."""

    library: Library
    columns: int
    """Where the addresses of the block's columns are."""
    values: Floats
    at: Mapping[str, int]
    series: int

    def judge(self, last: ClockSlot) -> None:
        """Processes the end of the slot `last`."""
        self.values[self.at["last_slot"]] = last.slot
        self.library.judge_slot(self.columns, self.values.ctypes.data, self.series)

    def begin(self, here: ClockSlot, of_day: Floats | None) -> None:
        """Sets the slot `here`."""
        self.values[self.at["slot"]] = here.slot
        shared = None if of_day is None else np.ascontiguousarray(of_day, np.float64)
        self.library.set_slot(self.columns, self.values.ctypes.data, self.series, None if shared is None else shared.ctypes.data)


_NOBODY = np.zeros(0, np.int64)


def _rows(sizes: tuple[int, ...]) -> dict[str, int]:
    """Entries a series of each buffer, where it is more than one."""
    _, _, _, families, ratios, logarithms = sizes
    wide = dict.fromkeys(("arguments", "logarithms"), 1 + families * logarithms)
    pairs = dict.fromkeys(("pair_series", "pair_family", "pair_weights"), families)
    return {"exponents": 2, "exponentials": 2, "ratio_arguments": ratios, "ratio_logarithms": ratios, **wide, **pairs}


def fused_window(parameters: DetectionParameters, window_s: int) -> FusedWindow | None:
    """None where the library is not there, or evidence is so cheap that the passes do not hold."""
    compiled = library()
    thresholds = traffic_thresholds(parameters, window_s)
    if compiled is None or compiled.sizes[:3] != tuple(len(row) for row in FACTORS):
        return None
    if min(thresholds["storm"], thresholds["drop"]) < LEAST_THRESHOLD:
        return None
    return FusedWindow(compiled, parameters, window_s)
