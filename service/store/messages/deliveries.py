"""Deliveries: which messages of the outbox are due, and what became of each attempt to send them."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.store.messages.preferences import Preferences

_DONE_KEPT_US = 7 * 86_400 * 1_000_000
_REPORTED_KEPT_US = 30 * 86_400 * 1_000_000
_LOG_KEPT = 1000

_COLUMNS = "outbox.id, subscription, topic, body, urgent, outbox.created_us, due_us, attempts, subject, thread, sequence"


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


def reschedule(connection: sqlite3.Connection, now_us: int) -> None:
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


def record_attempts(connection: sqlite3.Connection, attempts: Sequence[Attempt]) -> None:
    """Stores the results of the deliveries of one parcel: in the outbox, in the delivery log, and for the target's pause."""
    for attempt in attempts:
        message = attempt.message
        state = "waiting" if attempt.outcome == "retry" else attempt.outcome
        connection.execute("UPDATE outbox SET attempts = attempts + 1, state = ? WHERE id = ?", (state, message.id))
        _log(connection, attempt)
    for attempt in attempts:
        if attempt.outcome == "dead" and attempt.message.subject:
            _forget_unsent(connection, attempt.message)
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


def _forget_unsent(connection: sqlite3.Connection, message: Message) -> None:
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
    connection.execute("DELETE FROM told WHERE is_open = 0 AND at_us < ?", (now_us - _REPORTED_KEPT_US,))
    connection.execute("DELETE FROM threads WHERE last_us < ?", (now_us - _REPORTED_KEPT_US,))
    for (name,) in connection.execute("SELECT id FROM subscriptions").fetchall():
        connection.execute(
            "DELETE FROM deliveries WHERE subscription = ? AND seq <="
            " (SELECT seq FROM deliveries WHERE subscription = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (name, name, _LOG_KEPT),
        )
