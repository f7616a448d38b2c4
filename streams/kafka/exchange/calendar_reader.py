"""Calendar reader: every worker reads the whole calendar topic and then follows it."""

import asyncio
import json
import logging
import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from changes.calendar import Calendar
from models.canonical_json import decode
from models.change import Change
from models.errors import Malformed, UnreadableInput
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import READ_COMMITTED, client_settings
from streams.kafka.cluster.topic_names import Topics

log = logging.getLogger(__name__)
_POLL_MS = 200
_READ_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class CalendarRecord:
    """The content of one record of the calendar topic."""

    offset: int
    key: str
    """`owner/change_id`; records of earlier releases have the `change_id` alone. A tombstone withdraws what came under its own key."""
    changes: tuple[Change, ...]
    withdrawn: bool = False
    """A tombstone: the change is withdrawn."""
    fault: str = ""
    """Why the record can't be used; then it has no changes."""
    raw: bytes = b""

    def apply(self, calendar: Calendar, arrived_us: int | None) -> None:
        """Puts it into `calendar` as of `arrived_us` (None: known from the start)."""
        if self.withdrawn:
            calendar.withdraw(self.key)
        for change in self.changes:
            calendar.declare(change, arrived_us, record_key=self.key)


class CalendarLog(Protocol):
    """The calendar topic as read so far; `fake_calendar` implements it for tests."""

    @property
    def next_offset(self) -> int:
        """Offset after the last record."""

    def between(self, start: int, end: int) -> Sequence[CalendarRecord]:
        """The records with `start` ≤ offset < `end`."""

    async def open(self) -> None:
        """Returns when all existing records were read. Raises UnreadableInput if that takes too long."""

    async def close(self) -> None:
        """Reads no more."""


class CalendarReader:
    """Reads the calendar topic from its beginning; a thread keeps it up to date."""

    def __init__(self, parameters: KafkaParameters) -> None:
        self._parameters = parameters
        self._topic_partition = TopicPartition(Topics(parameters.topic_prefix).calendar, 0)
        self._entries: list[CalendarRecord] = []
        self._next = 0
        self._stop = threading.Event()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="calendar", daemon=True)

    @property
    def next_offset(self) -> int:
        """Offset after the last record that was read."""
        return self._next

    async def open(self) -> None:
        """See `CalendarLog`."""
        await asyncio.to_thread(self.start)

    async def close(self) -> None:
        """See `CalendarLog`."""
        await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Returns when all existing records were read. Raises UnreadableInput if that takes too long."""
        self._thread.start()
        if not self._caught_up.wait(_READ_LIMIT_S):
            self.stop()
            raise UnreadableInput(f"the topic {self._topic_partition.topic} can't be read: run `highwater topics check`")

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(10)

    def between(self, start: int, end: int) -> Sequence[CalendarRecord]:
        """The records with `start` ≤ offset < `end`."""
        if start >= end:
            return ()
        offset = attrgetter("offset")
        return self._entries[bisect_left(self._entries, start, key=offset) : bisect_left(self._entries, end, key=offset)]

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                with_consumer = KafkaConsumer(
                    **client_settings(self._parameters), enable_auto_commit=False, group_id=None, isolation_level=READ_COMMITTED
                )
            except KafkaError as fault:
                log.warning("the change calendar can't be read now: %r", fault)
                self._stop.wait(1.0)
                continue
            try:
                self._read(with_consumer)
            except KafkaError as fault:
                log.warning("reading the change calendar again: %r", fault)
            finally:
                with_consumer.close()

    def _read(self, consumer: KafkaConsumer) -> None:
        consumer.assign([self._topic_partition])
        if self._next:
            consumer.seek(self._topic_partition, self._next)
        else:
            consumer.seek_to_beginning(self._topic_partition)
        end = consumer.end_offsets([self._topic_partition])[self._topic_partition]
        while not self._stop.is_set():
            for records in consumer.poll(timeout_ms=_POLL_MS).values():
                for record in records:
                    self._entries.append(read_declared(record.offset, record.key, record.value))
                    self._next = record.offset + 1
            at = consumer.position(self._topic_partition)
            if at is not None and at >= end:
                # Compaction may have removed all records before the end.
                self._next = max(self._next, at)
                self._caught_up.set()


def read_declared(offset: int, key: bytes | None, value: bytes | None) -> CalendarRecord:
    """One record of the calendar topic: a change, an array of changes, or a tombstone."""
    name = (key or b"").decode("utf-8", "replace")
    if value is None:
        return CalendarRecord(offset, name, (), withdrawn=True)
    try:
        text = value.decode("utf-8")
        items = [json.dumps(item) for item in json.loads(text)] if text.lstrip().startswith("[") else [text]
        return CalendarRecord(offset, name, tuple(decode(Change, item) for item in items))
    except (Malformed, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as fault:
        return CalendarRecord(offset, name, (), fault=str(fault) or "no JSON", raw=value)
