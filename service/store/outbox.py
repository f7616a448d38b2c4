"""The outbox: messages that must still be sent, written in the transaction of the records that they are about.

Messages about one alert or incident are a sequence for each subscription (see `service.store.sequence`). Machines get each message of it;
for people the messages of one incident are collected in a thread, and the waiting ones of a thread are sent as one.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.times import MINUTE_US, format_time
from service.access import holder_sees
from service.store.preferences import Preferences
from service.store.records import ALERT, INCIDENT, Logged, Row
from service.store.sequence import UNTOLD, Revision, Told, advance

_DONE_KEPT_US = 7 * 86_400 * 1_000_000
_TOLD_KEPT_US = 30 * 86_400 * 1_000_000
_LOG_KEPT = 1000
_PAUSES_US = (0, 10 * MINUTE_US, 20 * MINUTE_US, 40 * MINUTE_US, 60 * MINUTE_US)
"""Pauses between two messages of one thread, by their number; the last one applies to all later ones."""
_URGENT_PAUSE_US = 2 * MINUTE_US
"""The same for critical messages."""
_TOPICS = {"open": "open", "update": "updated", "end": "resolved"}
WAITING_LIMIT = 5_000
"""Maximum number of waiting single messages (changes, reports) for one subscription; further ones are not sent."""
NOTICES_LIMIT = 1_000
"""The same for notices on changes, which are counted apart."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one subscription."""

    id: int
    subscription: str
    topic: str
    body: bytes
    urgent: bool
    created_us: int
    due_us: int
    attempts: int
    subject: str = ""
    thread: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of one delivery."""

    message: Message
    outcome: str
    """delivered, retry or dead."""
    at_us: int
    took_ms: int
    status: int | None = None
    error: str | None = None
    next_us: int = 0
    """When to try again, for `retry`."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The part of a subscription on which the outbox depends."""

    id: str
    holder: str
    to_people: bool
    is_paused: bool
    preferences: Preferences
    is_pager: bool = False
    """PagerDuty and Opsgenie keep an alert open until it is over; a notice never is."""

    @property
    def hears_notices(self) -> bool:
        """Whether notices on changes are sent there at all."""
        return not self.is_paused and not self.is_pager and "notice" in self.preferences.records


_COLUMNS = "outbox.id, subscription, topic, body, urgent, outbox.created_us, due_us, attempts, subject, thread, sequence"


def enqueue(connection: sqlite3.Connection, added: Sequence[tuple[Logged, Row]], now_us: int) -> None:
    """Puts the messages that subscribers want about these new records into the outbox, in the transaction that writes the records."""
    heard = subscribers(connection) if added else []
    if not heard:
        return
    for logged, row in added:
        record = json.loads(row.body)
        for subscriber in heard:
            if not holder_sees(subscriber.holder, logged.audience, logged.owner):
                continue
            if row.kind in (ALERT, INCIDENT):
                _advance(connection, subscriber, logged, row, record, now_us)
            elif not subscriber.is_paused and subscriber.preferences.wants(row, ()):
                topic = f"{row.kind}.{row.status}" if row.status else row.kind
                if _waiting(connection, subscriber.id) < WAITING_LIMIT:
                    put(connection, subscriber.id, f"record:{logged.seq}", topic, row.body, now_us, subscriber.preferences, urgent=False)


def subscribers(connection: sqlite3.Connection) -> list[Subscriber]:
    """Every subscription to which anything may be sent once it is not paused."""
    rows = connection.execute(
        "SELECT id, subscriptions.holder, channel, target, paused_reason IS NOT NULL, wishes FROM subscriptions"
        " LEFT JOIN mail_addresses ON mail_addresses.holder = subscriptions.holder AND address = target"
        " WHERE channel <> 'mail' OR confirmed_us IS NOT NULL ORDER BY id"
    )
    return [
        Subscriber(
            name,
            holder,
            is_to_people(channel, target),
            bool(paused),
            Preferences.model_validate_json(wishes),
            channel == "chat" and not is_to_people(channel, target),
        )
        for name, holder, channel, target, paused, wishes in rows
    ]


def is_to_people(channel: str, target: str) -> bool:
    """Whether people read the messages of a subscription; PagerDuty and Opsgenie are machines that keep an alert open."""
    return channel == "mail" or (channel == "chat" and not target.lower().startswith(("pagerduty://", "opsgenie://")))


