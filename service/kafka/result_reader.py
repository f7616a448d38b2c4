"""Result reader: page and API show the Kafka workers' decisions; changes declared here go to the calendar topic."""

import logging
import sqlite3
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from changes.calendar import outranks
from models.alert import Alert
from models.canonical_json import decode, to_json
from models.change_report import ChangeReport
from models.clock import Clock
from models.decisions import Decisions
from models.errors import Malformed
from models.incident import Incident
from service.engine.committer import CommitListener
from service.engine.engine import Engine
from service.ingest.intake import Intake
from service.ingest.journal import CHANGES
from service.kafka.calendar_publisher import CalendarPublisher
from service.metrics import DeskBoard
from service.store import commits
from service.store.database import Database
from service.store.record_rows import rows
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

log = structlog.get_logger()
_POLL_MS, _RETRY_S = 500, 2.0
_NEW_TOPICS_MS = 5_000
"""How soon the topics of a User with its first alert are found."""


class ResultReader:
    """A thread that writes the workers' records to the data file. It reads from the beginning at each start; repeating is harmless."""

    def __init__(
        self,
        parameters: KafkaParameters,
        database: Database,
        engine: Engine,
        intake: Intake,
        board: DeskBoard,
        clock: Clock,
        announce: CommitListener,
    ) -> None:
        """`announce` is called for every record that is new in the data file."""
        self._database, self._engine, self._intake, self._board = database, engine, intake, board
        self._clock, self._announce = clock, announce
        self._parameters = parameters
        self._topics = Topics(parameters.topic_prefix)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)
        self._publishing = CalendarPublisher(database, clock)

    def start(self) -> None:
        """Starts reading, and publishing changes that are declared here."""
        self._engine.on_commit(self._publishing.declared)
        self._publishing.add(self._engine.declared_changes())
        # Workers export their decisions to Prometheus; exported here too, they would count twice.
        self._board.forget_decisions()
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        from kafka import KafkaConsumer, KafkaProducer
        from kafka.errors import KafkaError

        from streams.kafka.cluster.security import READ_COMMITTED, client_settings

        # The client logs every connection and refresh.
        logging.getLogger("kafka").setLevel(logging.WARNING)
        while not self._stop.is_set():
            try:
                settings = client_settings(self._parameters)
                sender = KafkaProducer(**settings)
                consumer = KafkaConsumer(
                    **settings,
                    group_id=None,
                    auto_offset_reset="earliest",
                    enable_auto_commit=False,
                    isolation_level=READ_COMMITTED,
                    metadata_max_age_ms=_NEW_TOPICS_MS,
                )
                try:
                    self._read(consumer, sender)
                finally:
                    consumer.close()
                    sender.close()
            except (KafkaError, sqlite3.Error, OSError) as fault:
                # The next consumer begins at the first record again, so records that could not be stored are not lost.
                log.warning("the workers' records can't be read or kept now, trying again", fault=repr(fault))
                self._stop.wait(_RETRY_S)

    def _read(self, consumer: "KafkaConsumer", sender: "KafkaProducer") -> None:
        from kafka import TopicPartition

        consumer.subscribe(pattern=self._pattern())
        calendar = TopicPartition(self._topics.calendar, 0)
        while not self._stop.is_set():
            polled = consumer.poll(timeout_ms=_POLL_MS).values()
            self._store(Decisions.joined([self._decisions(record) for records in polled for record in records]))
            self._publishing.publish(consumer, sender, calendar)

    def _pattern(self) -> str:
        names = [self._topics.alerts, self._topics.reports]
        own = "|".join(f"{name.replace('.', '[.]')}([.].+)?" for name in names)
        return f"^({own}|{self._topics.incidents.replace('.', '[.]')}|{self._topics.calendar.replace('.', '[.]')})$"

    def _decisions(self, record: Any) -> Decisions:
        """The content of one record; empty for a tombstone, for a change, which goes to the engine, and for an unreadable record."""
        if record.value is None:
            return Decisions()
        topic, topics = record.topic, self._topics
        try:
            if topic == topics.calendar:
                self._changes(record)
                return Decisions()
            if topic == topics.incidents:
                return Decisions(incidents=(decode(Incident, record.value),))
            if topic == topics.alerts or topic.startswith(f"{topics.alerts}."):
                return _alert(decode(Alert, record.value), topic.removeprefix(topics.alerts)[1:])
            return _report(decode(ChangeReport, record.value), topic.removeprefix(topics.reports)[1:])
        except Malformed as fault:
            log.warning("a record is skipped", topic=topic, offset=record.offset, fault=str(fault))
            return Decisions()

    def _changes(self, record: Any) -> None:
        from streams.kafka.exchange.calendar_reader import read_declared

        declared = read_declared(record.offset, record.key, record.value)
        if declared.fault:
            raise Malformed(declared.fault)
        for change in declared.changes:
            self._publishing.seen(declared.key, change)
            if outranks(change, self._engine.changes.get(change.key)):
                self._intake.submit(CHANGES, "", to_json(change), [change], self._clock.wall_us()).result()

    def _store(self, decisions: Decisions) -> None:
        new_rows = rows(decisions)
        if not new_rows:
            return
        write = partial(commits.write, rows=[(row, None) for row in new_rows], now_us=self._clock.wall_us())
        added = self._database.write(write, self._announce).result()
        self._board.recorded([row for _, row in added])


def _alert(alert: Alert, user: str) -> Decisions:
    """Of the topic for triage, or of a User's own."""
    return Decisions(user_alerts=((user, alert),)) if user else Decisions(alerts=(alert,))


def _report(report: ChangeReport, user: str) -> Decisions:
    return Decisions(user_reports=((user, report),)) if user else Decisions(reports=(report,))
