"""Broker: the port through which tasks use Kafka; `fake_broker` implements it for tests."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.kafka.client.producer import producer
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import READ_COMMITTED, client_settings
from streams.kafka.cluster.topic_admin import admin, create, specs


class Broker(Protocol):
    """Creates clients that are not started yet."""

    def consumer(self, **options: Any) -> Any:
        """Without a group; `options` as of `AIOKafkaConsumer`. It reads committed records only."""

    def producer(self) -> Any:
        """Keeps the order within a partition and stores a resent record once."""

    async def make_user_topics(self, names: Sequence[str], users: Sequence[str]) -> None:
        """Creates the topics in `names` that belong to `users`. Raises ConfigurationError if one can't be created."""


class KafkaBroker:
    """A real cluster."""

    def __init__(self, parameters: KafkaParameters) -> None:
        self._parameters = parameters

    def consumer(self, **options: Any) -> AIOKafkaConsumer:
        """See `Broker`."""
        return AIOKafkaConsumer(**client_settings(self._parameters), enable_auto_commit=False, isolation_level=READ_COMMITTED, **options)

    def producer(self) -> AIOKafkaProducer:
        """See `Broker`."""
        return producer(self._parameters)

    async def make_user_topics(self, names: Sequence[str], users: Sequence[str]) -> None:
        """See `Broker`."""
        await asyncio.to_thread(self._make, names, users)

    def _make(self, names: Sequence[str], users: Sequence[str]) -> None:
        with admin(self._parameters) as client:
            create(client, [spec for spec in specs(self._parameters, users) if spec.name in names])
