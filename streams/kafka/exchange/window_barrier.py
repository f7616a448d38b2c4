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
    told: deque[_StageRecord] = field(default_factory=deque)
    whole: int = 0
    """How many of `told`, from the first on, are complete."""
    unpacked: deque[Detected] | None = None
    """The remaining windows of the first of `told`, after it was unpacked."""
    opened_keys: KeyDecoder = field(default_factory=KeyDecoder)
    early: dict[tuple[int, int], tuple[bytes, int]] = field(default_factory=dict)
    """Pulses that arrived before their findings."""
    said_us: int | None = None
    """Furthest frontier in the findings topic, whether or not the pulses have arrived."""

    @property
    def frontier_us(self) -> int | None:
        """Windows up to it are complete."""
        return self.told[self.whole - 1].after_us if self.whole else self.done_us

    def begin(self, generation: int, covers: tuple[int, int]) -> None:
        """A worker took over the partition and reports again everything after the record `covers`, whose second half may never come.

        For records up to that one both halves are in the topics, but the second may not have been read yet.
        """
        while self.told and self.told[-1].mark > covers:
            self.told.pop()
        self.whole = min(self.whole, len(self.told))
        if not self.told:
            self.unpacked = None
        self.generation = generation
        self.early = {mark: pulses for mark, pulses in self.early.items() if mark[0] >= generation}

    def count_whole(self) -> None:
        """Call it after each new record."""
        while self.whole < len(self.told) and self.told[self.whole].whole:
            self.whole += 1

    def take(self, until_us: int) -> Iterator[Detected]:
        """The windows that end by `until_us`, in order, each once."""
        while self.whole:
            told = self.told[0]
            if self.unpacked is None:
                if told.before_us is not None and told.before_us >= until_us:
                    return
                self.unpacked = self._open(told)
            while self.unpacked and self.unpacked[0].at_us <= until_us:
                yield self.unpacked.popleft()
            if self.unpacked:
                return
            self.told.popleft()
            self.whole -= 1
            self.unpacked, self.keys, self.done, self.done_us = None, self.opened_keys, told.mark, told.after_us

    def _open(self, told: _StageRecord) -> deque[Detected]:
        # A worker that takes over assigns new numbers to its keys.
        self.opened_keys = self.keys.copy() if told.progress.generation == self.done[0] else KeyDecoder()
        if not told.findings or told.pulses is None:
            return deque()
        try:
            findings, pulses = unpack(told.findings, STAGE_VERSION), unpack(told.pulses, STAGE_VERSION)
            found = list(detected_of(findings, pulses, self.opened_keys))
        except Exception as error:
            log.warning(
                "windows of partition %d are left out: the log begins after their series, or the record is damaged (%r)",
                told.progress.partition,
                error,
            )
            return deque()
        return deque(part for part in found if told.before_us is None or part.at_us > told.before_us)


