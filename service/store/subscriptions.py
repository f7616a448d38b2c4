"""Stored subscriptions, each with its holder; nobody else sees them."""

import base64
import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

from models.times import format_time
from service.store.messages.preferences import Preferences

_OVERLAP_US = 24 * 3600 * 1_000_000
"""How long the previous secret still signs after a rotation."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The receiver, the channel and the wanted records."""

    id: str
    holder: str
    name: str
    channel: str
    target: str
    secrets: tuple[tuple[str, int | None], ...]
    """Signing secrets, newest first, each with its end."""
    wishes: Preferences
    created_us: int
    paused_reason: str | None
    failures: int = 0
    """Number of consecutive failed deliveries."""
    is_confirmed: bool = True
    """Whether messages may be sent there: a mail address is confirmed before its first use."""

    def signing(self, now_us: int) -> list[str]:
        """The secrets to sign with now."""
        return [secret for secret, until_us in self.secrets if until_us is None or now_us < until_us]


_COLUMNS = (
    "id, holder, name, channel, target, secrets, wishes, created_us, paused_reason, failures, channel <> 'mail' OR EXISTS"
    " (SELECT 1 FROM mail_addresses WHERE mail_addresses.holder = subscriptions.holder AND address = target AND confirmed_us IS NOT NULL)"
)


def new_secret() -> str:
    """A signing secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def add(
    connection: sqlite3.Connection, *, holder: str, name: str, channel: str, target: str, wishes: Preferences, now_us: int
) -> Subscription:
    """A new subscription with its first secret."""
    made = Subscription(secrets.token_hex(8), holder, name, channel, target, ((new_secret(), None),), wishes, now_us, None)
    connection.execute(
        "INSERT INTO subscriptions (id, holder, name, channel, target, secrets, wishes, created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (made.id, holder, name, channel, target, json.dumps(made.secrets), wishes.model_dump_json(), now_us),
    )
    return made


def change(connection: sqlite3.Connection, subscription: Subscription) -> None:
    """Writes the current name, target, preferences, secrets and pause."""
    connection.execute(
        "UPDATE subscriptions SET name = ?, target = ?, wishes = ?, secrets = ?, paused_reason = ?, failures = 0, not_before_us = 0"
        " WHERE id = ?",
        (
            subscription.name,
            subscription.target,
            subscription.wishes.model_dump_json(),
            json.dumps(subscription.secrets),
            subscription.paused_reason,
            subscription.id,
        ),
    )


def rotated(subscription: Subscription, now_us: int) -> tuple[tuple[str, int | None], ...]:
    """Puts a new secret first; the previous one signs for another day."""
    kept = tuple((secret, until_us or now_us + _OVERLAP_US) for secret, until_us in subscription.secrets[:1])
    return ((new_secret(), None), *kept)


def pause(connection: sqlite3.Connection, subscription_id: str, why: str) -> None:
    """Stops sending until somebody resumes it."""
    connection.execute("UPDATE subscriptions SET paused_reason = ? WHERE id = ?", (why, subscription_id))


def remove(connection: sqlite3.Connection, holder: str, subscription_id: str) -> bool:
    """Deletes it with its messages and its log; False if the holder has none of this id."""
    return connection.execute("DELETE FROM subscriptions WHERE id = ? AND holder = ?", (subscription_id, holder)).rowcount == 1


def held(connection: sqlite3.Connection, holder: str, subscription_id: str | None = None) -> list[Subscription]:
    """The holder's subscriptions, oldest first, or the one of this id."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM subscriptions WHERE holder = ? AND (? IS NULL OR id = ?) ORDER BY created_us, id",  # noqa: S608 - constant columns
        (holder, subscription_id, subscription_id),
    )
    return [_read(row) for row in rows]


def all_subscriptions(connection: sqlite3.Connection) -> list[Subscription]:
    """Every subscription, oldest first: for an administrator."""
    return [_read(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM subscriptions ORDER BY created_us, id")]  # noqa: S608 - constant columns


def by_id(connection: sqlite3.Connection, subscription_id: str) -> Subscription | None:
    """The subscription, whoever owns it: for the dispatcher, and for an administrator."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM subscriptions WHERE id = ?", (subscription_id,)).fetchone()  # noqa: S608 - constant columns
    return _read(row) if row else None


def deliveries(
    connection: sqlite3.Connection, subscription_id: str, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """The delivery log, newest first, and where the next page begins."""
    rows = connection.execute(
        "SELECT seq, message, at_us, topic, outcome, status, took_ms, error FROM deliveries"
        " WHERE subscription = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        (subscription_id, before or 1 << 62, limit + 1),
    ).fetchall()
    items = [
        {"message": message, "at": format_time(at), "type": topic, "outcome": outcome, "status": status, "took_ms": took, "error": error}
        for _, message, at, topic, outcome, status, took, error in rows[:limit]
    ]
    return items, rows[limit - 1][0] if len(rows) > limit else None


def _read(row: Any) -> Subscription:
    number, holder, name, channel, target, kept, wishes, created_us, paused, failures, confirmed = row
    pairs = tuple((secret, until_us) for secret, until_us in json.loads(kept))
    return Subscription(
        number, holder, name, channel, target, pairs, Preferences.model_validate_json(wishes), created_us, paused, failures, bool(confirmed)
    )
