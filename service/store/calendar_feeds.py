"""Calendar feeds: one key per token, of which only the hash is stored; it gives access to the feed and nothing else."""

import secrets
import sqlite3

from service.store.tokens import digest


def renew(connection: sqlite3.Connection, token_id: str, now_us: int) -> str:
    """A new key for the token's feed, shown only this once; the previous one ends."""
    key = f"hwcal_{secrets.token_urlsafe(32)}"
    connection.execute("DELETE FROM calendar_feeds WHERE token_id = ?", (token_id,))
    connection.execute("INSERT INTO calendar_feeds VALUES (?, ?, ?)", (token_id, digest(key), now_us))
    return key


def end(connection: sqlite3.Connection, token_id: str) -> bool:
    """End the token's feed; False if it has none."""
    return connection.execute("DELETE FROM calendar_feeds WHERE token_id = ?", (token_id,)).rowcount == 1


def created_us(connection: sqlite3.Connection, token_id: str) -> int | None:
    """When the token's feed got its key; None without one."""
    row = connection.execute("SELECT created_us FROM calendar_feeds WHERE token_id = ?", (token_id,)).fetchone()
    return int(row[0]) if row else None


def token_of(connection: sqlite3.Connection, key: str) -> str | None:
    """The token whose feed a key opens."""
    row = connection.execute("SELECT token_id FROM calendar_feeds WHERE hash = ?", (digest(key),)).fetchone()
    return str(row[0]) if row else None
