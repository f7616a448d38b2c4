"""Parts of decoded batches: some events of a batch, or single events that were kept and are released."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from models.columns import EventBatch, Ints, Rejection, SeriesKey
from models.times import SECOND_US

_ROWS = ("key", "observed_us", "value", "failures", "oldest_age_s", "capacity", "enqueued", "delivered", "codes")
PACE_WINDOWS = 500


def split_by_event_time(batch: EventBatch) -> Iterator[EventBatch]:
    """`batch` in parts that each advance the time by a few hundred windows at most: the windows that close together must fit in memory."""
    if len(batch) < 2:
        yield batch
        return
    step_us = min(key.window_s for key in batch.keys) * SECOND_US * PACE_WINDOWS
    highest_us = np.maximum.accumulate(batch.observed_us)
    pace = (highest_us - highest_us[0]) // step_us
    cuts = (np.flatnonzero(pace[1:] != pace[:-1]) + 1).tolist()
    if not cuts:
        yield batch
        return
    for first, last in pairwise([0, *cuts, len(batch)]):
        yield part(batch, first, last)


def part(batch: EventBatch, first: int, last: int) -> EventBatch:
    """Events `first` to `last` - 1, and the malformed ones among them. Malformed ones after the last event belong to the last part."""
    upto = last + (last == len(batch))
    return replace(
        batch,
        **{name: getattr(batch, name)[first:last] for name in _ROWS},
        source=lambda index: batch.source(first + index),
        position=lambda index: batch.position(first + index),
        raw=lambda index: batch.raw(first + index),
        rejections=tuple(replace(one, order=one.order - first) for one in batch.rejections if first <= one.order < upto),
    )


def without(batch: EventBatch, out: Ints, rejected: Mapping[int, str]) -> EventBatch:
    """`batch` without the events `out` (ascending); those of them in `rejected` are rejected with the given reason."""
    stay = np.setdiff1d(np.arange(len(batch)), out)

    def before(number: int) -> int:
        return int(np.searchsorted(stay, number))

    kept = [replace(one, order=before(one.order)) for one in batch.rejections]
    more = [Rejection(before(n), batch.source(n), batch.position(n), why, batch.raw(n)) for n, why in rejected.items()]
    return replace(
        batch,
        **{name: getattr(batch, name)[stay] for name in _ROWS},
        source=lambda index: batch.source(int(stay[index])),
        position=lambda index: batch.position(int(stay[index])),
        raw=lambda index: batch.raw(int(stay[index])),
        rejections=tuple(sorted([*kept, *more], key=lambda one: one.order)),
    )


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """One good event that had to wait, with its position and text."""

    key: SeriesKey
    observed_us: int
    value: int
    failures: int
    oldest_age_s: float
    capacity: int
    enqueued: int
    delivered: int
    codes: Mapping[str, int] | None
    source: str
    position: Mapping[str, int | str]
    raw: bytes
    stream: str

    def as_tree(self) -> list[Any]:
        """For `models.state_bytes`."""
        return [
            list(self.key), self.observed_us, self.value, self.failures, self.oldest_age_s, self.capacity, self.enqueued, self.delivered,
            None if self.codes is None else dict(self.codes), self.source, dict(self.position), self.raw, self.stream,
        ]  # fmt: skip

    @classmethod
    def of_tree(cls, tree: list[Any]) -> "HeldEvent":
        """Inverse of `as_tree`."""
        return cls(SeriesKey(*tree[0]), *tree[1:])


def keep(batch: EventBatch, index: int, stream: str) -> HeldEvent:
    """Event `index` of `batch` as a single event."""
    code_set = int(batch.codes[index])
    return HeldEvent(
        key=batch.keys[batch.key[index]],
        observed_us=int(batch.observed_us[index]),
        value=int(batch.value[index]),
        failures=int(batch.failures[index]),
        oldest_age_s=float(batch.oldest_age_s[index]),
        capacity=int(batch.capacity[index]),
        enqueued=int(batch.enqueued[index]),
        delivered=int(batch.delivered[index]),
        codes=None if code_set < 0 else batch.code_sets[code_set],
        source=batch.source(index),
        position=batch.position(index),
        raw=batch.raw(index),
        stream=stream,
    )


def batch_of(kept: Sequence[HeldEvent]) -> EventBatch:
    """Kept events as a batch, in the order given."""
    keys = tuple(dict.fromkeys(event.key for event in kept))
    index_of = {key: index for index, key in enumerate(keys)}
    with_codes = [event.codes for event in kept if event.codes is not None]
    has_codes = np.array([event.codes is not None for event in kept], bool)

    def column(name: str) -> Ints:
        return np.array([getattr(event, name) for event in kept], np.int64)

    return EventBatch(
        keys=keys,
        key=np.array([index_of[event.key] for event in kept], np.int32),
        observed_us=column("observed_us"),
        value=column("value"),
        failures=column("failures"),
        oldest_age_s=np.array([event.oldest_age_s for event in kept], np.float64),
        capacity=column("capacity"),
        enqueued=column("enqueued"),
        delivered=column("delivered"),
        codes=np.where(has_codes, np.cumsum(has_codes) - 1, -1).astype(np.int32),
        code_sets=tuple(with_codes),
        source=lambda index: kept[index].source,
        position=lambda index: kept[index].position,
        raw=lambda index: kept[index].raw,
    )
