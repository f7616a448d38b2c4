"""Window barrier: the single order in which windows of all partitions close, whatever the order of their records."""

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from models.columns import Detected
from models.state_bytes import unpack
from streams.kafka.exchange.merge_partitions import Merger
from streams.kafka.exchange.stage_records import STAGE_VERSION, KeyDecoder, PartitionProgress, detected_of

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _StageRecord:
    """One record of a partition; it is complete when both halves are here."""

    progress: PartitionProgress
    offset: int
    """Offset in the findings topic."""
    findings: bytes
    before_us: int | None
    """The partition's frontier before it: earlier windows in it were reported already."""
    pulses: bytes | None = None
    pulses_offset: int | None = None

    @property
    def mark(self) -> tuple[int, int]:
        """The identity of a partition's record, in order."""
        return self.progress.generation, self.progress.sequence

    @property
    def whole(self) -> bool:
        """Whether both halves are here."""
        return not self.findings or self.pulses is not None

    @property
    def after_us(self) -> int | None:
        """The frontier after it; never before the previous one, even if a successor reports again."""
        known = [frontier_us for frontier_us in (self.before_us, self.progress.frontier_us) if frontier_us is not None]
        return max(known, default=None)


@dataclass(slots=True)
class _PartitionQueue:
    """One partition: its delivered and its waiting records."""

    generation: int = -1
    done: tuple[int, int] = (-1, -1)
    """Mark of the last record that was delivered completely."""
    done_us: int | None = None
    """The frontier after that."""
    keys: KeyDecoder = field(default_factory=KeyDecoder)
    """As of `done`."""
    records: deque[_StageRecord] = field(default_factory=deque)
    whole: int = 0
    """How many of `records`, from the first on, are complete."""
    unpacked: deque[Detected] | None = None
    """The remaining windows of the first of `records`, after it was unpacked."""
    opened_keys: KeyDecoder = field(default_factory=KeyDecoder)
    early: dict[tuple[int, int], tuple[bytes, int]] = field(default_factory=dict)
    """Pulses that arrived before their findings."""
    reported_us: int | None = None
    """Furthest frontier in the findings topic, whether or not the pulses have arrived."""

    @property
    def frontier_us(self) -> int | None:
        """Windows up to it are complete."""
        return self.records[self.whole - 1].after_us if self.whole else self.done_us

    def begin(self, generation: int, covers: tuple[int, int]) -> None:
        """A worker took over the partition and reports again everything after the record `covers`, whose second half may never come.

        For records up to that one both halves are in the topics, but the second may not have been read yet.
        """
        while self.records and self.records[-1].mark > covers:
            self.records.pop()
        self.whole = min(self.whole, len(self.records))
        if not self.records:
            self.unpacked = None
        self.generation = generation
        self.early = {mark: pulses for mark, pulses in self.early.items() if mark[0] >= generation}

    def count_whole(self) -> None:
        """Call it after each new record."""
        while self.whole < len(self.records) and self.records[self.whole].whole:
            self.whole += 1

    def take(self, until_us: int) -> Iterator[Detected]:
        """The windows that end by `until_us`, in order, each once."""
        while self.whole:
            record = self.records[0]
            if self.unpacked is None:
                if record.before_us is not None and record.before_us >= until_us:
                    return
                self.unpacked = self._open(record)
            while self.unpacked and self.unpacked[0].at_us <= until_us:
                yield self.unpacked.popleft()
            if self.unpacked:
                return
            self.records.popleft()
            self.whole -= 1
            self.unpacked, self.keys, self.done, self.done_us = None, self.opened_keys, record.mark, record.after_us

    def _open(self, record: _StageRecord) -> deque[Detected]:
        # A worker that takes over assigns new numbers to its keys.
        self.opened_keys = self.keys.copy() if record.progress.generation == self.done[0] else KeyDecoder()
        if not record.findings or record.pulses is None:
            return deque()
        try:
            findings, pulses = unpack(record.findings, STAGE_VERSION), unpack(record.pulses, STAGE_VERSION)
            windows = list(detected_of(findings, pulses, self.opened_keys))
        except Exception as error:
            log.warning(
                "windows of partition %d are left out: the log begins after their series, or the record is damaged (%r)",
                record.progress.partition,
                error,
            )
            return deque()
        return deque(window for window in windows if record.before_us is None or window.at_us > record.before_us)


