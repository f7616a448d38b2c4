"""Window events: the events of windows that are still open, and how a closed window is made from them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.canonical_json import to_json
from models.columns import SeriesKey
from models.events import QueueEvent, TrafficEvent
from models.times import instant

TRAFFIC_COLUMNS = ("series", "observed_us", "value", "failures", "user_side", "device_side", "codes")
QUEUE_COLUMNS = ("series", "observed_us", "value", "oldest_age_s", "capacity", "enqueued", "delivered")
Chunk = dict[str, NDArray[Any]]
"""Events of one window as columns; `codes` is a number in `CodeSets`."""


class CodeSets:
    """Response-code counts of pending events; equal counts are stored once."""

    def __init__(self) -> None:
        self.sets: list[Mapping[str, int]] = []
        self._numbers: dict[tuple[tuple[str, int], ...], int] = {}

    def number(self, codes: Mapping[str, int]) -> int:
        """The number of `codes`; equal counts have the same number."""
        content = tuple(sorted(codes.items()))
        known_number = self._numbers.get(content)
        if known_number is None:
            known_number = self._numbers[content] = len(self.sets)
            self.sets.append(dict(content))
        return known_number


class WindowCodes(Mapping[int, Mapping[str, int]]):
    """series → response code → count of one window, added up only for the series that are requested."""

    def __init__(self, series: NDArray[Any], numbers: NDArray[Any], sets: list[Mapping[str, int]]) -> None:
        """`series` and `numbers` are (events,): only events with codes."""
        self.series, self.numbers, self.sets = series, numbers, sets

    @cached_property
    def _by_series(self) -> dict[int, list[int]]:
        """Its sets by series."""
        by_series: dict[int, list[int]] = {}
        for series, number in zip(self.series.tolist(), self.numbers.tolist(), strict=True):
            by_series.setdefault(series, []).append(number)
        return by_series

    def __getitem__(self, series: int) -> Mapping[str, int]:
        first, *others = self._by_series[series]
        if not others:
            return self.sets[first]
        total = Counter(self.sets[first])
        for number in others:
            total.update(self.sets[number])
        return dict(sorted(total.items()))

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._by_series))

    def __len__(self) -> int:
        return len(self._by_series)


def as_window_codes(codes: Mapping[int, Mapping[str, int]]) -> WindowCodes:
    """`codes` as the assembler keeps them."""
    if isinstance(codes, WindowCodes):
        return codes
    return WindowCodes(np.array(list(codes), np.int64), np.arange(len(codes)), list(codes.values()))


class CodeColumns(NamedTuple):
    """The response codes of many windows as arrays, for another process."""

    counts: list[int]
    """Events with codes of each window."""
    series: NDArray[Any]
    """(events,) of one window after the other."""
    numbers: NDArray[Any]
    """(events,) places in `sets`."""
    sets: list[Mapping[str, int]]
    """Only those that are referred to."""


def packed_codes(windows: Sequence[WindowCodes]) -> CodeColumns:
    """The codes of `windows` as columns, for `unpacked_codes`."""
    known: dict[int, int] = {}
    sets: list[Mapping[str, int]] = []
    for window in windows:
        if id(window.sets) not in known:
            known[id(window.sets)] = len(sets)
            sets += window.sets
    numbers = np.concatenate([window.numbers + known[id(window.sets)] for window in windows])
    used, indices = np.unique(numbers, return_inverse=True)
    series = np.concatenate([window.series for window in windows])
    return CodeColumns([len(window.series) for window in windows], series, indices, [sets[number] for number in used.tolist()])


def unpacked_codes(columns: CodeColumns) -> list[WindowCodes]:
    """Inverse of `packed_codes`."""
    ends = list(accumulate(columns.counts))
    spans = [slice(end - count, end) for end, count in zip(ends, columns.counts, strict=True)]
    return [WindowCodes(columns.series[span], columns.numbers[span], columns.sets) for span in spans]


def joined(chunks: list[Chunk]) -> Chunk:
    """Chunks of one window as one."""
    if len(chunks) == 1:
        return chunks[0]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def deduplicated(events: Chunk, keys: list[SeriesKey], sets: list[Mapping[str, int]]) -> Chunk:
    """Of repeats (same series, same `observed_at`) the one that counts.

    It is the one with more messages, then failures, or the greater depth; then the one with the greater canonical JSON.
    """
    series, observed_us = events["series"], events["observed_us"]
    if len(series) == 0 or np.bincount(series).max() <= 1:
        return events
    failures = events.get("failures", np.zeros(len(series), np.int64))
    order = np.lexsort((failures, events["value"], observed_us, series))
    repeated = _same(series[order]) & _same(observed_us[order])
    equal = repeated & _same(events["value"][order]) & _same(failures[order])
    if (equal & ~_same_rest(events, order)).any():
        order = np.lexsort((_ranks(events, order[_either(equal)], keys, sets), failures, events["value"], observed_us, series))
    return {name: column[order[np.append(~repeated, True)]] for name, column in events.items()}


def _same(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each entry except the last equals the next one; shape (n - 1,)."""
    same: NDArray[np.bool_] = column[1:] == column[:-1]
    return np.asarray(same | (np.isnan(column[1:]) & np.isnan(column[:-1])) if column.dtype.kind == "f" else same)


def _same_rest(events: Chunk, order: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each event except the last equals the next one in all fields that are compared."""
    names = ("codes",) if "codes" in events else QUEUE_COLUMNS[3:]
    return np.asarray(np.logical_and.reduce([_same(events[name][order]) for name in names]))


def _either(pairs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which entries are part of a marked pair of neighbours; shape (n,)."""
    return np.asarray(np.append(pairs, False) | np.append(False, pairs))


def _ranks(events: Chunk, tied: NDArray[Any], keys: list[SeriesKey], sets: list[Mapping[str, int]]) -> NDArray[np.int64]:
    """Rank of each event by its canonical JSON. Only the events at `tied` are serialised; the others get 0."""
    texts = [_canonical(events, index, keys, sets) for index in tied.tolist()]
    rank_of = {text: rank for rank, text in enumerate(sorted(set(texts)))}
    ranks = np.zeros(len(events["series"]), np.int64)
    ranks[tied] = [rank_of[text] for text in texts]
    return ranks


def _canonical(events: Chunk, index: int, keys: list[SeriesKey], sets: list[Mapping[str, int]]) -> bytes:
    key = keys[int(events["series"][index])]
    fields: dict[str, Any] = {"observed_at": instant(int(events["observed_us"][index])), "window_s": key.window_s, "user": key.user}
    value = int(events["value"][index])
    if key.is_queue:
        fields |= {name: int(events[name][index]) for name in ("capacity", "enqueued", "delivered") if events[name][index] >= 0}
        if not np.isnan(events["oldest_age_s"][index]):
            fields["oldest_age_s"] = float(events["oldest_age_s"][index])
        return to_json(QueueEvent.model_validate(fields | {"kind": "queue", "queue": key.queue, "depth": value}))
    codes = int(events["codes"][index])
    fields |= {"kind": "traffic", "direction": key.direction, "message_class": key.message_class, "messages": value}
    fields |= {"service": key.service or None, "region": key.region or None, "failures": int(events["failures"][index])}
    return to_json(TrafficEvent.model_validate(fields | {"codes": dict(sets[codes]) if codes >= 0 else None}))