class WindowBarrier:
    """Delivers windows when every partition has reported them, in order of time, each once.

    The result depends only on the records and their order in the two topics, so any worker that reads them again delivers the same.
    """

    def __init__(self, partitions: int) -> None:
        self._lanes = [_PartitionQueue() for _ in range(partitions)]
        self._delivered_us: int | None = None
        self._merger = Merger()

    @property
    def delivered_us(self) -> int | None:
        """All windows up to it are delivered; None before the first."""
        return self._delivered_us

    @property
    def said_us(self) -> int | None:
        """Every partition reported its windows up to it; it depends on the findings topic alone. None before that."""
        said = [lane.said_us for lane in self._lanes if lane.said_us is not None]
        return min(said) if len(said) == len(self._lanes) else None

    @property
    def frontiers_us(self) -> list[int | None]:
        """By partition, the frontier of its reported windows."""
        return [lane.frontier_us for lane in self._lanes]

    def add_findings(self, progress: PartitionProgress, findings: bytes, offset: int) -> None:
        """One record of the findings topic; `findings` is empty if no window closed."""
        if progress.partition >= len(self._lanes):
            return
        lane = self._lanes[progress.partition]
        if progress.generation > lane.generation:
            lane.begin(progress.generation, progress.covers)
        last = lane.told[-1].mark if lane.told else lane.done
        mark = (progress.generation, progress.sequence)
        # A record that was sent before, or by a worker that was replaced.
        if progress.generation < lane.generation or mark <= last:
            return
        if progress.frontier_us is not None:
            lane.said_us = max(progress.frontier_us, lane.said_us if lane.said_us is not None else progress.frontier_us)
        told = _StageRecord(progress, offset, findings, lane.told[-1].after_us if lane.told else lane.done_us)
        told.pulses, told.pulses_offset = lane.early.pop(mark, (None, None))
        lane.told.append(told)
        lane.count_whole()

    def add_pulses(self, partition: int, mark: tuple[int, int], pulses: bytes, offset: int) -> None:
        """One record of the pulses topic; `mark` is (generation, sequence)."""
        if partition >= len(self._lanes):
            return
        lane = self._lanes[partition]
        if mark <= lane.done:
            return
        for told in lane.told:
            if told.mark == mark:
                if told.pulses is None:
                    told.pulses, told.pulses_offset = pulses, offset
                    lane.count_whole()
                return
        if mark[0] >= lane.generation:
            lane.early.setdefault(mark, (pulses, offset))

    def deliver(self) -> Iterator[tuple[int, list[Detected]]]:
        """The windows that all partitions have reported, by window end, merged by resolution."""
        frontiers = self.frontiers_us
        known = [frontier_us for frontier_us in frontiers if frontier_us is not None]
        if len(known) < len(frontiers) or (self._delivered_us is not None and min(known) <= self._delivered_us):
            return
        until_us, floor_us = min(known), self._delivered_us
        taken = [(part.at_us, number, part) for number, lane in enumerate(self._lanes) for part in lane.take(until_us)]
        # A record that was delivered in part before a restart is read again completely.
        parts = [part for part in taken if floor_us is None or part[0] > floor_us]
        parts.sort(key=lambda part: part[:2])
        for at_us, together in groupby(parts, key=lambda part: part[0]):
            self._delivered_us = at_us
            yield at_us, self._merger.merge([part for _, _, part in together])
        self._delivered_us = until_us

    def resume(self, findings: int, pulses: int) -> tuple[int, int]:
        """Where a successor must begin to read if the next offsets are `findings` and `pulses`: waiting records are read again."""
        for lane in self._lanes:
            findings = min([findings, *(told.offset for told in lane.told)])
            waiting = [told.pulses_offset for told in lane.told if told.pulses_offset is not None]
            pulses = min([pulses, *waiting, *(offset for _, offset in lane.early.values())])
        return findings, pulses

    def pack(self) -> Any:
        """State as a tree, between two deliveries; waiting records are not in it, see `resume`."""
        lanes = [
            {
                "generation": lane.told[0].progress.generation if lane.told else lane.generation,
                "done": list(lane.done),
                "done_us": lane.done_us,
                "said_us": lane.said_us,
                "keys": lane.keys.pack(),
            }
            for lane in self._lanes
        ]
        return {"lanes": lanes, "delivered_us": self._delivered_us}

    @classmethod
    def unpack(cls, tree: Any) -> "WindowBarrier":
        """Inverse of `pack`."""
        gate = cls(len(tree["lanes"]))
        gate._delivered_us = tree["delivered_us"]
        for lane, packed in zip(gate._lanes, tree["lanes"], strict=True):
            lane.generation, lane.done, lane.done_us = packed["generation"], (packed["done"][0], packed["done"][1]), packed["done_us"]
            lane.keys, lane.said_us = KeyDecoder.unpack(packed["keys"]), packed["said_us"]
        return gate
