"""Unit: one piece of work that a worker holds: what it takes in, its checkpoints, and how it is taken over."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.types import TP

from models.clock import Clock
from models.errors import StateError
from streams.kafka.client.broker import Broker
from streams.kafka.client.producer import Outbox
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.checkpoints import CheckpointWriter, Written, read_checkpoint
from streams.kafka.exchange.progress_reader import ProgressReader
from streams.kafka.tasks.metrics import WorkerBoard
from streams.kafka.tasks.quarantine import Quarantine

log = logging.getLogger(__name__)
_SHARE = 0.04
"""Of the time, at most, that goes into checkpoints."""
EPOCHS = 1024
"""Of one task within one generation of the group."""


@dataclass(frozen=True)
class WorkerContext:
    """What the units of one worker share."""

    parameters: KafkaParameters
    topics: Topics
    sender: AIOKafkaProducer
    others: ProgressReader
    idle_s: float
    broker: Broker
    clock: Clock
    board: WorkerBoard
    learned: Mapping[str, Any] = field(default_factory=dict)
    """What new series start from, see `streams.learned_state`."""


@dataclass(slots=True)
class TaskStatistics:
    """What a unit has cost so far, for the log and for the benchmark."""

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
    """Topic → where `name` goes on reading: where its checkpoint says, unless the log does not reach there any more or not yet."""
    found = {}
    for topic, begin in begins.items():
        position = about["positions"].get(topic, begin)
        if position > ends[topic]:
            log.error("%s was made anew: what stood in the old one and was not taken in is lost; %s goes on at its beginning", topic, name)
        found[topic] = begin if position > ends[topic] else max(position, begin)
    return found


def epoch_after(epoch: int, spoken: int) -> int:
    """The epoch of whoever takes over from one that spoke under `spoken`: a later one, also within the same generation of the group.

    A static member that restarts, and a task that begins again, stay in their generation. Nobody rises above a later generation.
    """
    return max(epoch, spoken + 1) if spoken // EPOCHS == epoch // EPOCHS else epoch


class Task(ABC):
    """The shell around a Partition or a Correlation: everything that waits for the brokers."""

    def __init__(self, name: str, inputs: frozenset[TP], place: int, site: WorkerContext, epoch: int) -> None:
        self.name = name
        self.inputs = inputs
        self.epoch = epoch
        self.ready = False
        self.active = True
        self.covered: dict[TP, int] = {}
        self.spent = TaskStatistics()
        self._place = TopicPartition(site.topics.checkpoints, place)
        self._site = site
        self._lock = asyncio.Lock()
        self._writing = asyncio.Lock()
        """Held while a checkpoint is written: two at once would share a slot."""
        self._outbox = Outbox(site.sender)
        self._writer: CheckpointWriter | None = None
        self.tasks_on_worker = 1
        """Units that share this worker, itself included: together they keep to the share of time that checkpoints may take."""
        self._dirty = False
        self._written_at = site.clock.steady_s()
        self._cost_s = 0.0
        self.next_offsets: dict[TP, int] = {}
        """Next offset behind what is on its way to `take`."""
        self.seek_attempts: dict[TP, int] = {}
        """Where reading was sent back to already, so that a gap in the log is not taken for a wrong position twice."""
        self.placed: set[TP] = set()
        """Inputs of which reading was sent to where the unit begins."""
        self.failed: Exception | None = None

    @property
    @abstractmethod
    def positions(self) -> dict[str, int]:
        """Topic → where a successor must begin to read."""

    @property
    @abstractmethod
    def backlog(self) -> dict[str, int]:
        """Topic → next offset that was not read yet."""

    @abstractmethod
    def wants(self, tp: TP) -> bool:
        """Whether more of `tp` can be taken now."""

    @abstractmethod
    def take(self, topic: str, records: list[Any], end: int) -> None:
        """Records of one fetch, which went as far as to before offset `end`."""

    @abstractmethod
    async def work(self) -> bool:
        """One bounded bit of work with what it sends; False where there was nothing to do."""

    @abstractmethod
    async def on_timer(self) -> None:
        """What the clock asks for; called a few times a second."""

    @abstractmethod
    def state(self) -> dict[str, bytes]:
        """For a checkpoint."""

    @abstractmethod
    async def resume(
        self, parts: Mapping[str, bytes] | None, about: Mapping[str, Any], begins: dict[str, int], ends: dict[str, int]
    ) -> None:
        """Goes on from a checkpoint (None: from nothing), where the logs reach from `begins` to `ends`."""

    def leave_out(self, quarantine: Quarantine) -> None:  # noqa: B027 - tasks that read our own records only leave none out
        """Works from now on without the records that `quarantine` names."""

    async def still_owner(self) -> bool:
        """Whether nobody else has taken over; asked before a checkpoint. Clears `active` where somebody has."""
        return True

    def about(self) -> dict[str, Any]:
        """What goes beside the state."""
        return {"positions": self.positions}

    @property
    def settled(self) -> bool:
        """Whether all is done that a predecessor had done: before that, a checkpoint would hide from the next one what is still to do."""
        return True

    @property
    def since_checkpoint_s(self) -> float:
        """How old the last checkpoint is; 0 where nothing came since."""
        return self._site.clock.steady_s() - self._written_at if self._dirty else 0.0

    def lags(self) -> dict[TP, int]:
        """Records of each input that are known to be there and were not taken in yet."""
        return {}

    async def restore(self) -> None:
        """Reads the last checkpoint and goes on from there."""
        began = self._site.clock.steady_s()
        consumer: AIOKafkaConsumer = self._site.broker.consumer(max_partition_fetch_bytes=16 << 20)
        await consumer.start()
        try:
            found, keys = await read_checkpoint(consumer, self._place, self.name)
            places = {tp: TopicPartition(tp.topic, tp.partition) for tp in self.inputs}
            first, last = await consumer.beginning_offsets(list(places.values())), await consumer.end_offsets(list(places.values()))
        finally:
            await consumer.stop()
        begins = {tp.topic: first[place] for tp, place in places.items()}
        ends = {tp.topic: last[place] for tp, place in places.items()}
        parts, about = (found.parts, found.about) if found else (None, {"positions": {}})
        if found:
            self.epoch = epoch_after(self.epoch, found.epoch)
        try:
            await self.resume(parts, about, begins, ends)
        except StateError as fault:
            log.warning("%s starts without its checkpoint: %s", self.name, fault)
            await self.resume(None, {"positions": {}}, begins, ends)
        self._writer = CheckpointWriter(self._site.sender, self._place, self.name, self.epoch, keys)
        self.ready = True
        self.spent.restored_s = self._site.clock.steady_s() - began
        log.info(
            "%s goes on at %s (checkpoint %s, %.2f s)", self.name, self.positions, found.number if found else "none", self.spent.restored_s
        )

    async def process(self) -> None:
        """Works through what waits; other units get their turn in between."""
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
        if (
            self._dirty
            and not self._writing.locked()
            and since_s >= max(self._site.parameters.checkpoint_s, self._cost_s * self.tasks_on_worker / _SHARE)
        ):
            await self.checkpoint()

    async def checkpoint(self) -> None:
        """Writes what changed, after all that it sent is confirmed; then its inputs may be committed."""
        if self._writer is None or not self._dirty or not self.settled:
            return
        async with self._writing:
            async with self._lock:
                await self._outbox.confirmed()
                if not await self.still_owner():
                    return
                # Processor time of this thread: what it takes from the work, not what others on the machine take.
                began_s = self._site.clock.cpu_s()
                positions, about, parts = self.positions, self.about(), self.state()
                packed_s = self._site.clock.cpu_s() - began_s
                self._dirty = False
            written = await self._writer.write(parts, about)
            self._account(written, packed_s)
            self.covered = {tp: positions[tp.topic] for tp in self.inputs}

    def _account(self, written: Written, packed_s: float) -> None:
        self._written_at = self._site.clock.steady_s()
        self._cost_s = packed_s + written.bytes / 200e6
        self.spent.checkpoints += 1
        self.spent.checkpoint_s += self._cost_s
        self.spent.checkpoint_bytes += written.bytes
