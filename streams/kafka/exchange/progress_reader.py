"""Progress reader: the progress of every partition, as all workers report it in the findings topic."""

import asyncio
import logging
from collections.abc import Mapping, Set
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from models.clock import Clock
from models.errors import StateError
from streams.kafka.client.broker import Broker
from streams.kafka.client.leaked_cancellation import opened_consumer, uncancelled
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.checkpoints import records_until_end
from streams.kafka.exchange.stage_records import FINDINGS_HEADER, PartitionProgress

log = logging.getLogger(__name__)
_LOOK_BACK = 5_000
"""Number of records before the end that a worker reads at its start."""
_ANSWER_S = 5.0
_PAUSE_S = 12.0


def progress_of(record: Any) -> PartitionProgress | None:
    """The progress in a record of the findings topic; None for a record of another kind."""
    for name, value in record.headers:
        if name == FINDINGS_HEADER:
            try:
                return PartitionProgress.unpack(value)
            except (StateError, LookupError, TypeError, ValueError) as fault:
                log.warning("record %d of the findings is skipped: %s", record.offset, fault)
    return None


class ProgressReader:
    """Follows the findings topic without a group and stores the last progress of every partition."""

    def __init__(self, parameters: KafkaParameters, broker: Broker, clock: Clock) -> None:
        self._broker, self._clock = broker, clock
        self._topic_partition = TopicPartition(Topics(parameters.topic_prefix).findings, 0)
        self._last: dict[int, PartitionProgress] = {}
        self._position = 0
        self._reader: AIOKafkaConsumer | None = None
        self.steady_since_s = self._last_read_s = clock.steady_s()
        """Monotonic time since which progress has arrived without a gap. Before it, no report does not prove a partition idle."""
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when the last existing records were read."""
        async with self._consumer() as consumer:
            end = (await consumer.end_offsets([self._topic_partition]))[self._topic_partition]
            async for record in records_until_end(consumer, self._topic_partition, max(0, end - _LOOK_BACK)):
                self._note(record)
        self._position = max(self._position, end)
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Ends the following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def of(self, partition: int) -> PartitionProgress | None:
        """The last progress of a partition."""
        return self._last.get(partition)

    def slowest_us(self, but: int) -> int | None:
        """The lowest frontier of the active partitions without `but`; None if there is none."""
        return min((frontier_us for frontier_us, idle in self._frontiers(but) if not idle), default=None)

    def followed_us(self, but: int) -> int | None:
        """How far an idle partition may advance: to the slowest active one; if none is active, as far as any partition came."""
        slowest_us = self.slowest_us(but)
        return max((frontier_us for frontier_us, _ in self._frontiers(but)), default=None) if slowest_us is None else slowest_us

    def _frontiers(self, but: int) -> list[tuple[int, bool]]:
        others = (progress for partition, progress in self._last.items() if partition not in (but, CALENDAR))
        return [(progress.frontier_us, progress.idle) for progress in others if progress.frontier_us is not None]

    def any_lagging(self, but: int) -> bool:
        """Whether any other partition has not reached the end of its log: then it is unknown what its Users have sent."""
        return any(progress.lagging for partition, progress in self._last.items() if partition not in (but, CALENDAR))

    def highest(self, but: int) -> Mapping[str, int]:
        """The two Users of other partitions than `but` that are furthest in event time, with their times."""
        by_user: dict[str, int] = {}
        for partition, progress in sorted(self._last.items()):
            if partition not in (but, CALENDAR):
                for user, at_us in progress.highest:
                    by_user[user] = max(at_us, by_user.get(user, at_us))
        return by_user

    async def reached(self, offset: int, limit_s: float) -> bool:
        """Waits until everything before `offset` was read; returns whether this happened within `limit_s`."""
        async with self._moved:
            try:
                await asyncio.wait_for(self._moved.wait_for(lambda: self._position >= offset), limit_s)
            except TimeoutError:
                return False
        return True

    async def progress_since(self, partition: int, offset: int) -> list[PartitionProgress]:
        """All progress records of a partition from `offset` of the findings topic to its end."""
        async with self._consumer() as consumer:
            read = [progress_of(record) async for record in records_until_end(consumer, self._topic_partition, offset)]
        return [progress for progress in read if progress is not None and progress.partition == partition]

    async def end_of(self, topic: str, partition: int) -> int | None:
        """Offset after the last record of a partition, queried now; None if the brokers do not answer."""
        topic_partition = TopicPartition(topic, partition)
        if self._reader is None:
            return None
        try:
            return int((await asyncio.wait_for(self._reader.end_offsets([topic_partition]), _ANSWER_S))[topic_partition])
        except (KafkaError, TimeoutError) as fault:
            log.warning("the end of %s-%d can't be queried now: %r", topic, partition, fault)
            return None

    def _consumer(self) -> AbstractAsyncContextManager[AIOKafkaConsumer]:
        return opened_consumer(self._broker, auto_offset_reset="earliest", fetch_max_wait_ms=100)

    async def _follow(self) -> None:
        while True:
            try:
                await uncancelled(self._read_on())
            except KafkaError as fault:
                log.warning("the progress of the other workers can't be read now, trying again: %r", fault)
            except Exception:
                # Without it every partition would wait for the others, and nobody would know why.
                log.exception("the progress of the other workers can't be read now, trying again")
            await asyncio.sleep(1.0)

    async def _read_on(self) -> None:
        async with self._consumer() as consumer:
            self._reader = consumer
            try:
                consumer.assign([self._topic_partition])
                consumer.seek(self._topic_partition, self._position)
                while True:
                    for records in (await consumer.getmany(timeout_ms=1000)).values():
                        await self._take(records)
            finally:
                self._reader = None

    async def topics(self) -> Set[str] | None:
        """Names of all topics, queried now; None if the brokers do not answer."""
        try:
            return set(await asyncio.wait_for(self._reader.topics(), _ANSWER_S)) if self._reader is not None else None
        except (KafkaError, TimeoutError) as fault:
            log.warning("the topics can't be listed now: %r", fault)
            return None

    async def _take(self, records: list[Any]) -> None:
        now_s = self._clock.steady_s()
        if now_s - self._last_read_s > _PAUSE_S:
            self.steady_since_s = now_s
        self._last_read_s = now_s
        for record in records:
            self._note(record)
        async with self._moved:
            self._moved.notify_all()

    def _note(self, record: Any) -> None:
        self._position = record.offset + 1
        progress = progress_of(record)
        if progress is None:
            return
        last = self._last.get(progress.partition)
        if last is None or progress.generation >= last.generation:
            self._last[progress.partition] = progress


CALENDAR = -1
"""Partition number of the records that state how much of the change calendar counts for the correlation."""
