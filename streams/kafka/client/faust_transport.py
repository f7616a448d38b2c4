"""Batch transport: Faust owns membership and agents, and gets all records of one fetch for a partition as one event.

A stock agent spends about 140 µs on each Kafka record, most of it on tasks, locks and acknowledgements. Here a record has none of these
costs: the batch is the event, and commits follow checkpoints, not acknowledgements.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import length_hint
from typing import Any, Protocol

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.kafka.client.assignor import SharedByNumber
from streams.kafka.client.read_positions import ReadPosition, install_counted_state, read_positions, read_until
from streams.kafka.cluster.security import READ_COMMITTED

log = logging.getLogger(__name__)
_HELD_BACK_S = 0.1
"""How soon a partition that was held back is checked again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """All records of one fetch for one partition, in order of offset; each record has `.offset`, `.key` and `.value`.

    There may be no records: the fetch skipped markers that end transactions, or aborted records.
    """

    tp: TP
    records: list[Any]
    start: int
    end: int
    """Everything from offset `start` to before `end` is covered by the fetch: there is no other record for readers."""
    epoch: int = -1
    """Epoch of the task that it was fetched for: a task that has restarted since then reads the records again."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The decision about a fetch."""

    start: int
    """The offset that comes next; without a fit, where reading must continue."""
    fits: bool


class BatchReceiver(Protocol):
    """Decides what is read and how far it may be committed; all calls come on the main loop."""

    topics: frozenset[str]
    """The topics that come as batches."""

    def wanted(self, active: Iterable[TP]) -> set[TP]:
        """The partitions, of those that Faust would read now, from which records can be accepted."""

    def begins(self, wanted: Iterable[TP]) -> Mapping[TP, int]:
        """Where reading of newly assigned partitions must begin; each is returned once. The committed offset may be further."""

    def accept(self, tp: TP, position: int | None, first: int, end: int, log_start: int = 0) -> "Accepted":
        """Whether the records from offset `first` to before `end` come next of `tp`.

        The fetch began at `position`; None if somebody set the position meanwhile. The log is known to begin no earlier than `log_start`.
        """

    def expected(self, tp: TP) -> int:
        """The offset that comes next of `tp`: everything before it was accepted."""

    def epoch(self, tp: TP) -> int:
        """Epoch of the task that reads `tp` now."""

    def covered(self) -> Mapping[TP, int]:
        """The next offset of each partition after its checkpoint."""

    async def assigned(self, tps: frozenset[TP], generation: int) -> None:
        """These partitions are assigned to this worker from now on, and no others."""

    async def revoked(self) -> None:
        """No partition is assigned until the next `assigned`: the last opportunity for a checkpoint."""


class FastPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is not followed by mypy
    """Returns records as the parser made them, with `.offset`, `.key`, `.value` and `.headers`, a whole record batch at a time.

    aiokafka's dataclass of eleven fields for each record, with its bookkeeping, costs more than decoding the event in it.
    Records of an aborted transaction are left out, as `read_committed` requires: the broker names them with the fetch.
    """

    _records_left: Sequence[Any] = ()
    """Records of the current batch."""
    _left: Iterator[Any] = iter(())
    """The records of it that were not returned yet."""
    _behind = 0
    """Offset after that batch."""

    @property
    def next_fetch_offset(self) -> int:
        """Offset of the next record."""
        left = length_hint(self._left)
        offset: int = self._records_left[-left].offset if left else self._behind
        return offset

    @next_fetch_offset.setter
    def next_fetch_offset(self, offset: int) -> None:
        self._behind = offset

    def __iter__(self) -> Iterator[Any]:
        iterator: Iterator[Any] = self._records_iterator
        return iterator

    def _unpack_records(self) -> Iterator[Any]:
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"the brokers sent damaged records of {self._tp}")
            start, self._records_left = self._behind, () if self._is_left_out(batch) else list(batch)
            if self._records_left and self._records_left[0].offset < start:
                self._records_left = [record for record in self._records_left if record.offset >= start]
            self._left, self._behind = iter(self._records_left), max(start, batch.next_offset)
            yield from self._left

    def _is_left_out(self, batch: Any) -> bool:
        """Whether `batch` has nothing for readers: it is a marker that ends a transaction, or part of an aborted one."""
        if self._isolation_level == fetcher.READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
        aborted = batch.is_transactional and batch.producer_id in self._aborted_producers
        return bool(batch.is_control_batch or aborted)


def install_fast_records() -> None:
    """For all consumers of this process, from now on; only a worker's process calls this."""
    fetcher.PartitionRecords = FastPartitionRecords
    install_counted_state()


class BatchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # faust is not followed by mypy
    """The thread that talks to the brokers and sends heartbeats while the main loop computes."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._partition_assignment_strategy = [SharedByNumber]
        # Faust enables it only if it writes transactions itself; here upstream producers may write them.
        consumer._isolation_level = READ_COMMITTED
        return consumer

    def positions(self, tps: Iterable[TP]) -> dict[TP, ReadPosition]:
        """The progress of reading in each partition, whether or not there were records for readers."""
        return read_positions(self._ensure_consumer(), tps)

    def highwater(self, tp: TP) -> int | None:
        """The current end of reading: before the first transaction that is still open, else the end of the log."""
        stable: int | None = self._ensure_consumer().last_stable_offset(tp)
        return stable

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """A failed commit does not stop the worker: the next one covers it, and after a crash the checkpoint gives the position."""
        positions = {aiokafka.TopicPartition(tp.topic, tp.partition): offset for tp, offset in offsets.items() if tp in self.assignment()}
        try:
            await self._ensure_consumer().commit(positions)
        except KafkaError as fault:
            log.warning("offsets not committed, trying again at the next checkpoint: %r", fault)
            self.consumer.transport.commit_failures += 1
            return False
        return True


class BatchConsumer(driver.Consumer):  # type: ignore[misc]  # faust is not followed by mypy
    """Faust's consumer with a whole fetch as one message and commits that follow checkpoints."""

    @property
    def intake(self) -> BatchReceiver:
        """Set on the transport."""
        receiver: BatchReceiver = self.transport.intake
        return receiver

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:
        active = active_partitions or set()
        wanted = self.intake.wanted(active)
        if not wanted:
            await asyncio.sleep(_HELD_BACK_S)
            return {}
        for tp, offset in self.intake.begins(wanted).items():
            await self.seek_wait({tp: offset})
        before = self._thread.positions(wanted)
        epochs = {tp: self.intake.epoch(tp) for tp in before}
        fetched = await super()._getmany(wanted, timeout if len(wanted) == len(active) else _HELD_BACK_S)
        # A position that Faust set meanwhile (the committed offset, after a rebalance) says nothing of what was read.
        read = read_until(before, self._thread.positions(wanted))
        batches: dict[TP, list[Any]] = {tp: records for tp, records in fetched.items() if tp.topic not in self.intake.topics}
        ours = {TP(tp.topic, tp.partition): records for tp, records in fetched.items() if tp.topic in self.intake.topics and records}
        for tp, (start, *_) in before.items():
            # Nothing but markers was read, or reading is ahead of what was accepted: see `accept`.
            moved = read.get(tp, start) > start or start > self.intake.expected(tp)
            if tp.topic in self.intake.topics and tp not in ours and moved and self.intake.epoch(tp) == epochs[tp]:
                ours[tp] = []
        for tp, records in ours.items():
            position = before[tp].offset if tp in read else None
            first = records[0].offset if records else before[tp].offset
            end = max(records[-1].offset + 1 if records else first, read.get(tp, 0))
            accepted = self.intake.accept(tp, position, first, end)
            if not accepted.fits:
                accepted = self.intake.accept(tp, position, first, end, await self._log_start(tp))
            if accepted.fits:
                batches[tp] = [Batch(tp, records, accepted.start, end, self.intake.epoch(tp))]
            else:
                log.info("reading %s-%d from offset %d, which comes next", tp.topic, tp.partition, accepted.start)
                await self.seek_wait({tp: accepted.start})
        return batches

    async def _log_start(self, tp: TP) -> int:
        """The first offset that retention has left; 0 if the brokers do not answer."""
        partition = aiokafka.TopicPartition(tp.topic, tp.partition)
        try:
            offsets = await self.earliest_offsets(partition)
        except KafkaError as fault:
            log.info("the first offset of %s-%d is not known: %r", tp.topic, tp.partition, fault)
            return 0
        return int(offsets[partition])

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Batch):
            return super()._to_message(tp, record)
        generation = self.app.consumer_generation_id
        timestamp_key = (tp.topic, tp.partition, record.end - 1, None, None)
        return ConsumerMessage(*timestamp_key, (), None, record, None, 0, 0, record.tp, generation_id=generation)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        for tp in self.intake.covered():
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        return self.intake.covered().get(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """The work so far is checkpointed and committed, so that a successor begins there."""
        await self.intake.revoked()
        await self.commit()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """The receiver gets the assignment before Faust begins to read."""
        await self.intake.assigned(frozenset(TP(tp.topic, tp.partition) for tp in assigned), generation_id)
        await super().on_partitions_assigned(assigned, generation_id)


class BatchTransport(driver.Transport):  # type: ignore[misc]  # faust is not followed by mypy
    """Set as `app.transport`, with the receiver of this worker."""

    Consumer = BatchConsumer
    intake: BatchReceiver
    commit_failures = 0
