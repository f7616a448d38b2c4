"""Fake broker: logs in memory behind the port of Kafka's clients. Whole tasks can run in one process under a virtual clock."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import RecordMetadata


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """The attributes of a record that tasks use."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class _Log:
    records: list[FakeRecord] = field(default_factory=list)
    first: int = 0
    """Offset of the first retained record."""

    @property
    def end(self) -> int:
        return self.first + len(self.records)


class FakeBroker:
    """Any number of workers may share it. While `away`, every call fails as it does when brokers can't be reached."""

    def __init__(self) -> None:
        self._logs: dict[TopicPartition, _Log] = {}
        self.away = False
        self.grown = asyncio.Event()
        """Set and replaced whenever a record was added."""

    def log(self, topic: str, partition: int = 0) -> _Log:
        """The log of a partition, created on first use."""
        return self._logs.setdefault(TopicPartition(topic, partition), _Log())

    def append(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, partition: int = 0, headers: Sequence[tuple[str, bytes]] = ()
    ) -> int:
        """Adds one record; returns its offset."""
        log = self.log(topic, partition)
        log.records.append(FakeRecord(topic, partition, log.end, key, value, tuple(headers)))
        self.grown.set()
        self.grown = asyncio.Event()
        return log.end - 1

    def read(self, topic: str, partition: int, start: int, most: int = 1 << 30) -> list[FakeRecord]:
        """Records from offset `start` on."""
        log = self.log(topic, partition)
        begin = max(0, start - log.first)
        return log.records[begin : begin + most]

    def values(self, topic: str, partition: int = 0) -> list[bytes]:
        """All records except tombstones."""
        return [record.value for record in self.log(topic, partition).records if record.value is not None]

    def topics(self) -> set[str]:
        """Names of all topics that were written or requested."""
        return {topic_partition.topic for topic_partition in self._logs}

    def consumer(self, **options: Any) -> "FakeConsumer":  # noqa: ARG002 - the port's signature
        """See `Broker`."""
        return FakeConsumer(self)

    def producer(self) -> "FakeProducer":
        """See `Broker`."""
        return FakeProducer(self)

    async def make_user_topics(self, names: Sequence[str], users: Sequence[str]) -> None:  # noqa: ARG002 - the port's signature
        """See `Broker`."""
        for name in names:
            self.log(name)

    def check(self) -> None:
        """Raises KafkaConnectionError while the broker is away."""
        if self.away:
            raise KafkaConnectionError("the fake broker is away")


class FakeProducer:
    """Confirms each record at once."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""

    async def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> "asyncio.Future[RecordMetadata]":
        """See `AIOKafkaProducer.send`."""
        self._broker.check()
        offset = self._broker.append(topic, value, key=key, partition=partition or 0, headers=headers)
        sent: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        sent.set_result(RecordMetadata(topic, partition or 0, TopicPartition(topic, partition or 0), offset, 0, 0, 0))
        return sent


class FakeConsumer:
    """Reads what it is assigned."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self._positions: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Raises KafkaConnectionError while the broker is away."""
        self._broker.check()

    async def stop(self) -> None:
        """Nothing to do."""

    def assign(self, topic_partitions: Sequence[TopicPartition]) -> None:
        """See `AIOKafkaConsumer.assign`."""
        self._positions = {topic_partition: self._broker.log(*topic_partition).first for topic_partition in topic_partitions}

    def seek(self, topic_partition: TopicPartition, offset: int) -> None:
        """See `AIOKafkaConsumer.seek`."""
        self._positions[topic_partition] = offset

    async def position(self, topic_partition: TopicPartition) -> int:
        """See `AIOKafkaConsumer.position`."""
        return self._positions[topic_partition]

    async def beginning_offsets(self, topic_partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """See `AIOKafkaConsumer.beginning_offsets`."""
        self._broker.check()
        return {topic_partition: self._broker.log(*topic_partition).first for topic_partition in topic_partitions}

    async def end_offsets(self, topic_partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """See `AIOKafkaConsumer.end_offsets`."""
        self._broker.check()
        return {topic_partition: self._broker.log(*topic_partition).end for topic_partition in topic_partitions}

    async def topics(self) -> set[str]:
        """See `AIOKafkaConsumer.topics`."""
        self._broker.check()
        return self._broker.topics()

    async def getmany(self, *topic_partitions: TopicPartition, timeout_ms: int = 0) -> dict[TopicPartition, list[FakeRecord]]:
        """The available records; if there are none, those that arrive within `timeout_ms`."""
        self._broker.check()
        records_of = self._take(topic_partitions or tuple(self._positions))
        if not records_of and timeout_ms:
            try:
                # `wait_for` loses a cancellation that comes together with a record: the reader would never end.
                async with asyncio.timeout(timeout_ms / 1000):
                    await self._broker.grown.wait()
            except TimeoutError:
                return {}
            records_of = self._take(topic_partitions or tuple(self._positions))
        return records_of

    def _take(self, topic_partitions: Sequence[TopicPartition]) -> dict[TopicPartition, list[FakeRecord]]:
        records_of = {
            topic_partition: self._broker.read(topic_partition.topic, topic_partition.partition, self._positions[topic_partition])
            for topic_partition in topic_partitions
        }
        for topic_partition, records in records_of.items():
            if records:
                self._positions[topic_partition] = records[-1].offset + 1
        return {topic_partition: records for topic_partition, records in records_of.items() if records}