def _advance(
    connection: sqlite3.Connection, subscriber: Subscriber, logged: Logged, row: Row, record: Mapping[str, Any], now_us: int
) -> None:
    """The next message of this alert's (or incident's) sequence, if its revision gives one."""
    subject, preferences = f"{row.kind}:{row.id}", subscriber.preferences
    told, thread = _told(connection, subscriber.id, subject)
    if subscriber.is_paused and not told.is_open:
        return
    admitted = not subscriber.is_paused and preferences.wants(row, tuple(record.get("processes", ())))
    now = Revision(row.revision, row.status == "resolved", row.severity, admitted)
    after, phase = advance(told, now, updates=_wants_update(subscriber, told, row), ends=preferences.resolved)
    if after == told:
        return
    thread = thread or (f"incident:{row.incident_id or row.id}" if subscriber.to_people else "")
    connection.execute(
        "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (subscriber.id, subject, thread, after.revision, after.sequence, int(after.is_open), after.severity, now_us),
    )
    if phase is None:
        return
    urgent = row.severity == "critical" and phase != "end"
    connection.execute(
        "UPDATE outbox SET state = 'superseded' WHERE subscription = ? AND subject = ? AND state = 'waiting' AND topic LIKE '%.updated'",
        (subscriber.id, subject),
    )
    envelope = {"dedup_key": row.id, "sequence": after.sequence}
    due_us = _due_us(connection, subscriber, thread, now_us, urgent=urgent)
    _insert(
        connection,
        (
            subscriber.id,
            f"record:{logged.seq}",
            f"{row.kind}.{_TOPICS[phase]}",
            int(urgent),
            now_us,
            due_us,
            subject,
            thread,
            after.sequence,
        ),
        row.body,
        envelope,
    )
    if urgent:
        # Earlier messages must not be sent after it.
        connection.execute(
            "UPDATE outbox SET due_us = min(due_us, ?) WHERE subscription = ? AND subject = ? AND state = 'waiting'",
            (due_us, subscriber.id, subject),
        )


def _wants_update(subscriber: Subscriber, told: Told, row: Row) -> bool:
    """People are notified of the beginning, of a rise to critical and of the end; machines of every change."""
    if subscriber.to_people:
        return row.severity == "critical" and told.severity != "critical"
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


def _told(connection: sqlite3.Connection, subscription: str, subject: str) -> tuple[Told, str]:
    row = connection.execute(
        "SELECT revision, sequence, is_open, severity, thread FROM told WHERE subscription = ? AND subject = ?", (subscription, subject)
    ).fetchone()
    return (Told(row[0], row[1], bool(row[2]), row[3]), row[4]) if row else (UNTOLD, "")


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


_READY = (
    "paused_reason IS NULL AND not_before_us <= ? AND (channel <> 'mail' OR EXISTS (SELECT 1 FROM mail_addresses"
    " WHERE mail_addresses.holder = subscriptions.holder AND address = target AND confirmed_us IS NOT NULL)"
    " OR EXISTS (SELECT 1 FROM outbox WHERE subscription = subscriptions.id AND state = 'waiting' AND topic = 'confirm'))"
)


def subscriptions_due(connection: sqlite3.Connection, now_us: int) -> list[tuple[str, str]]:
    """(subscription, holder) for which something is due now."""
    return connection.execute(
        f"SELECT id, holder FROM subscriptions WHERE {_READY} AND EXISTS (SELECT 1 FROM outbox"  # noqa: S608 - constant text
        " WHERE subscription = subscriptions.id AND state = 'waiting' AND due_us <= ?) ORDER BY id",
        (now_us, now_us),
    ).fetchall()


def next_parcel(connection: sqlite3.Connection, subscription: str, now_us: int, *, to_people: bool, gathers: bool) -> list[Message]:
    """The next messages for a subscription, sent as one: urgent ones first, then those of the oldest alert; empty if nothing is due.

    `to_people`: all waiting messages of the same thread are included. `gathers`: all due messages that are not urgent are included.
    """
    ready = connection.execute(f"SELECT 1 FROM subscriptions WHERE id = ? AND {_READY}", (subscription, now_us)).fetchone()  # noqa: S608
    head = (
        ready
        and connection.execute(
            f"SELECT {_COLUMNS}, (SELECT min(at.id) FROM outbox AS at WHERE at.subscription = outbox.subscription"  # noqa: S608
            " AND at.subject = outbox.subject AND at.subject <> '') AS oldest FROM outbox"
            " WHERE subscription = ? AND state = 'waiting' AND due_us <= ?"
            " ORDER BY topic = 'confirm' DESC, urgent DESC, coalesce(oldest, id), id LIMIT 1",
            (subscription, now_us),
        ).fetchone()
    )
    if not head:
        return []
    first = _message(head[:-1])
    if first.topic == "confirm":
        return [first]
    if gathers and not first.urgent:
        return _messages(connection, subscription, "due_us <= ? AND urgent = 0 AND topic <> 'confirm'", now_us)
    if to_people and first.thread:
        return _messages(connection, subscription, "thread = ?", first.thread)
    if first.subject:
        return _messages(connection, subscription, "subject = ?", first.subject)[:1]
    return [first]


