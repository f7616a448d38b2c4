"""Window store: every series of one window length with its open windows. It closes the windows."""

from heapq import heappop, heappush
from typing import Any, NamedTuple

import numpy as np

from models.columns import Floats, Indices, QueueTick, SeriesKey, TrafficTick
from models.times import DAY_US, SECOND_US
from streams.windowing.window_events import QUEUE_COLUMNS, TRAFFIC_COLUMNS, Chunk, CodeSets, WindowCodes, deduplicated, joined

EMPTY_FOR_US = DAY_US
"""A window length without any report for longer than this is suspended until its next report."""

MOST_CODE_SETS = 20_000
"""Number of distinct response-code counts from which on unused ones are removed."""

_CHUNKS_MOST, _TIDY_FROM = 256, 100_000
"""Numbers of chunks and events of one open window from which on its repeats are removed before it closes."""


_TOTALS = ("value", "failures", "user_side", "device_side")
"""Columns that are added up over the events of a series, in the order of `TrafficTick`."""
_NOTHING = np.zeros(0)
_NOBODY: Indices = np.zeros(0, np.int32)


class Closed(NamedTuple):
    """A closed window of every series of one window length."""

    at_us: int
    """End of the window."""
    window_s: int
    traffic: TrafficTick
    traffic_keys: tuple[SeriesKey, ...]
    """Only grows; the same object as long as no series is added."""
    queues: QueueTick
    queue_keys: tuple[SeriesKey, ...]


class SeriesWindows:
    """The traffic or the queue series of one window length."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._no_events: Chunk = {name: np.zeros(0, np.int64) for name in columns}
        self.keys: tuple[SeriesKey, ...] = ()
        self.numbers: dict[SeriesKey, int] = {}
        self.known: list[SeriesKey] = []
        """By internal number: in order of first arrival."""
        self.index = np.zeros(0, np.int32)
        """Internal number → index in `keys`, -1 before the series' first window has closed."""
        self.open: dict[int, list[Chunk]] = {}
        self._ends: list[int] = []
        """Heap of the ends of open windows; those that closed since may still be in it."""
        self._numbered: tuple[tuple[SeriesKey, ...], Indices] = ((), np.zeros(0, np.int32))
        """The keys of the last batch, and the internal number of each, -1 where none of its events came so far."""
        self.repeated = 0
        """Repeats that were left out of windows that are still open."""
        self._tidy_at: dict[int, int] = {}

    def number(self, key: SeriesKey) -> int:
        """Internal number of a series."""
        known_number = self.numbers.get(key)
        if known_number is None:
            known_number = self.numbers[key] = len(self.known)
            self.known.append(key)
        return known_number

    def numbers_of(self, keys: tuple[SeriesKey, ...], key: Indices) -> Indices:
        """Internal numbers of events of the series `keys[key]`; their order is that of `keys` where they are new."""
        known, numbers = self._numbered
        if known is not keys:
            numbers = np.fromiter((self.numbers.get(one, -1) for one in keys), np.int32, len(keys))
            self._numbered = (keys, numbers)
        of_events: Indices = numbers[key]
        if len(of_events) and of_events.min() < 0:
            for index in np.unique(key[of_events < 0]).tolist():
                numbers[index] = self.number(keys[index])
            of_events = numbers[key]
        return of_events

    def earliest(self) -> int | None:
        """End of the first open window."""
        while self._ends and self._ends[0] not in self.open:
            heappop(self._ends)
        return self._ends[0] if self._ends else None

    def put(self, at_us: int, chunk: Chunk, sets: CodeSets) -> None:
        """Adds events to the window that ends at `at_us`; repeats take no additional memory."""
        chunks = self.open.get(at_us)
        if chunks is None:
            chunks = self.open[at_us] = []
            heappush(self._ends, at_us)
        chunks.append(chunk)
        if len(chunks) <= _CHUNKS_MOST and sum(len(each["series"]) for each in chunks) <= self._tidy_at.get(at_us, _TIDY_FROM):
            return
        every = joined(chunks)
        kept = deduplicated(every, self.known, sets.sets)
        self.repeated += len(every["series"]) - len(kept["series"])
        self.open[at_us] = [kept]
        self._tidy_at[at_us] = max(_TIDY_FROM, 2 * len(kept["series"]))

    def take(self, at_us: int, sets: CodeSets) -> tuple[Chunk, Indices, int]:
        """The events of the window that ends at `at_us` without repeats, the index in `keys` of each, and the number of repeats."""
        chunks = self.open.pop(at_us, None)
        self._tidy_at.pop(at_us, None)
        repeated, self.repeated = self.repeated, 0
        if chunks is None:
            return self._no_events, _NOBODY, repeated
        every = joined(chunks)
        events = deduplicated(every, self.known, sets.sets)
        self._add_new(events["series"])
        return events, self.index[events["series"]], repeated + len(every["series"]) - len(events["series"])

    def _add_new(self, series: Indices) -> None:
        if len(self.keys) == len(self.known):
            return
        if len(self.index) < len(self.known):
            self.index = np.concatenate((self.index, np.full(len(self.known) - len(self.index), -1, np.int32)))
        new = np.unique(series[self.index[series] < 0])
        if len(new) == 0:
            return
        ordered = sorted(new.tolist(), key=lambda number: self.known[number])
        self.index[ordered] = np.arange(len(self.keys), len(self.keys) + len(ordered))
        self.keys = (*self.keys, *(self.known[number] for number in ordered))

    def pack(self) -> Any:
        """State as a tree."""
        return {
            "keys": [list(key) for key in self.keys],
            "known": [list(key) for key in self.known],
            "place": self.index,
            "open": [[at_us, joined(self.open[at_us])] for at_us in sorted(self.open)],
            "repeated": self.repeated,
        }

    def restore(self, tree: Any) -> None:
        """Restores the state that `pack` returned."""
        self.keys = tuple(SeriesKey(*key) for key in tree["keys"])
        self.known = [SeriesKey(*key) for key in tree["known"]]
        self.numbers = {key: number for number, key in enumerate(self.known)}
        self.index = tree["place"]
        self.open = {at_us: [chunk] for at_us, chunk in tree["open"]}
        self._ends = sorted(self.open)
        self.repeated = tree["repeated"]


