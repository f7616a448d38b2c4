"""Records of earlier releases, keyed by `change_id` alone, are published again under their own key and then tombstoned."""

from pathlib import Path
from typing import Any

from kafka import TopicPartition

from models.canonical_json import to_json
from models.clock import Clock
from service.kafka.calendar_publisher import CalendarPublisher
from service.store.database import Database
from tests.service.builders import change

PARTITION = TopicPartition("change-calendar", 0)


class Topic:
    """The calendar topic as consumer and producer see it: all that it held was read."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes | None]] = []

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    def end_offsets(self, _: Any) -> dict[TopicPartition, int]:
        return {PARTITION: 1}

    def position(self, _: Any) -> int:
        return 1

    def send(self, _: str, value: bytes | None, key: bytes) -> None:
        self.sent.append((key, value))


def test_an_old_key_is_tombstoned_once_its_change_stands_under_its_own(tmp_path: Path) -> None:
    database = Database(tmp_path / "highwater.sqlite")
    try:
        topic: Any = Topic()
        publisher = CalendarPublisher(database, Clock())
        result = change("C-1", "ACME")
        publisher.seen("C-1", result)
        publisher.publish(topic, topic, PARTITION)
        assert topic.sent == [(b"ACME/C-1", to_json(result))], "the new one first: no reader misses it"
        publisher.seen("ACME/C-1", result)
        publisher.publish(topic, topic, PARTITION)
        assert topic.sent[1:] == [(b"C-1", None)]
        publisher.publish(topic, topic, PARTITION)
        assert len(topic.sent) == 2
    finally:
        database.close()


def test_an_old_key_that_is_another_change_s_name_is_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "highwater.sqlite")
    try:
        topic: Any = Topic()
        publisher = CalendarPublisher(database, Clock())
        awkward, other = change("ACME/C-1", "BOLT"), change("C-1", "ACME")
        publisher.seen("ACME/C-1", other)
        publisher.seen("ACME/C-1", awkward)
        publisher.seen(awkward.key, awkward)
        publisher.publish(topic, topic, PARTITION)
        assert (b"ACME/C-1", None) not in topic.sent
    finally:
        database.close()
