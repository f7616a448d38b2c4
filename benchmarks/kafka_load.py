"""Load for the Kafka benchmark: telemetry of a wide fleet, in record batches that are built once and sent as they are."""

import asyncio
import time
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer

from models.times import SECOND_US, format_time, parse_time
from streams.kafka.names import Topics

START_US = parse_time("2026-01-05T00:00:00Z")
WINDOW_S = 10
CLASSES = (("to_dsp", "service_request"), ("to_user", "service_response"), ("to_user", "device_alert"), ("to_dsp", "acknowledgement"))
REGIONS = ("north", "central", "south")


def series(users: int, each: int) -> list[tuple[bytes, bytes]]:
    """(user, everything of an event but its time and count) of `each` series for each of `users` Users."""
    found = []
    for user in range(users):
        name = f"USER-{user:04d}"
        for number in range(each):
            direction, kind = CLASSES[number % len(CLASSES)]
            service, region = f"{1 + number // 12}.{1 + number // 4 % 3}.1", REGIONS[number % 3]
            text = f'"window_s":{WINDOW_S},"user":"{name}","direction":"{direction}","message_class":"{kind}",'
            found.append((name.encode(), f'{text}"service":"{service}","region":"{region}","messages":'.encode()))
    return found


def window(parts: list[tuple[bytes, bytes]], number: int, at_us: int | None = None) -> Iterator[tuple[bytes, bytes]]:
    """(user, event) of every series in window `number`; counts wander a little, from the number alone."""
    at = format_time(START_US + number * WINDOW_S * SECOND_US if at_us is None else at_us).encode()
    head = b'{"kind":"traffic","observed_at":"' + at + b'",'
    for place, (user, text) in enumerate(parts):
        messages = 40 + (place * 7 + number * 13 + place * number) % 23
        yield user, head + text + b'%d,"failures":%d}' % (messages, messages % 11 == 0)


async def fill(bootstrap: str, topics: Topics, partitions: int, parts: list[tuple[bytes, bytes]], windows: int, frame: int) -> int:
    """Sends `windows` windows to the rates topic, lz4; `frame` events to a record. Gives the number of events."""
    sender = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4", max_batch_size=1 << 20, max_request_size=8 << 20)
    await sender.start()
    filler = _Filler(sender, topics.rates, partitions, frame)
    events = 0
    for number in range(1, windows + 1):
        for user, event in window(parts, number):
            await filler.put(int(user[-4:]) % partitions, user, event)
            events += 1
        # One frame is one scrape: it does not wait for the next one.
        await filler.end_frames()
    await filler.close()
    await sender.stop()
    return events


class _Filler:
    def __init__(self, sender: AIOKafkaProducer, topic: str, partitions: int, frame: int) -> None:
        self._sender, self._topic, self._frame = sender, topic, frame
        self._batches = {number: sender.create_batch() for number in range(partitions)}
        self._frames: dict[int, list[bytes]] = {number: [] for number in range(partitions)}
        self._sent: list[asyncio.Future[object]] = []

    async def put(self, partition: int, user: bytes, event: bytes) -> None:
        if self._frame == 1:
            await self._append(partition, user, event)
            return
        frame = self._frames[partition]
        frame.append(event)
        if len(frame) == self._frame:
            await self._append(partition, None, b"[" + b",".join(frame) + b"]")
            frame.clear()

    async def end_frames(self) -> None:
        for partition, frame in self._frames.items():
            if frame:
                await self._append(partition, None, b"[" + b",".join(frame) + b"]")
                frame.clear()

    async def close(self) -> None:
        for partition in self._batches:
            await self._send(partition)
        for sent in self._sent:
            await sent

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
