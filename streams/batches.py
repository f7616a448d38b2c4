"""Parts of decoded batches: some events of one, or single events that were kept and come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import EventBatch, Ints, SeriesKey


@dataclass(frozen=True, slots=True)
class Kept:
    """One good event that had to wait, with its place and text."""

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
        """For `models.packed`."""
        return [
            list(self.key), self.observed_us, self.value, self.failures, self.oldest_age_s, self.capacity, self.enqueued, self.delivered,
            None if self.codes is None else dict(self.codes), self.source, dict(self.position), self.raw, self.stream,
        ]  # fmt: skip

    @classmethod
    def of_tree(cls, tree: list[Any]) -> "Kept":
        """What `as_tree` was called on."""
        return cls(SeriesKey(*tree[0]), *tree[1:])


def keep(batch: EventBatch, index: int, stream: str) -> Kept:
    """Event `index` of `batch`, on its own."""
    code_set = int(batch.codes[index])
    return Kept(
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


def batch_of(kept: Sequence[Kept]) -> EventBatch:
    """Kept events as a batch, in the order given."""
    keys = tuple(dict.fromkeys(event.key for event in kept))
    place = {key: index for index, key in enumerate(keys)}
    with_codes = [event.codes for event in kept if event.codes is not None]
    has_codes = np.array([event.codes is not None for event in kept], bool)

    def column(name: str) -> Ints:
        return np.array([getattr(event, name) for event in kept], np.int64)

    return EventBatch(
        keys=keys,
        key=np.array([place[event.key] for event in kept], np.int32),
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