class WindowStore:
    """The open windows of one window length; closes every window of the grid in order, including empty ones."""

    def __init__(self, window_s: int, *, skip_gaps: bool = True) -> None:
        self.window_s = window_s
        self._skip_gaps = skip_gaps
        self.traffic = SeriesWindows(TRAFFIC_COLUMNS)
        self.queues = SeriesWindows(QUEUE_COLUMNS)
        self.sets = CodeSets()
        """Response codes that events of open windows refer to."""
        self._closed_us: int | None = None
        self._reported_us = 0

    def code_number(self, codes: Any) -> int:
        """The number of a set of response codes in this store."""
        return self.sets.number(codes)

    def due(self, closed_us: int) -> int | None:
        """End of the next window to close, if it is not after `closed_us`."""
        following = None if self._closed_us is None else self._closed_us + self.window_s * SECOND_US
        if following is not None and self._skip_gaps and following > self._reported_us + EMPTY_FOR_US:
            following = None
        waiting = min((at for side in (self.traffic, self.queues) if (at := side.earliest()) is not None), default=None)
        at_us = min((at for at in (waiting, following) if at is not None), default=None)
        return at_us if at_us is not None and at_us <= closed_us else None

    def close(self, at_us: int) -> tuple[Closed, int]:
        """The window that ends at `at_us`, and the number of repeats that were left out of it."""
        traffic, traffic_index, repeated = self.traffic.take(at_us, self.sets)
        queues, queue_index, more = self.queues.take(at_us, self.sets)
        self._closed_us = at_us
        if len(traffic_index) or len(queue_index):
            self._reported_us = at_us
        closed = Closed(
            at_us, self.window_s, self._traffic_tick(at_us, traffic, traffic_index), self.traffic.keys,
            self._queue_tick(at_us, queues, queue_index), self.queues.keys,
        )  # fmt: skip
        if len(self.sets.sets) > MOST_CODE_SETS or not self.traffic.open:
            self._renew_code_sets()
        return closed, repeated + more

    def _renew_code_sets(self) -> None:
        """Keeps only the code sets of open windows. A window that just closed keeps its own."""
        before, self.sets = self.sets.sets, CodeSets()
        for chunks in self.traffic.open.values():
            for chunk in chunks:
                used, index = np.unique(chunk["codes"], return_inverse=True)
                numbers = np.array([-1 if number < 0 else self.sets.number(before[number]) for number in used.tolist()], np.int64)
                chunk["codes"] = numbers[index]

    def _traffic_tick(self, at_us: int, events: Chunk, index: Indices) -> TrafficTick:
        count = len(self.traffic.keys)
        reported = np.zeros(count, np.bool_)
        reported[index] = True
        totals = np.zeros((4, count))
        if np.count_nonzero(reported) == len(index):
            for values, name in zip(totals, _TOTALS, strict=True):
                values[index] = events[name]
        else:
            for values, name in zip(totals, _TOTALS, strict=True):
                values[:] = np.bincount(index, events[name], count)
        with_codes = (events["codes"] >= 0).nonzero()[0]
        codes = WindowCodes(index[with_codes], events["codes"][with_codes], self.sets.sets)
        messages, failures, user_side, device_side = totals
        return TrafficTick(at_us, self.window_s, reported, messages, failures, user_side, device_side, codes)

    def _queue_tick(self, at_us: int, events: Chunk, index: Indices) -> QueueTick:
        count = len(self.queues.keys)
        if not count:
            return QueueTick(at_us, self.window_s, np.zeros(0, np.bool_), _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING)
        # The latest of several events of one window counts: they are assigned in order of time, so the last assignment stays.
        order = np.lexsort((events["observed_us"], index))
        latest = order[np.append(index[order][1:] != index[order][:-1], True)] if len(index) else order
        reported = np.zeros(count, bool)
        reported[index[latest]] = True

        def column(name: str, missing: float) -> Floats:
            values = np.full(count, missing)
            latest_values = events[name][latest].astype(np.float64)
            values[index[latest]] = np.where(latest_values < 0, np.nan, latest_values)
            return values

        return QueueTick(
            at_us=at_us,
            window_s=self.window_s,
            reported=reported,
            depth=column("value", 0.0),
            oldest_age_s=column("oldest_age_s", np.nan),
            capacity=column("capacity", np.nan),
            enqueued=column("enqueued", np.nan),
            delivered=column("delivered", np.nan),
        )

    def pack(self) -> Any:
        """State as a tree."""
        return {
            "traffic": self.traffic.pack(),
            "queues": self.queues.pack(),
            "sets": [dict(codes) for codes in self.sets.sets],
            "closed": self._closed_us,
            "reported": self._reported_us,
        }

    @classmethod
    def unpack(cls, window_s: int, tree: Any, *, skip_gaps: bool = True) -> "WindowStore":
        """Inverse of `pack`."""
        store = cls(window_s, skip_gaps=skip_gaps)
        store.traffic.restore(tree["traffic"])
        store.queues.restore(tree["queues"])
        for codes in tree["sets"]:
            store.sets.number(codes)
        store._closed_us, store._reported_us = tree["closed"], tree["reported"]
        return store
