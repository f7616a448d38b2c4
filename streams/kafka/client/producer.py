"""Producer: one idempotent producer per worker, and for each task a list of the records that the brokers have not confirmed."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.kafka.client.output_records import OutputRecord
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import client_settings
from streams.kafka.cluster.topic_admin import LARGEST_RECORD

_MOST_UNCONFIRMED = 2_000
OUTAGE_S = 180
"""How long the sender waits for a broker before it gives up."""


def producer(parameters: KafkaParameters) -> AIOKafkaProducer:
    """Not started yet. The order within a partition is kept and a resent record is stored once, whatever the brokers do."""
    return AIOKafkaProducer(
        **client_settings(parameters),
        enable_idempotence=True,
        compression_type="lz4",
        linger_ms=2,
        max_batch_size=1 << 20,
        max_request_size=LARGEST_RECORD,
        request_timeout_ms=OUTAGE_S * 1000,
    )


class Outbox:
    """The records of one task; `confirmed` returns when the brokers have all of them."""

    def __init__(self, sender: AIOKafkaProducer) -> None:
        self._sender = sender
        self._unconfirmed: deque[asyncio.Future[Any]] = deque()
        self.last_offsets: dict[str, int] = {}
        """topic → offset of the last record that was confirmed."""

    async def send(self, records: Iterable[OutputRecord]) -> None:
        """Passes the records to the producer, in order. Raises KafkaError if an earlier one was lost."""
        for record in records:
            sent = await self._sender.send(
                record.topic, record.value, key=record.key, partition=record.partition, headers=list(record.headers)
            )
            self._unconfirmed.append(sent)
        if len(self._unconfirmed) > _MOST_UNCONFIRMED:
            await self.confirmed()

    async def confirmed(self) -> None:
        """Waits for the brokers. Raises KafkaError if a record was lost: then the task must restart from its checkpoint.

        If the caller stops waiting (a rebalance has a time limit), the remaining records are awaited by the next call.
        """
        while self._unconfirmed:
            metadata = await asyncio.shield(self._unconfirmed[0])
            self._unconfirmed.popleft()
            self.last_offsets[metadata.topic] = metadata.offset
