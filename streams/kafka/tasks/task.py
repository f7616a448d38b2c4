"""Task: one unit of a worker's work with its input, its checkpoints, and the takeover by another worker."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from faust.types import TP

from models.clock import Clock
from models.errors import StateError
from streams.kafka.client.broker import Broker
from streams.kafka.client.leaked_cancellation import opened_consumer
from streams.kafka.client.producer import Outbox
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.checkpoints import CheckpointWriter, Written, read_checkpoint
from streams.kafka.exchange.progress_reader import ProgressReader
from streams.kafka.tasks.metrics import WorkerBoard
from streams.kafka.tasks.quarantine import Quarantine

log = logging.getLogger(__name__)
_SHARE = 0.04
"""Maximum share of the time for checkpoints."""
EPOCHS = 1 << 20
"""Maximum number of restarts of one task within one generation of the group: a million, at several milliseconds each at least."""


@dataclass(frozen=True)
class WorkerContext:
    """The resources that the tasks of one worker share."""

    parameters: KafkaParameters
    topics: Topics
    sender: AIOKafkaProducer
    others: ProgressReader
    idle_s: float
    broker: Broker
    clock: Clock
    board: WorkerBoard
    learned: Mapping[str, Any] = field(default_factory=dict)
    """The start of new series, see `streams.learned_state`."""


@dataclass(slots=True)
class TaskStatistics:
    """The cost of a task so far, for the log and for the benchmark."""

    events: int = 0
    late: int = 0
    repeated: int = 0
    rejected: int = 0
    windows: int = 0
    checkpoints: int = 0
    checkpoint_s: float = 0.0
    checkpoint_bytes: int = 0
    restored_s: float = 0.0


def starts(name: str, about: Mapping[str, Any], begins: Mapping[str, int], ends: Mapping[str, int]) -> dict[str, int]:
    """Topic → where `name` continues to read: the position of its checkpoint, unless it is outside the log."""
    offsets = {}
    for topic, begin in begins.items():
        position = about["positions"].get(topic, begin)
        if position > ends[topic]:
            log.error(
                "topic %s was recreated (its end is below our checkpoint): its unread records are lost; %s restarts from the beginning",
                topic,
                name,
            )
        if position < begin:
            log.warning("records %d to %d of %s were removed before %s read them: retention is too short", position, begin - 1, topic, name)
        offsets[topic] = begin if position > ends[topic] else max(position, begin)
    return offsets


def epoch_after(epoch: int, spoken: int) -> int:
    """The epoch of a successor of a worker with the epoch `spoken`: a later one, even within the same generation of the group.

    A static member that restarts, and a task that restarts, stay in their generation. The epoch never exceeds a later generation.
    """
    return max(epoch, spoken + 1) if spoken // EPOCHS == epoch // EPOCHS else epoch


class Task(ABC):
    """The shell around a partition or a correlation pipeline: everything that waits for the brokers."""

    def __init__(self, name: str, inputs: frozenset[TP], partition: int, site: WorkerContext, epoch: int) -> None:
        self.name = name
        self.inputs = inputs
        self.epoch = epoch
        self.ready = False
        self.active = True
        self.covered: dict[TP, int] = {}
        self.spent = TaskStatistics()
        self._topic_partition = TopicPartition(site.topics.checkpoints, partition)
        self._site = site
        self._lock = asyncio.Lock()
        self._writing = asyncio.Lock()
        """Held while a checkpoint is written: two at once would share a slot."""
        self._outbox = Outbox(site.sender)
        self._writer: CheckpointWriter | None = None
        self.tasks_on_worker = 1
        """Units that share this worker, itself included: together they keep to the share of time that checkpoints may take."""
        self.quarantine = Quarantine()
        self._dirty = self._hurried = False
        self._written_at = site.clock.steady_s()
        self._cost_s = 0.0
        self.next_offsets: dict[TP, int] = {}
        """Next offset after the records that are on their way to `take`."""
        self.taken: dict[TP, int] = {}
        """Offset after everything that came to `take`."""
        self.placed: set[TP] = set()
        """Inputs whose reading was set to the start of the task."""
        self.failed: Exception | None = None

    @property
    @abstractmethod
    def positions(self) -> dict[str, int]:
        """Topic → where a successor must begin to read."""

    @property
    @abstractmethod
    def passed(self) -> dict[str, int]:
        """`CHANGES` and `WINDOWS` → where the state stands in the calendar and in event time."""

    @property
    @abstractmethod
    def backlog(self) -> dict[str, int]:
        """Topic → next offset that was not read yet."""

    @abstractmethod
    def wants(self, tp: TP) -> bool:
        """Whether `tp` can accept more now."""

    @abstractmethod
    def take(self, topic: str, records: list[Any], end: int) -> None:
        """Records of one fetch, which covered everything before offset `end`."""

    @abstractmethod
    async def work(self) -> bool:
        """One bounded unit of work with its output records; False if there was nothing to do."""

    @abstractmethod
    async def on_timer(self) -> None:
        """The periodic work, called a few times a second."""

    @abstractmethod
    def state(self) -> dict[str, bytes]:
        """For a checkpoint."""

    @abstractmethod
    async def resume(
        self, parts: Mapping[str, bytes] | None, about: Mapping[str, Any], begins: dict[str, int], ends: dict[str, int]
    ) -> None:
        """Restores a checkpoint (None: starts empty), with logs from `begins` to `ends`."""

    def leave_out(self, quarantine: Quarantine) -> None:
        """Processes from now on without the records in `quarantine`."""
        self.quarantine = quarantine

    def hurry(self) -> None:
        """Let the next checkpoint come at once, as far as its share of the time allows."""
        self._hurried = True

    async def still_owner(self) -> bool:
        """Whether no other worker has taken over; called before a checkpoint. Clears `active` if one has."""
        return True

    def about(self) -> dict[str, Any]:
        """The additional data of the checkpoint."""
        return {"positions": self.positions}

    @property
    def settled(self) -> bool:
        """Whether all work of a predecessor is repeated: an earlier checkpoint would hide the rest of it from the next successor."""
        return True

    @property
    def since_checkpoint_s(self) -> float:
        """The age of the last checkpoint; 0 if nothing came since."""
        return self._site.clock.steady_s() - self._written_at if self._dirty else 0.0

    def lags(self) -> dict[TP, int]:
        """Records of each input that are known to exist and are not processed yet."""
        return {}

    async def restore(self) -> None:
        """Reads the last checkpoint and continues from there."""
        began = self._site.clock.steady_s()
        async with opened_consumer(self._site.broker, max_partition_fetch_bytes=16 << 20) as consumer:
            checkpoint, keys = await read_checkpoint(consumer, self._topic_partition, self.name)
            topic_partitions = {tp: TopicPartition(tp.topic, tp.partition) for tp in self.inputs}
            first, last = (
                await consumer.beginning_offsets(list(topic_partitions.values())),
                await consumer.end_offsets(list(topic_partitions.values())),
            )
        begins = {tp.topic: first[topic_partition] for tp, topic_partition in topic_partitions.items()}
        ends = {tp.topic: last[topic_partition] for tp, topic_partition in topic_partitions.items()}
        parts, about = (checkpoint.parts, checkpoint.about) if checkpoint else (None, {"positions": {}})
        if checkpoint:
            self.epoch = epoch_after(self.epoch, checkpoint.epoch)
        try:
            await self.resume(parts, about, begins, ends)
        except StateError as fault:
            log.warning("%s starts without its checkpoint: %s", self.name, fault)
            await self.resume(None, {"positions": {}}, begins, ends)
        self._writer = CheckpointWriter(self._site.sender, self._topic_partition, self.name, self.epoch, keys)
        self.ready = True
        self.spent.restored_s = self._site.clock.steady_s() - began
        log.info(
            "%s continues at %s (checkpoint %s, %.2f s)",
            self.name,
            self.positions,
            checkpoint.number if checkpoint else "none",
            self.spent.restored_s,
        )

    async def process(self) -> None:
        """Processes all waiting input; other tasks run in between."""
        while self.active and self.ready:
            async with self._lock:
                if not self.active or not await self.work():
                    return
                self._dirty = True
            await self.checkpoint_if_due()
            await asyncio.sleep(0)

    async def tick(self) -> None:
        """Called a few times a second."""
        if self.ready and self.active:
            async with self._lock:
                await self.on_timer()
            await self.process()
            await self.checkpoint_if_due()

    async def checkpoint_if_due(self) -> None:
        """Not sooner than `checkpoint_s`, and never more than a small share of the time."""
        since_s = self._site.clock.steady_s() - self._written_at
        every_s = 0.0 if self._hurried else self._site.parameters.checkpoint_s
        due = since_s >= max(every_s, self._cost_s * self.tasks_on_worker / _SHARE)
        if self._dirty and not self._writing.locked() and due:
            await self.checkpoint()

    async def checkpoint(self) -> None:
        """Writes the changes after all output is confirmed; then its input may be committed."""
        if self._writer is None or not self._dirty or not self.settled or self.quarantine.is_uncertain:
            return
        async with self._writing:
            async with self._lock:
                await self._outbox.confirmed()
                if not await self.still_owner():
                    return
                # Processor time of this thread: the cost for this worker, without other load on the machine.
                began_s = self._site.clock.cpu_s()
                positions, passed, about, parts = self.positions, self.passed, self.about(), self.state()
                packed_s = self._site.clock.cpu_s() - began_s
                self._dirty = self._hurried = False
            written = await self._writer.write(parts, about)
            self._account(written, packed_s)
            self.covered = {tp: positions[tp.topic] for tp in self.inputs}
            self.quarantine.forget({**positions, **passed})

    def _account(self, written: Written, packed_s: float) -> None:
        self._written_at = self._site.clock.steady_s()
        self._cost_s = packed_s + written.bytes / 200e6
        self.spent.checkpoints += 1
        self.spent.checkpoint_s += self._cost_s
        self.spent.checkpoint_bytes += written.bytes
