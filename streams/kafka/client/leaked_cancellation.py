"""Leaked cancellation: a client of the brokers ends with the cancellation of one of its own tasks, which nobody asked the caller to do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from streams.kafka.client.broker import Broker

T = TypeVar("T")


async def uncancelled(work: Awaitable[T]) -> T:
    """The result of `work`. A cancellation from within raises KafkaError: as a cancellation it would end its caller without a word."""
    (result,) = await asyncio.gather(work, return_exceptions=True)
    if isinstance(result, asyncio.CancelledError):
        raise KafkaError("a client of the brokers was cancelled from within") from result
    if isinstance(result, BaseException):
        raise result
    return result


@asynccontextmanager
async def opened_consumer(broker: Broker, **options: Any) -> AsyncIterator[Any]:
    """A consumer without a group that is started, and closed at the end. `options` as of `AIOKafkaConsumer`."""
    consumer = broker.consumer(**options)
    try:
        await consumer.start()
        yield consumer
    finally:
        await close_consumer(consumer)


async def close_consumer(consumer: Any) -> None:
    """While a fetch waits for its next attempt, aiokafka 0.14 ends a stop with a cancellation and leaves its connections open."""
    try:
        await uncancelled(consumer.stop())
    except KafkaError:
        await consumer._client.close()
