"""The outbox: messages that are still to leave, each once a subscription, written with what they tell of."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.times import format_time
from service.access import holder_sees
from service.store.preferences import Preferences
from service.store.records import Logged, Row

_DONE_KEPT_US = 7 * 86_400 * 1_000_000
_LOG_KEPT = 1000


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


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one delivery went."""

    message: Message
    outcome: str
    """delivered, retry or dead."""
    at_us: int
    took_ms: int
    status: int | None = None
    error: str | None = None
    next_us: int = 0
    """When to try again, for `retry`."""


def enqueue(connection: sqlite3.Connection, added: Sequence[tuple[Logged, Row]], now_us: int) -> None:
    """Put what subscribers want of these new records into the outbox, in the transaction that writes them."""
    if not added:
        return
    subscribers = [(name, holder, Preferences.model_validate_json(wishes)) for name, holder, wishes in connection.execute(
        "SELECT id, holder, wishes FROM subscriptions WHERE paused_reason IS NULL ORDER BY id"
    )]  # fmt: skip
    if not subscribers:
        return
    for logged, row in added:
        record = json.loads(row.body)
        for name, holder, wishes in subscribers:
            if holder_sees(holder, logged.audience, logged.owner) and wishes.want(row, tuple(record.get("processes", ()))):
                topic = f"{row.kind}.{row.status}" if row.status else row.kind
                put(connection, name, f"record:{logged.seq}", topic, row.body, now_us, wishes, urgent=row.severity == "critical")


def put(
    connection: sqlite3.Connection,
    subscription: str,
    reference: str,
    topic: str,
    record: bytes,
    now_us: int,
    wishes: Preferences,
    *,
    urgent: bool,
) -> bool:
    """One message; False if this subscription was told of `reference` before."""
    body = b'{"type":' + json.dumps(topic).encode() + b',"timestamp":"' + format_time(now_us).encode() + b'","data":' + record + b"}"
    cursor = connection.execute(
        "INSERT OR IGNORE INTO outbox (subscription, reference, topic, body, urgent, created_us, due_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (subscription, reference, topic, body, int(urgent), now_us, wishes.due_us(now_us, urgent=urgent)),
    )
    return cursor.rowcount == 1


def due(connection: sqlite3.Connection, now_us: int, limit: int) -> list[Message]:
    """Messages to send now, oldest first, of subscriptions that are not paused."""
    rows = connection.execute(
        "SELECT outbox.id, subscription, topic, body, urgent, outbox.created_us, due_us, attempts FROM outbox"
        " JOIN subscriptions ON subscriptions.id = subscription"
        " WHERE state = 'waiting' AND due_us <= ? AND paused_reason IS NULL ORDER BY outbox.id LIMIT ?",
        (now_us, limit),
    )
    return [
        Message(number, name, topic, body, bool(urgent), created, due_at, attempts)
        for number, name, topic, body, urgent, created, due_at, attempts in rows
    ]


def due_anew(connection: sqlite3.Connection, now_us: int) -> None:
    """Whatever waits leaves as if it had come up now: its time was reckoned by a clock that has been set since."""
    rows = connection.execute(
        "SELECT outbox.id, urgent, wishes FROM outbox JOIN subscriptions ON subscriptions.id = subscription WHERE state = 'waiting'"
    ).fetchall()
    for number, urgent, wishes in rows:
        due_us = Preferences.model_validate_json(wishes).due_us(now_us, urgent=bool(urgent))
        connection.execute("UPDATE outbox SET due_us = ? WHERE id = ?", (due_us, number))


def overdue(connection: sqlite3.Connection, now_us: int) -> int:
    """Messages that should have left by now, of subscriptions that are not paused."""
    row = connection.execute(
        "SELECT count(*) FROM outbox JOIN subscriptions ON subscriptions.id = subscription"
        " WHERE state = 'waiting' AND due_us <= ? AND paused_reason IS NULL",
        (now_us,),
    ).fetchone()
    return int(row[0])


def attempted(connection: sqlite3.Connection, attempts: Iterable[Attempt]) -> None:
    """Note how deliveries went, in the outbox and in the delivery log."""
    for attempt in attempts:
        message = attempt.message
        state = "waiting" if attempt.outcome == "retry" else attempt.outcome
        connection.execute(
            "UPDATE outbox SET attempts = attempts + 1, state = ?, due_us = ? WHERE id = ?",
            (state, attempt.next_us or message.due_us, message.id),
        )
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
    """Forget messages that left a week ago, and all but the last thousand lines of each delivery log."""
    connection.execute("DELETE FROM outbox WHERE state <> 'waiting' AND created_us < ?", (now_us - _DONE_KEPT_US,))
    for (name,) in connection.execute("SELECT id FROM subscriptions").fetchall():
        connection.execute(
            "DELETE FROM deliveries WHERE subscription = ? AND seq <="
            " (SELECT seq FROM deliveries WHERE subscription = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
            (name, name, _LOG_KEPT),
        )