def _messages(connection: sqlite3.Connection, subscription: str, condition: str, value: object) -> list[Message]:
    """Waiting messages, in order of creation."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM outbox WHERE subscription = ? AND state = 'waiting' AND {condition} ORDER BY id LIMIT 500",  # noqa: S608
        (subscription, value),
    )
    return [_message(row) for row in rows]


def _message(row: Sequence[Any]) -> Message:
    number, name, topic, body, urgent, created, due_at, attempts, subject, thread, sequence = row
    return Message(number, name, topic, body, bool(urgent), created, due_at, attempts, subject, thread, sequence)


def due_anew(connection: sqlite3.Connection, now_us: int) -> None:
    """All waiting messages are scheduled as if they were created now: their time came from a clock that has been set since."""
    connection.execute("UPDATE subscriptions SET not_before_us = 0, failures = 0")
    connection.execute("UPDATE threads SET last_us = min(last_us, ?)", (now_us,))
    rows = connection.execute(
        "SELECT outbox.id, urgent, wishes FROM outbox JOIN subscriptions ON subscriptions.id = subscription WHERE state = 'waiting'"
    ).fetchall()
    for number, urgent, wishes in rows:
        due_us = Preferences.model_validate_json(wishes).due_us(now_us, urgent=bool(urgent))
        connection.execute("UPDATE outbox SET due_us = ? WHERE id = ?", (due_us, number))


def overdue(connection: sqlite3.Connection, now_us: int) -> int:
    """Messages that are overdue, of subscriptions that are not paused."""
    row = connection.execute(
        "SELECT count(*) FROM outbox JOIN subscriptions ON subscriptions.id = subscription"
        " WHERE state = 'waiting' AND due_us <= ? AND paused_reason IS NULL",
        (now_us,),
    ).fetchone()
    return int(row[0])


def attempted(connection: sqlite3.Connection, attempts: Sequence[Attempt]) -> None:
    """Stores the results of the deliveries of one parcel: in the outbox, in the delivery log, and for the target's pause."""
    for attempt in attempts:
        message = attempt.message
        state = "waiting" if attempt.outcome == "retry" else attempt.outcome
        connection.execute("UPDATE outbox SET attempts = attempts + 1, state = ? WHERE id = ?", (state, message.id))
        _log(connection, attempt)
    for attempt in attempts:
        if attempt.outcome == "dead" and attempt.message.subject:
            _forget_untold(connection, attempt.message)
    for first in attempts[:1]:
        failed = first.outcome != "delivered"
        connection.execute(
            "UPDATE subscriptions SET failures = CASE WHEN ? THEN failures + 1 ELSE 0 END, not_before_us = ? WHERE id = ?",
            (failed, first.next_us if failed else 0, first.message.subscription),
        )
    if attempts and attempts[0].outcome == "delivered":
        for thread in {attempt.message.thread for attempt in attempts if attempt.message.thread}:
            connection.execute(
                "INSERT INTO threads VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET messages = messages + 1, last_us = excluded.last_us",
                (attempts[0].message.subscription, thread, attempts[0].at_us),
            )


def _forget_untold(connection: sqlite3.Connection, message: Message) -> None:
    """A beginning that was given up was never sent: nothing follows it, and the next revision may begin again."""
    if not message.topic.endswith(".open"):
        return
    where = (message.subscription, message.subject)
    connection.execute("UPDATE told SET is_open = 0 WHERE subscription = ? AND subject = ?", where)
    connection.execute("UPDATE outbox SET state = 'superseded' WHERE subscription = ? AND subject = ? AND state = 'waiting'", where)


def _log(connection: sqlite3.Connection, attempt: Attempt) -> None:
    message = attempt.message
    connection.execute(
        "INSERT INTO deliveries (subscription, message, at_us, topic, outcome, status, took_ms, error)"
        " SELECT id, ?, ?, ?, ?, ?, ?, ? FROM subscriptions WHERE id = ?",
        (
            message.id,
            attempt.at_us,
            message.topic,
            attempt.outcome,
            attempt.status,
            attempt.took_ms,
            attempt.error,
            message.subscription,
        ),
    )


def sweep(connection: sqlite3.Connection, now_us: int) -> None:
    """Deletes messages sent a week ago, sequences that ended a month ago, and all but the last thousand lines of each log."""
    connection.execute("DELETE FROM outbox WHERE state <> 'waiting' AND created_us < ?", (now_us - _DONE_KEPT_US,))
    connection.execute("DELETE FROM told WHERE is_open = 0 AND at_us < ?", (now_us - _TOLD_KEPT_US,))
    connection.execute("DELETE FROM threads WHERE last_us < ?", (now_us - _TOLD_KEPT_US,))
    for (name,) in connection.execute("SELECT id FROM subscriptions").fetchall():
        connection.execute(
            "DELETE FROM deliveries WHERE subscription = ? AND seq <="
            " (SELECT seq FROM deliveries WHERE subscription = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (name, name, _LOG_KEPT),
        )
