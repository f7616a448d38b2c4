"""The outbox: messages that must still be sent, written in the transaction of the records that they are about.

Messages about one alert or incident are a sequence for each subscription (see `sequence`). Machines get each message of it;
for people the messages of one incident are collected in a thread, and the waiting ones of a thread are sent as one.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from models.times import MINUTE_US, format_time
from service.access import holder_sees
from service.store.messages.preferences import Preferences
from service.store.messages.sequence import NOTHING_SENT, Phase, Revision, Sent, advance
from service.store.messages.subscribers import Subscriber, subscribers
from service.store.records import ALERT, INCIDENT, Logged, Row

_PAUSES_US = (0, 10 * MINUTE_US, 20 * MINUTE_US, 40 * MINUTE_US, 60 * MINUTE_US)
"""Pauses between two messages of one thread, by their number; the last one applies to all later ones."""
_URGENT_PAUSE_US = 2 * MINUTE_US
"""The same for critical messages."""
_TOPICS = {"open": "open", "update": "updated", "end": "resolved"}
WAITING_LIMIT = 5_000
"""Maximum number of waiting single messages (changes, reports) for one subscription; further ones are not sent."""
NOTICES_LIMIT = 1_000
"""The same for notices on changes, which are counted apart."""


def enqueue(connection: sqlite3.Connection, added: Sequence[tuple[Logged, Row]], now_us: int) -> None:
    """Puts the messages that subscribers want about these new records into the outbox, in the transaction that writes the records."""
    wanted_by = subscribers(connection) if added else []
    if not wanted_by:
        return
    for logged, row in added:
        record = json.loads(row.body)
        for subscriber in wanted_by:
            if not holder_sees(subscriber.holder, logged.audience, logged.owner):
                continue
            if row.kind in (ALERT, INCIDENT):
                _advance(connection, subscriber, logged, row, record, now_us)
            elif not subscriber.is_paused and subscriber.preferences.wants(row, ()):
                topic = f"{row.kind}.{row.status}" if row.status else row.kind
                if _waiting(connection, subscriber.id) < WAITING_LIMIT:
                    put(connection, subscriber.id, f"record:{logged.seq}", topic, row.body, now_us, subscriber.preferences, urgent=False)


def _advance(
    connection: sqlite3.Connection, subscriber: Subscriber, logged: Logged, row: Row, record: Mapping[str, Any], now_us: int
) -> None:
    """The next message of this alert's (or incident's) sequence, if its revision gives one."""
    subject, preferences = f"{row.kind}:{row.id}", subscriber.preferences
    sent, thread = _sent(connection, subscriber.id, subject)
    if subscriber.is_paused and not sent.is_open:
        return
    admitted = not subscriber.is_paused and preferences.wants(row, tuple(record.get("processes", ())))
    now = Revision(row.revision, row.status == "resolved", row.severity, admitted)
    after, phase = advance(sent, now, updates=_wants_update(subscriber, sent, row), ends=preferences.resolved)
    if after == sent:
        return
    thread = thread or (f"incident:{row.incident_id or row.id}" if subscriber.to_people else "")
    connection.execute(
        "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (subscriber.id, subject, thread, after.revision, after.sequence, int(after.is_open), after.severity, now_us),
    )
    if phase is not None:
        _put_next(connection, subscriber, logged, row, (subject, thread, after.sequence), phase, now_us)


def _put_next(
    connection: sqlite3.Connection,
    subscriber: Subscriber,
    logged: Logged,
    row: Row,
    position: tuple[str, str, int],
    phase: Phase,
    now_us: int,
) -> None:
    """Puts one message of a sequence (subject, thread, number) into the outbox; it replaces updates that still wait."""
    subject, thread, sequence = position
    urgent = row.severity == "critical" and phase != "end"
    connection.execute(
        "UPDATE outbox SET state = 'superseded' WHERE subscription = ? AND subject = ? AND state = 'waiting' AND topic LIKE '%.updated'",
        (subscriber.id, subject),
    )
    due_us = _due_us(connection, subscriber, thread, now_us, urgent=urgent)
    topic = f"{row.kind}.{_TOPICS[phase]}"
    values = (subscriber.id, f"record:{logged.seq}", topic, int(urgent), now_us, due_us, subject, thread, sequence)
    _insert(connection, values, row.body, {"dedup_key": row.id, "sequence": sequence})
    if urgent:
        # Earlier messages must not be sent after it.
        connection.execute(
            "UPDATE outbox SET due_us = min(due_us, ?) WHERE subscription = ? AND subject = ? AND state = 'waiting'",
            (due_us, subscriber.id, subject),
        )


def _wants_update(subscriber: Subscriber, sent: Sent, row: Row) -> bool:
    """People are notified of the beginning, of a rise to critical and of the end; machines of every change."""
    if subscriber.to_people:
        return row.severity == "critical" and sent.severity != "critical"
    return subscriber.preferences.updates


def _due_us(connection: sqlite3.Connection, subscriber: Subscriber, thread: str, now_us: int, *, urgent: bool) -> int:
    earliest_us = now_us
    if thread:
        row = connection.execute(
            "SELECT messages, last_us FROM threads WHERE subscription = ? AND thread = ?", (subscriber.id, thread)
        ).fetchone()
        if row is not None:
            pause_us = _PAUSES_US[min(row[0], len(_PAUSES_US) - 1)]
            earliest_us = max(now_us, row[1] + (min(pause_us, _URGENT_PAUSE_US) if urgent else pause_us))
    return subscriber.preferences.due_us(earliest_us, urgent=urgent)


def _sent(connection: sqlite3.Connection, subscription: str, subject: str) -> tuple[Sent, str]:
    row = connection.execute(
        "SELECT revision, sequence, is_open, severity, thread FROM told WHERE subscription = ? AND subject = ?", (subscription, subject)
    ).fetchone()
    return (Sent(row[0], row[1], bool(row[2]), row[3]), row[4]) if row else (NOTHING_SENT, "")


def _waiting(connection: sqlite3.Connection, subscription: str) -> int:
    row = connection.execute(
        "SELECT count(*) FROM outbox WHERE subscription = ? AND state = 'waiting' AND topic NOT LIKE 'notice.%'", (subscription,)
    ).fetchone()
    return int(row[0])


def waiting_notices(connection: sqlite3.Connection) -> dict[str, int]:
    """Subscription → number of its waiting notices on changes."""
    return dict(
        connection.execute(
            "SELECT subscription, count(*) FROM outbox WHERE state = 'waiting' AND topic LIKE 'notice.%' GROUP BY subscription"
        ).fetchall()
    )


def put(
    connection: sqlite3.Connection,
    subscription: str,
    reference: str,
    topic: str,
    record: bytes,
    now_us: int,
    preferences: Preferences,
    *,
    urgent: bool,
    thread: str = "",
    subject: str = "",
    sequence: int = 1,
) -> bool:
    """One message of its own, or number `sequence` about a `subject`; False if this subscription already got `reference`."""
    due_us = preferences.due_us(now_us, urgent=urgent)
    return _insert(
        connection,
        (subscription, reference, topic, int(urgent), now_us, due_us, subject, thread, sequence if subject else 0),
        record,
        {"dedup_key": subject or reference, "sequence": sequence},
    )


def _insert(connection: sqlite3.Connection, values: tuple[Any, ...], record: bytes, envelope: Mapping[str, Any]) -> bool:
    topic, now_us = values[2], values[4]
    head = json.dumps({"type": topic, "timestamp": format_time(now_us), **envelope}, separators=(",", ":")).encode()
    cursor = connection.execute(
        "INSERT OR IGNORE INTO outbox (subscription, reference, topic, urgent, created_us, due_us, subject, thread, sequence, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, head[:-1] + b',"data":' + record + b"}"),
    )
    return cursor.rowcount == 1
