"""Records in quarantine, for an administrator: what they are, and another try after an upgrade."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from models.errors import UnreadableInput
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import READ_COMMITTED, client_settings
from streams.kafka.cluster.topic_admin import BOOTSTRAP_MS, LARGEST_RECORD
from streams.kafka.cluster.topic_names import Topics

SOURCE_HEADER, KEY_HEADER, REASON_HEADER = "source", "key", "reason"
_POLL_MS = 500
_SEND_S = 30.0


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """One record as it stood in its topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    reason: str

    @property
    def name(self) -> bytes:
        """Its key in the quarantine."""
        return f"{self.topic}/{self.partition}/{self.offset}".encode()


def quarantined(parameters: KafkaParameters) -> list[QuarantinedRecord]:
    """What is in quarantine, oldest first. Raises UnreadableInput where the brokers or the topic can't be read."""
    place = TopicPartition(Topics(parameters.topic_prefix).quarantine, 0)
    found: dict[bytes, QuarantinedRecord] = {}
    try:
        consumer = KafkaConsumer(
            **client_settings(parameters),
            enable_auto_commit=False,
            group_id=None,
            isolation_level=READ_COMMITTED,
            max_partition_fetch_bytes=LARGEST_RECORD,
            bootstrap_timeout_ms=BOOTSTRAP_MS,
        )
        try:
            for record in _until_end(consumer, place):
                name = record.key or b""
                found.pop(name, None)
                if record.value is not None:
                    found[name] = _read(name, dict(record.headers), record.value)
        finally:
            consumer.close()
    except KafkaError as fault:
        raise UnreadableInput(f"the topic {place.topic} can't be read: run `highwater topics check` ({fault!r})") from None
    return list(found.values())


def try_again(parameters: KafkaParameters, records: list[QuarantinedRecord]) -> int:
    """Sends telemetry and changes to their topics once more, and takes them out of the quarantine; the number of those sent.

    What is no record of an input (a window that could not be judged) stays. Raises UnreadableInput where the brokers do not take it.
    """
    topics = Topics(parameters.topic_prefix)
    inputs = (*topics.telemetry, topics.calendar)
    again = [record for record in records if record.topic in inputs]
    if not again:
        return 0
    try:
        sender = KafkaProducer(**client_settings(parameters), acks="all", max_request_size=LARGEST_RECORD)
        try:
            for record in again:
                sender.send(record.topic, record.value, key=record.key, partition=record.partition).get(_SEND_S)
                sender.send(topics.quarantine, None, key=record.name, partition=0).get(_SEND_S)
        finally:
            sender.close()
    except KafkaError as fault:
        raise UnreadableInput(f"the brokers do not take the records: try again later ({fault!r})") from None
    return len(again)


def _until_end(consumer: KafkaConsumer, place: TopicPartition) -> Iterator[Any]:
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    end = consumer.end_offsets([place])[place]
    while consumer.position(place) < end:
        for records in consumer.poll(timeout_ms=_POLL_MS).values():
            yield from records


def _read(name: bytes, headers: dict[str, bytes], value: bytes) -> QuarantinedRecord:
    source = headers.get(SOURCE_HEADER, name).decode("utf-8", "replace")
    topic, partition, offset = (*source.rsplit("/", 2), "0", "0")[:3]
    reason = headers.get(REASON_HEADER, b"").decode("utf-8", "replace")
    return QuarantinedRecord(
        topic, int(partition) if partition.isdigit() else 0, int(offset) if offset.isdigit() else 0, headers.get(KEY_HEADER), value, reason
    )
