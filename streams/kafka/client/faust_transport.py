"""Batch transport: Faust owns membership and agents, and gets all that one fetch brought for a partition as one event.

A stock agent spends some 140 µs on each Kafka record, most of it on tasks, locks and acknowledgements. Here a record costs none of that:
the batch is the event, and what may be committed is not what was acknowledged but what a checkpoint covers.
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
from streams.kafka.cluster.security import READ_COMMITTED

log = logging.getLogger(__name__)
_HELD_BACK_S = 0.1
"""How soon a partition that was held back is looked at again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that one fetch brought for one partition, in order of offset; each record has `.offset`, `.key` and `.value`.

    There may be no records: the fetch went past markers that end transactions, or past what was aborted.
    """

    tp: TP
    records: list[Any]
    end: int
    """Offset behind all that the fetch went past."""
    epoch: int = -1
    """Of the unit that it was fetched for: one that began again since reads it anew."""


class BatchReceiver(Protocol):
    """Who decides what is read and how far it may be committed; all calls come on the main loop."""

    topics: frozenset[str]
    """Those that come as batches."""

    def wanted(self, active: Iterable[TP]) -> set[TP]:
        """Of the partitions that Faust would read now, those that we can take from."""

    def begins(self, wanted: Iterable[TP]) -> Mapping[TP, int]:
        """Where reading of those that were just taken over must begin, each told once: what was committed may be further."""

    def accept(self, tp: TP, first: int, end: int) -> int | None:
        """Whether what lies from offset `first` to before `end` comes next of `tp` (None); else where reading must go on."""

    def epoch(self, tp: TP) -> int:
        """Of the unit that takes `tp` now."""

    def covered(self) -> Mapping[TP, int]:
        """The next offset of each partition that a checkpoint covers."""

    async def assigned(self, tps: frozenset[TP], generation: int) -> None:
        """These are ours from now on, and no others."""

    async def revoked(self) -> None:
        """Nothing is ours until the next `assigned`: the last chance to checkpoint."""


class FastPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is not followed by mypy
    """Hands records on as the parser made them, with `.offset`, `.key`, `.value` and `.headers`, a whole record batch at a time.

    The dataclass of eleven fields that aiokafka makes of each one, and its bookkeeping for each, cost more than decoding the event in it.
    Records of a transaction that its producer aborted are left out, as `read_committed` asks: the broker names them with the fetch.
    """

    _found: Sequence[Any] = ()
    """Records of the batch at hand."""
    _left: Iterator[Any] = iter(())
    """What is still to be taken of them."""
    _behind = 0
    """Offset behind that batch."""

    @property
    def next_fetch_offset(self) -> int:
        """Of the record that would be taken next."""
        left = length_hint(self._left)
        offset: int = self._found[-left].offset if left else self._behind
        return offset

    @next_fetch_offset.setter
    def next_fetch_offset(self, offset: int) -> None:
        self._behind = offset

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = self._records_iterator
        return found

    def _unpack_records(self) -> Iterator[Any]:
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"the brokers sent damaged records of {self._tp}")
            start, self._found = self._behind, () if self._is_left_out(batch) else list(batch)
            if self._found and self._found[0].offset < start:
                self._found = [record for record in self._found if record.offset >= start]
            self._left, self._behind = iter(self._found), max(start, batch.next_offset)
            yield from self._left

    def _is_left_out(self, batch: Any) -> bool:
        """Whether nothing of `batch` is for readers: it is a marker that ends a transaction, or of one that was aborted."""
        if self._isolation_level == fetcher.READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
        aborted = batch.is_transactional and batch.producer_id in self._aborted_producers
        return bool(batch.is_control_batch or aborted)


def install_fast_records() -> None:
    """For all consumers of this process, from now on; only a worker's process does this."""
    fetcher.PartitionRecords = FastPartitionRecords


class BatchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # faust is not followed by mypy
    """The thread that speaks to the brokers and keeps the heartbeats alive while the main loop computes."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._partition_assignment_strategy = [SharedByNumber]
        # Faust asks for it only where it writes transactions itself; here producers upstream may.
        consumer._isolation_level = READ_COMMITTED
        return consumer

    def positions(self, tps: Iterable[TP]) -> dict[TP, int]:
        """How far reading has come in those that are read, whether or not there was anything for readers."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription is not None else None
        states = {tp: assignment.state_value(aiokafka.TopicPartition(*tp)) for tp in tps} if assignment is not None else {}
        return {tp: state.position for tp, state in states.items() if state is not None and state.has_valid_position}

    def highwater(self, tp: TP) -> int | None:
        """Where reading ends for now: before the first transaction that is still open, else where the log ends."""
        stable: int | None = self._ensure_consumer().last_stable_offset(tp)
        return stable

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """A commit that fails is no reason to stop: the next one covers it, and after a crash the checkpoint says where to go on."""
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
        found: BatchReceiver = self.transport.intake
        return found

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
        before = {tp: (offset, self.intake.epoch(tp)) for tp, offset in self._thread.positions(wanted).items()}
        fetched = await super()._getmany(wanted, timeout if len(wanted) == len(active) else _HELD_BACK_S)
        after = self._thread.positions(wanted)
        batches: dict[TP, list[Any]] = {tp: records for tp, records in fetched.items() if tp.topic not in self.intake.topics}
        ours = {TP(tp.topic, tp.partition): records for tp, records in fetched.items() if tp.topic in self.intake.topics and records}
        for tp, (start, epoch) in before.items():
            if tp.topic in self.intake.topics and tp not in ours and after.get(tp, start) > start and self.intake.epoch(tp) == epoch:
                ours[tp] = []
        for tp, records in ours.items():
            first = records[0].offset if records else before[tp][0]
            end = max(records[-1].offset + 1 if records else 0, after.get(tp, 0))
            if await self._accepted(tp, first, end):
                batches[tp] = [Batch(tp, records, end, self.intake.epoch(tp))]
        return batches

    async def _accepted(self, tp: TP, first: int, end: int) -> bool:
        start = self.intake.accept(tp, first, end)
        if start is None:
            return True
        log.info("reading %s-%d from offset %d, where its checkpoint is", tp.topic, tp.partition, start)
        await self.seek_wait({tp: start})
        return False

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, Batch):
            return super()._to_message(tp, record)
        generation = self.app.consumer_generation_id
        place = (tp.topic, tp.partition, record.end - 1, None, None)
        return ConsumerMessage(*place, (), None, record, None, 0, 0, record.tp, generation_id=generation)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        for tp in self.intake.covered():
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        return self.intake.covered().get(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """What was done so far is checkpointed and committed, so that whoever comes next begins there."""
        await self.intake.revoked()
        await self.commit()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """The intake learns what is ours before Faust begins to read."""
        await self.intake.assigned(frozenset(TP(tp.topic, tp.partition) for tp in assigned), generation_id)
        await super().on_partitions_assigned(assigned, generation_id)


class BatchTransport(driver.Transport):  # type: ignore[misc]  # faust is not followed by mypy
    """Set as `app.transport`, with the intake of this worker."""

    Consumer = BatchConsumer
    intake: BatchReceiver
    commit_failures = 0
