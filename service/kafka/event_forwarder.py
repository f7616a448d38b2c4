"""Event forwarder: events posted to a page on Kafka go to the telemetry topics, where the workers judge them."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any

from models.clock import Clock
from models.columns import EventBatch
from service.ingest.intake import BusyError, UnreachableError
from streams.dead_letters import dead_letters
from streams.kafka.client.output_records import OutputRecord, dead_letter
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics

if TYPE_CHECKING:
    from kafka import KafkaProducer

_CONFIRM_S = 30.0
"""How long a post waits for the brokers; the producer continues after that, and a repetition is harmless."""
_FRAME_BYTES = 256 * 1024
_LINGER_MS = 5


class EventForwarder:
    """One producer for all posts; each post waits until the brokers have its events."""

    def __init__(self, parameters: KafkaParameters, limit_bytes: int, clock: Clock) -> None:
        """`limit_bytes` may be on their way at a time."""
        self._parameters, self._clock = parameters, clock
        self._topics = Topics(parameters.topic_prefix)
        self._limit = limit_bytes
        self._waiting = 0
        self._guard = threading.Lock()
        self._sender: KafkaProducer | None = None

    def take(self, batch: EventBatch) -> None:
        """Returns when all of it is in the topics. Raises BusyError, or UnreachableError if the brokers do not confirm it."""
        from kafka.errors import KafkaError

        records = [*self._telemetry(batch), *self._letters(batch)]
        size = sum(len(record.value) for record in records)
        self._enter(size)
        try:
            sender = self._producer()
            until_s = self._clock.steady_s() + _CONFIRM_S
            for sent in [self._send(sender, record) for record in records]:
                sent.get(max(0.0, until_s - self._clock.steady_s()))
        except KafkaError as fault:
            raise UnreachableError(
                f"the brokers do not accept events at the moment ({type(fault).__name__}): send this again later"
            ) from fault
        finally:
            with self._guard:
                self._waiting -= size

    def close(self) -> None:
        """Sends the waiting events."""
        if self._sender is not None:
            with suppress(AssertionError):
                self._sender.close(10)

    def _enter(self, size: int) -> None:
        with self._guard:
            if self._waiting and self._waiting + size > self._limit:
                raise BusyError("more events are waiting than the brokers accept now: send this again after the time in Retry-After")
            self._waiting += size

    def _producer(self) -> "KafkaProducer":
        from kafka import KafkaProducer

        from streams.kafka.cluster.security import client_settings
        from streams.kafka.cluster.topic_admin import LARGEST_RECORD

        with self._guard:
            if self._sender is None:
                settings = client_settings(self._parameters)
                self._sender = KafkaProducer(**settings, compression_type="lz4", linger_ms=_LINGER_MS, max_request_size=LARGEST_RECORD)
            return self._sender

    def _send(self, sender: "KafkaProducer", record: OutputRecord) -> Any:
        partition = None
        if record.key is not None and record.topic in self._topics.telemetry:
            from streams.kafka.cluster.partitioner import PARTITIONERS

            partition = PARTITIONERS[self._parameters.partitioner](record.key, len(sender.partitions_for(record.topic)))
        return sender.send(record.topic, record.value, key=record.key, partition=partition)

    def _telemetry(self, batch: EventBatch) -> Iterator[OutputRecord]:
        """The events of one `observed_at` and User as a frame; in the order of the body, because events out of order may be late."""
        for _, same in groupby(range(len(batch)), key=batch.observed_us.tolist().__getitem__):
            frames: dict[tuple[str, str], list[bytes]] = {}
            for number in same:
                key = batch.keys[batch.key[number]]
                frames.setdefault((self._topics.depths if key.is_queue else self._topics.rates, key.user), []).append(batch.raw(number))
            for (topic, user), events in frames.items():
                for value in _framed(events):
                    yield OutputRecord(topic, user.encode(), value)

    def _letters(self, batch: EventBatch) -> Iterator[OutputRecord]:
        for letter in dead_letters(batch.rejections, [None] * len(batch.rejections)):
            yield dead_letter(self._topics, letter)


def _framed(events: list[bytes]) -> Iterator[bytes]:
    """Records of some events each."""
    frame: list[bytes] = []
    size = 0
    for event in events:
        if frame and size + len(event) > _FRAME_BYTES:
            yield _record(frame)
            frame, size = [], 0
        frame.append(event)
        size += len(event) + 1
    yield _record(frame)


def _record(frame: list[bytes]) -> bytes:
    return frame[0] if len(frame) == 1 else b"[" + b",".join(frame) + b"]"
