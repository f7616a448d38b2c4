"""Records in quarantine, for an administrator: what they are, and another try after an upgrade."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from changes.calendar import outranks
from models.canonical_json import decode
from models.change import Change
from models.errors import Malformed, UnreadableInput
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import READ_COMMITTED, client_settings
from streams.kafka.cluster.topic_admin import BOOTSTRAP_MS, LARGEST_RECORD
from streams.kafka.cluster.topic_names import Topics

SOURCE_HEADER, KEY_HEADER, REASON_HEADER = "source", "key", "reason"
NOT_COPIED = "not copied"
"""Begins the reason of a record that is too large for a copy."""
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
    topic_partition = TopicPartition(Topics(parameters.topic_prefix).quarantine, 0)
    by_name: dict[bytes, QuarantinedRecord] = {}
    try:
        consumer = _consumer(parameters)
        try:
            for record in _until_end(consumer, topic_partition, 0):
                name = record.key or b""
                by_name.pop(name, None)
                if record.value is not None:
                    by_name[name] = _read(name, dict(record.headers), record.value)
        finally:
            consumer.close()
    except KafkaError as fault:
        raise UnreadableInput(f"the topic {topic_partition.topic} can't be read: run `highwater topics check` ({fault!r})") from None
    return list(by_name.values())


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the records that were tried again."""

    sent: int
    superseded: int
    """Changes of which the calendar has a later revision, or which were withdrawn: they left the quarantine without being sent."""
    kept: int
    """Windows, and records that are too large for a copy."""


def try_again(parameters: KafkaParameters, records: list[QuarantinedRecord]) -> Retried:
    """Sends telemetry and changes to their topics once more, in their order, and takes them out of the quarantine.

    Raises UnreadableInput where the brokers do not take them.
    """
    topics = Topics(parameters.topic_prefix)
    inputs = (*topics.telemetry, topics.calendar)
    again = sorted(
        (record for record in records if record.topic in inputs and not record.reason.startswith(NOT_COPIED)),
        key=lambda record: (record.topic, record.partition, record.offset),
    )
    if not again:
        return Retried(0, 0, len(records))
    topic_partition = TopicPartition(topics.calendar, 0)
    try:
        sender = KafkaProducer(**client_settings(parameters), acks="all", max_request_size=LARGEST_RECORD)
        consumer = _consumer(parameters)
        try:
            return _send_again(sender, consumer, topic_partition, topics.quarantine, again, len(records))
        finally:
            sender.close()
            consumer.close()
    except KafkaError as fault:
        raise UnreadableInput(f"the brokers do not take the records: try again later ({fault!r})") from None


def _send_again(
    sender: KafkaProducer, consumer: KafkaConsumer, calendar: TopicPartition, quarantine: str, again: list[QuarantinedRecord], count: int
) -> Retried:
    sent = superseded = 0
    changes = [record for record in again if record.topic == calendar.topic]
    latest = _latest(consumer, calendar, min(record.offset for record in changes)) if changes else {}
    for record in again:
        later = latest.get(record.key) if record.topic == calendar.topic else None
        if later is not None and later.offset > record.offset and not _outranks(record.value, later.value):
            superseded += 1
        else:
            at = sender.send(record.topic, record.value, key=record.key, partition=record.partition).get(_SEND_S).offset
            sent += 1
            if record.topic == calendar.topic:
                _put_back(sender, consumer, calendar, record, at)
        sender.send(quarantine, None, key=record.name, partition=0).get(_SEND_S)
    return Retried(sent, superseded, count - sent - superseded)


def _put_back(sender: KafkaProducer, consumer: KafkaConsumer, calendar: TopicPartition, record: QuarantinedRecord, at: int) -> None:
    """A newer revision that arrived while `record` was on its way must be the last one of its key: compaction keeps only that one."""
    newer = _latest(consumer, calendar, record.offset + 1, at).get(record.key)
    if newer is not None and not _outranks(record.value, newer.value):
        sender.send(calendar.topic, newer.value, key=newer.key, partition=0).get(_SEND_S)


def _latest(consumer: KafkaConsumer, topic_partition: TopicPartition, start: int, end: int | None = None) -> dict[bytes | None, Any]:
    """Key → its last record from offset `start` to before `end`."""
    records = _until_end(consumer, topic_partition, start)
    return {record.key: record for record in records if end is None or record.offset < end}


def _outranks(value: bytes, later: bytes | None) -> bool:
    """Whether the changes in `value` count before all in `later`, a record that came after it; a tombstone counts before everything."""
    if later is None:
        return False
    older, newer = _changes(value), {change.key: change for change in _changes(later)}
    return bool(older) and all(outranks(change, newer.get(change.key)) for change in older)


def _changes(value: bytes) -> list[Change]:
    """The changes of a record of the calendar; none where it can't be read."""
    try:
        items = json.loads(value)
        return [decode(Change, json.dumps(item)) for item in (items if isinstance(items, list) else [items])]
    except (Malformed, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        return []


def _consumer(parameters: KafkaParameters) -> KafkaConsumer:
    return KafkaConsumer(
        **client_settings(parameters),
        enable_auto_commit=False,
        group_id=None,
        isolation_level=READ_COMMITTED,
        max_partition_fetch_bytes=LARGEST_RECORD,
        bootstrap_timeout_ms=BOOTSTRAP_MS,
    )


def _until_end(consumer: KafkaConsumer, topic_partition: TopicPartition, start: int) -> Iterator[Any]:
    consumer.assign([topic_partition])
    consumer.seek(topic_partition, max(start, consumer.beginning_offsets([topic_partition])[topic_partition]))
    end = consumer.end_offsets([topic_partition])[topic_partition]
    while consumer.position(topic_partition) < end:
        for records in consumer.poll(timeout_ms=_POLL_MS).values():
            yield from records


def _read(name: bytes, headers: dict[str, bytes], value: bytes) -> QuarantinedRecord:
    source = headers.get(SOURCE_HEADER, name).decode("utf-8", "replace")
    topic, partition, offset = (*source.rsplit("/", 2), "0", "0")[:3]
    reason = headers.get(REASON_HEADER, b"").decode("utf-8", "replace")
    return QuarantinedRecord(
        topic, int(partition) if partition.isdigit() else 0, int(offset) if offset.isdigit() else 0, headers.get(KEY_HEADER), value, reason
    )
