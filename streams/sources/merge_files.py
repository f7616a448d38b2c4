"""Merge: several files as one stream, by `observed_at`, ties in argument order (contract 1.3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from models.columns import EventBatch, Indices, Ints, Rejection, SeriesKey

_COLUMNS = ("observed_us", "value", "failures", "oldest_age_s", "capacity", "enqueued", "delivered")
_BEFORE = -(1 << 62)


class _FileCursor:
    """Cursor of one file: its current batch and the number of events that were passed on."""

    def __init__(self, batches: Iterator[EventBatch], number: int) -> None:
        self.number = number
        self._batches = batches
        self._highest = _BEFORE
        self.batch: EventBatch | None = None
        self.rank: Ints = np.zeros(0, np.int64)
        """(n,) highest `observed_at` of the file up to each event: an event out of order follows directly after its predecessor."""
        self.at = 0
        self.rejections_taken = 0
        self.load()

    def load(self) -> None:
        """Reads the next batch when the current one is used up."""
        self.batch = next(self._batches, None)
        self.at = self.rejections_taken = 0
        if self.batch is not None:
            self.rank = np.maximum(np.maximum.accumulate(self.batch.observed_us), self._highest) if len(self.batch) else self.rank[:0]
            self._highest = int(self.rank[-1]) if len(self.batch) else self._highest


@dataclass(frozen=True, slots=True)
class _Part:
    """Events `first` to `last` - 1 of a cursor's batch, and the malformed ones among them."""

    lane: int
    batch: EventBatch
    first: int
    last: int
    rank: Ints
    rejections: tuple[Rejection, ...]


def merged(files: Sequence[Iterator[EventBatch]]) -> Iterator[EventBatch]:
    """The events of all files in one order; each file's own order is kept."""
    lanes = [_FileCursor(batches, number) for number, batches in enumerate(files)]
    while open_lanes := [lane for lane in lanes if lane.batch is not None]:
        empty = [lane for lane in open_lanes if lane.batch is not None and len(lane.batch) == 0]
        if empty:
            yield from (lane.batch for lane in empty if lane.batch is not None)
            for lane in empty:
                lane.load()
            continue
        # The batch that ends first in time is passed on completely; events of others after its end wait for its next batch.
        limit = min(open_lanes, key=lambda lane: (int(lane.rank[-1]), lane.number))
        parts = [part for lane in open_lanes if lane.batch is not None and (part := _take(lane.batch, lane, limit)) is not None]
        yield _joined(parts)
        limit.load()


def _take(batch: EventBatch, lane: _FileCursor, limit: _FileCursor) -> _Part | None:
    side: Literal["left", "right"] = "right" if lane.number <= limit.number else "left"
    first, last = lane.at, int(np.searchsorted(lane.rank, int(limit.rank[-1]), side))
    rejections = tuple(rejection for rejection in batch.rejections[lane.rejections_taken :] if rejection.order <= last)
    if first == last and not rejections:
        return None
    lane.at, lane.rejections_taken = last, lane.rejections_taken + len(rejections)
    return _Part(lane.number, batch, first, last, lane.rank[first:last], rejections)


def _joined(parts: Sequence[_Part]) -> EventBatch:
    keys: dict[SeriesKey, int] = {}
    code_sets: list[Any] = []
    key, codes = [], []
    for part in parts:
        index_of = np.array([keys.setdefault(one, len(keys)) for one in part.batch.keys], np.int32)
        key.append(index_of[part.batch.key[part.first : part.last]])
        own = part.batch.codes[part.first : part.last]
        codes.append(np.where(own < 0, own, own + len(code_sets)).astype(np.int32))
        code_sets += part.batch.code_sets
    number = np.concatenate([np.full(part.last - part.first, index, np.int32) for index, part in enumerate(parts)])
    event = np.concatenate([np.arange(part.first, part.last, dtype=np.int32) for part in parts])
    order = np.lexsort((number, np.concatenate([part.rank for part in parts])))
    number, event = number[order], event[order]
    columns = {name: np.concatenate([getattr(part.batch, name)[part.first : part.last] for part in parts])[order] for name in _COLUMNS}
    return EventBatch(
        keys=tuple(keys),
        key=np.concatenate(key)[order],
        codes=np.concatenate(codes)[order],
        code_sets=tuple(code_sets),
        source=lambda index: parts[number[index]].batch.source(int(event[index])),
        position=lambda index: parts[number[index]].batch.position(int(event[index])),
        raw=lambda index: parts[number[index]].batch.raw(int(event[index])),
        rejections=_placed(parts, number, event),
        **columns,
    )


def _placed(parts: Sequence[_Part], number: Indices, event: Indices) -> tuple[Rejection, ...]:
    """The malformed events of all parts, each directly after the valid one that preceded it in its file."""
    placed = []
    for index, part in enumerate(parts):
        where = np.flatnonzero(number == index)
        for rejection in part.rejections:
            before = int(np.searchsorted(event[where], rejection.order))
            order = int(where[before - 1]) + 1 if before else (int(where[0]) if len(where) else 0)
            placed.append(Rejection(order, rejection.source, rejection.position, rejection.reason, rejection.raw))
    return tuple(sorted(placed, key=lambda rejection: rejection.order))
