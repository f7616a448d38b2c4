"""Load for the Kafka benchmark: telemetry of a wide fleet, in record batches that are built once and sent as they are."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Set

from aiokafka import AIOKafkaProducer

from models.times import SECOND_US, format_time, parse_time
from streams.kafka.cluster.topic_names import Topics

START_US = parse_time("2026-01-05T00:00:00Z")
WINDOW_S = 10
CLASSES = (("to_dsp", "service_request"), ("to_user", "service_response"), ("to_user", "device_alert"), ("to_dsp", "acknowledgement"))
REGIONS = ("north", "central", "south")


Part = tuple[bytes, bytes]
"""(user, everything of an event but its time and counts)."""


def series(users: int, each: int, window_s: int = WINDOW_S) -> list[Part]:
    """`each` series for each of `users` Users."""
    encoded = []
    for user in range(users):
        name = f"USER-{user:04d}"
        for number in range(each):
            direction, kind = CLASSES[number % len(CLASSES)]
            service, region = f"{1 + number // 12}.{1 + number // 4 % 3}.1", REGIONS[number % 3]
            text = f'"window_s":{window_s},"user":"{name}","direction":"{direction}","message_class":"{kind}",'
            encoded.append((name.encode(), f'{text}"service":"{service}","region":"{region}","messages":'.encode()))
    return encoded


def ends_us(number: int, window_s: int = WINDOW_S) -> int:
    """When window `number` ends, in event time."""
    return START_US + number * window_s * SECOND_US


def window(parts: list[Part], number: int, window_s: int = WINDOW_S, failing: Set[bytes] = frozenset()) -> Iterator[tuple[bytes, bytes]]:
    """(user, event) of every series in window `number`; counts wander a little, from the number alone; what `failing` Users send fails."""
    head = b'{"kind":"traffic","observed_at":"' + format_time(ends_us(number, window_s)).encode() + b'",'
    for index, (user, text) in enumerate(parts):
        messages = 40 + (index * 7 + number * 13 + index * number) % 23
        failures = messages * 9 // 10 if user in failing else messages % 11 == 0
        yield user, head + text + b'%d,"failures":%d}' % (messages, failures)


def sender_to(bootstrap: str) -> AIOKafkaProducer:
    """Not yet started."""
    return AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", max_batch_size=1 << 20, max_request_size=8 << 20)


async def fill(bootstrap: str, topics: Topics, partitions: int, parts: list[Part], windows: int, frame: int) -> int:
    """Sends `windows` windows to the rates topic, lz4; `frame` events to a record. Gives the number of events."""
    sender = sender_to(bootstrap)
    await sender.start()
    filler = Filler(sender, topics.rates, partitions, frame)
    events = 0
    for number in range(1, windows + 1):
        for user, event in window(parts, number):
            await filler.put(int(user[-4:]) % partitions, user, event)
            events += 1
        # One frame is one scrape: it does not wait for the next one.
        await filler.end_frames()
    await filler.flush()
    await sender.stop()
    return events


async def paced(
    filler: "Filler", parts: list[Part], windows: range, per_s: float, window_s: int, failing: Callable[[int], Set[bytes]]
) -> AsyncIterator[tuple[int, float]]:
    """Sends one window of all series after the other at `per_s` events a second; after each (its number, when it began to go out)."""
    began_s = time.monotonic()
    for index, number in enumerate(windows):
        await asyncio.sleep(max(0.0, began_s + index * len(parts) / per_s - time.monotonic()))
        for user, event in window(parts, number, window_s, failing(number)):
            await filler.put(int(user[-4:]) % filler.partitions, user, event)
        sent_s = time.monotonic()
        await filler.flush()
        yield number, sent_s


class Filler:
    """Fills record batches of each partition and sends them when they are full, or asked to."""

    def __init__(self, sender: AIOKafkaProducer, topic: str, partitions: int, frame: int) -> None:
        self._sender, self._topic, self._frame, self.partitions = sender, topic, frame, partitions
        self._batches = {number: sender.create_batch() for number in range(partitions)}
        self._frames: dict[int, list[bytes]] = {number: [] for number in range(partitions)}
        self._sent: list[asyncio.Future[object]] = []

    async def flush(self) -> None:
        """Sends what there is and waits until the broker has it."""
        for partition, batch in self._batches.items():
            if batch.record_count():
                await self._send(partition)
        for sent in self._sent:
            await sent
        self._sent.clear()

    async def put(self, partition: int, user: bytes, event: bytes) -> None:
        """One event."""
        if self._frame == 1:
            await self._append(partition, user, event)
            return
        frame = self._frames[partition]
        frame.append(event)
        if len(frame) == self._frame:
            await self._append(partition, None, b"[" + b",".join(frame) + b"]")
            frame.clear()

    async def end_frames(self) -> None:
        """What is collected for frames goes into records, however little it is."""
        for partition, frame in self._frames.items():
            if frame:
                await self._append(partition, None, b"[" + b",".join(frame) + b"]")
                frame.clear()

    async def _append(self, partition: int, key: bytes | None, value: bytes) -> None:
        now_ms = int(time.time() * 1000)
        if self._batches[partition].append(key=key, value=value, timestamp=now_ms) is None:
            await self._send(partition)
            self._batches[partition].append(key=key, value=value, timestamp=now_ms)

    async def _send(self, partition: int) -> None:
        batch = self._batches[partition]
        batch.close()
        self._sent.append(await self._sender.send_batch(batch, self._topic, partition=partition))
        self._batches[partition] = self._sender.create_batch()