class WindowBarrier:
    """Delivers windows when every partition has reported them, in order of time, each once.

    The result depends only on the records and their order in the two topics, so any worker that reads them again delivers the same.
    """

    def __init__(self, partitions: int) -> None:
        self._queues = [_PartitionQueue() for _ in range(partitions)]
        self._delivered_us: int | None = None
        self._merger = Merger()

    @property
    def delivered_us(self) -> int | None:
        """All windows up to it are delivered; None before the first."""
        return self._delivered_us

    @property
    def reported_us(self) -> int | None:
        """Every partition reported its windows up to it; it depends on the findings topic alone. None before that."""
        reported_us = [queue.reported_us for queue in self._queues if queue.reported_us is not None]
        return min(reported_us) if len(reported_us) == len(self._queues) else None

    @property
    def frontiers_us(self) -> list[int | None]:
        """By partition, the frontier of its reported windows."""
        return [queue.frontier_us for queue in self._queues]

    def add_findings(self, progress: PartitionProgress, findings: bytes, offset: int) -> None:
        """One record of the findings topic; `findings` is empty if no window closed."""
        if progress.partition >= len(self._queues):
            return
        queue = self._queues[progress.partition]
        if progress.generation > queue.generation:
            queue.begin(progress.generation, progress.covers)
        last = queue.records[-1].mark if queue.records else queue.done
        mark = (progress.generation, progress.sequence)
        # A record that was sent before, or by a worker that was replaced.
        if progress.generation < queue.generation or mark <= last:
            return
        if progress.frontier_us is not None:
            queue.reported_us = max(progress.frontier_us, queue.reported_us if queue.reported_us is not None else progress.frontier_us)
        record = _StageRecord(progress, offset, findings, queue.records[-1].after_us if queue.records else queue.done_us)
        record.pulses, record.pulses_offset = queue.early.pop(mark, (None, None))
        queue.records.append(record)
        queue.count_whole()

    def add_pulses(self, partition: int, mark: tuple[int, int], pulses: bytes, offset: int) -> None:
        """One record of the pulses topic; `mark` is (generation, sequence)."""
        if partition >= len(self._queues):
            return
        queue = self._queues[partition]
        if mark <= queue.done:
            return
        for record in queue.records:
            if record.mark == mark:
                if record.pulses is None:
                    record.pulses, record.pulses_offset = pulses, offset
                    queue.count_whole()
                return
        if mark[0] >= queue.generation:
            queue.early.setdefault(mark, (pulses, offset))

    def deliver(self) -> Iterator[tuple[int, list[Detected]]]:
        """The windows that all partitions have reported, by window end, merged by resolution."""
        frontiers = self.frontiers_us
        known = [frontier_us for frontier_us in frontiers if frontier_us is not None]
        if len(known) < len(frontiers) or (self._delivered_us is not None and min(known) <= self._delivered_us):
            return
        until_us, floor_us = min(known), self._delivered_us
        taken = [(window.at_us, number, window) for number, queue in enumerate(self._queues) for window in queue.take(until_us)]
        # A record that was delivered in part before a restart is read again completely.
        windows_after = [window for window in taken if floor_us is None or window[0] > floor_us]
        windows_after.sort(key=lambda window: window[:2])
        for at_us, windows in groupby(windows_after, key=lambda window: window[0]):
            self._delivered_us = at_us
            yield at_us, self._merger.merge([window for _, _, window in windows])
        self._delivered_us = until_us

    def resume(self, findings: int, pulses: int) -> tuple[int, int]:
        """Where a successor must begin to read if the next offsets are `findings` and `pulses`: waiting records are read again."""
        for queue in self._queues:
            findings = min([findings, *(record.offset for record in queue.records)])
            waiting = [record.pulses_offset for record in queue.records if record.pulses_offset is not None]
            pulses = min([pulses, *waiting, *(offset for _, offset in queue.early.values())])
        return findings, pulses

    def pack(self) -> Any:
        """State as a tree, between two deliveries; waiting records are not in it, see `resume`."""
        queues = [
            {
                "generation": queue.records[0].progress.generation if queue.records else queue.generation,
                "done": list(queue.done),
                "done_us": queue.done_us,
                "said_us": queue.reported_us,
                "keys": queue.keys.pack(),
            }
            for queue in self._queues
        ]
        return {"lanes": queues, "delivered_us": self._delivered_us}

    @classmethod
    def unpack(cls, tree: Any) -> "WindowBarrier":
        """Inverse of `pack`."""
        barrier = cls(len(tree["lanes"]))
        barrier._delivered_us = tree["delivered_us"]
        for queue, packed in zip(barrier._queues, tree["lanes"], strict=True):
            queue.generation, queue.done, queue.done_us = packed["generation"], (packed["done"][0], packed["done"][1]), packed["done_us"]
            queue.keys, queue.reported_us = KeyDecoder.unpack(packed["keys"]), packed["said_us"]
        return barrier
