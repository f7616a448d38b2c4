"""Mail addresses of subscribers: only the confirmation request is sent to an address before somebody opened its link."""

import hashlib
import secrets
import sqlite3

from models.times import DAY_US, HOUR_US

_PAUSE_US = HOUR_US
"""Minimum time between two requests to one address."""
_PER_DAY = 10
"""Maximum number of unconfirmed addresses that one holder may request in a day."""
_LASTS_US = 7 * DAY_US
"""How long a link is valid."""


def is_confirmed(connection: sqlite3.Connection, holder: str, address: str) -> bool:
    """Whether messages of `holder` may go to `address`."""
    row = connection.execute(
        "SELECT 1 FROM mail_addresses WHERE holder = ? AND address = ? AND confirmed_us IS NOT NULL", (holder, address)
    ).fetchone()
    return row is not None


def ask(connection: sqlite3.Connection, holder: str, address: str, now_us: int) -> str | None:
    """A secret for the link to `address`; None if it was requested within the hour, or too many addresses were within the day."""
    known = connection.execute("SELECT asked_us FROM mail_addresses WHERE holder = ? AND address = ?", (holder, address)).fetchone()
    if known is not None and known[0] > now_us - _PAUSE_US:
        return None
    asked = connection.execute(
        "SELECT count(*) FROM mail_addresses WHERE holder = ? AND confirmed_us IS NULL AND asked_us > ?", (holder, now_us - DAY_US)
    ).fetchone()[0]
    if asked >= _PER_DAY and known is None:
        return None
    secret = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO mail_addresses VALUES (?, ?, ?, ?, 1, NULL) ON CONFLICT (holder, address) DO UPDATE SET hash = excluded.hash,"
        " asked_us = excluded.asked_us, asked = asked + 1",
        (holder, address, _hash(secret), now_us),
    )
    return secret


def confirm(connection: sqlite3.Connection, secret: str, now_us: int) -> bool:
    """Whether the link of this secret is valid now; then its address is confirmed."""
    cursor = connection.execute(
        "UPDATE mail_addresses SET confirmed_us = ?, hash = '' WHERE hash = ? AND hash <> '' AND asked_us > ?",
        (now_us, _hash(secret), now_us - _LASTS_US),
    )
    return cursor.rowcount == 1


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
