"""A cancellation that comes from within a client never ends its caller: a takeover would end without a word."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.structs import BrokerMetadata, PartitionMetadata

from streams.kafka.client.leaked_cancellation import close_consumer, uncancelled

TP = TopicPartition("t", 0)


async def waits_to_fetch_again() -> AIOKafkaConsumer:
    """A consumer whose fetch failed because the broker is away, and which waits for the next attempt."""
    consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", enable_auto_commit=False, retry_backoff_ms=60_000)
    consumer._subscription.assign_from_user([TP])
    consumer._subscription.seek(TP, 0)
    cluster, failed = consumer._client.cluster, asyncio.Event()
    cluster._brokers = {1: BrokerMetadata(1, "127.0.0.1", 1, None)}
    cluster._partitions = {TP.topic: {0: PartitionMetadata(TP.topic, 0, 1, [1], [1], None)}}

    async def send(*_: object, **__: object) -> None:
        failed.set()
        raise NodeNotReadyError

    consumer._client.send = send
    consumer._fetcher = Fetcher(consumer._client, consumer._subscription, retry_backoff_ms=60_000)
    await failed.wait()
    await asyncio.sleep(0)
    return consumer


def test_a_consumer_that_waits_to_fetch_again_is_closed_and_its_caller_goes_on() -> None:
    async def play() -> None:
        consumer, closed = await waits_to_fetch_again(), asyncio.Event()

        async def close() -> None:
            closed.set()

        consumer._client.close = close
        await close_consumer(consumer)
        assert closed.is_set()

    asyncio.run(play())


def test_aiokafka_still_leaks_it() -> None:
    """Once this fails, `close_consumer` can go."""

    async def play() -> None:
        consumer = await waits_to_fetch_again()
        with pytest.raises(asyncio.CancelledError):
            await consumer.stop()

    asyncio.run(play())


def test_a_cancellation_from_within_is_an_error_and_one_from_without_stays_one() -> None:
    async def cancelled_within() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    async def play() -> None:
        with pytest.raises(KafkaError, match="cancelled from within"):
            await uncancelled(cancelled_within())
        waits = asyncio.create_task(uncancelled(asyncio.sleep(60)))
        await asyncio.sleep(0)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        with pytest.raises(LookupError):
            await uncancelled(fails())
        assert await uncancelled(asyncio.sleep(0, "result")) == "result"

    async def fails() -> None:
        raise LookupError

    asyncio.run(play())
