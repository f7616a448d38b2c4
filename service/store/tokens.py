"""API tokens: 256 random bits each, of which only the hash is stored."""

import hashlib
import hmac
import re
import secrets
import sqlite3
from dataclasses import dataclass

from models.errors import Malformed
from service.access import parse_role

_PREFIX = "hw"
RANDOM = re.compile(r"hw(_[0-9a-f]{12}|cal)_[A-Za-z0-9_-]{43}")
"""Secrets that this program made, calendar keys included."""


@dataclass(frozen=True, slots=True)
class Token:
    """The stored data of a token; never its secret."""

    id: str
    name: str
    role: str
    created_us: int
    created_by: str
    expires_us: int | None
    used_us: int | None
    revoked_us: int | None

    def good(self, now_us: int) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_us is None and (self.expires_us is None or now_us < self.expires_us)


_COLUMNS = "id, name, role, created_us, created_by, expires_us, used_us, revoked_us"


def digest(secret: str) -> str:
    """The stored form of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(
    connection: sqlite3.Connection, *, role: str, name: str, by: str, now_us: int, expires_us: int | None = None
) -> tuple[Token, str]:
    """A new token and its secret, which is shown only this once. Raises Malformed for an unknown role or an empty name."""
    parse_role(role)
    if not 0 < len(name.strip()) <= 200:
        raise Malformed("a token needs a name of 1 to 200 characters, such as the program or person that will use it")
    token = Token(secrets.token_hex(6), name.strip(), role, now_us, by, expires_us, None, None)
    secret = f"{_PREFIX}_{token.id}_{secrets.token_urlsafe(32)}"
    _insert(connection, token, digest(secret))
    return token, secret


def settle(connection: sqlite3.Connection, *, secret: str, role: str, name: str, token_id: str, now_us: int) -> None:
    """Makes `secret` (from the configuration) the only one of the token `token_id`."""
    connection.execute(
        "DELETE FROM sessions WHERE token_id = ? AND NOT EXISTS (SELECT 1 FROM tokens WHERE id = ? AND hash = ?)",
        (token_id, token_id, digest(secret)),
    )
    connection.execute(
        "INSERT INTO tokens (id, name, role, hash, created_us, created_by) VALUES (?, ?, ?, ?, ?, 'configuration')"
        " ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, role = excluded.role, revoked_us = NULL, expires_us = NULL",
        (token_id, name, role, digest(secret), now_us),
    )


def _insert(connection: sqlite3.Connection, token: Token, hashed: str) -> None:
    connection.execute(
        "INSERT INTO tokens (id, name, role, hash, created_us, created_by, expires_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (token.id, token.name, token.role, hashed, token.created_us, token.created_by, token.expires_us),
    )


def find(connection: sqlite3.Connection, secret: str) -> Token | None:
    """The token with this secret, valid or not; None if there is none."""
    hashed = digest(secret)
    for row in connection.execute(f"SELECT {_COLUMNS}, hash FROM tokens WHERE hash = ?", (hashed,)):  # noqa: S608 - constant columns
        if hmac.compare_digest(row[-1], hashed):
            return Token(*row[:-1])
    return None


def by_id(connection: sqlite3.Connection, token_id: str) -> Token | None:
    """The token of this id; None for a principal without a token of ours."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM tokens WHERE id = ?", (token_id,)).fetchone()  # noqa: S608 - constant columns
    return Token(*row) if row else None


def listed(connection: sqlite3.Connection) -> list[Token]:
    """Every token, oldest first, including revoked ones."""
    return [Token(*row) for row in connection.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY created_us, id")]  # noqa: S608 - constant columns


def revoke(connection: sqlite3.Connection, token_id: str, now_us: int) -> bool:
    """Ends a token and its sessions at once; False if there is no such valid token."""
    connection.execute("DELETE FROM sessions WHERE token_id = ?", (token_id,))
    return connection.execute("UPDATE tokens SET revoked_us = ? WHERE id = ? AND revoked_us IS NULL", (now_us, token_id)).rowcount == 1


def used(connection: sqlite3.Connection, token_id: str, now_us: int) -> None:
    """Stores the time of the last use (to the minute: callers limit the calls)."""
    connection.execute("UPDATE tokens SET used_us = ? WHERE id = ?", (now_us, token_id))


def open_session(connection: sqlite3.Connection, token_id: str, now_us: int, expires_us: int) -> str:
    """A browser's session; the secret goes into its cookie. Expired ones are deleted."""
    secret = secrets.token_urlsafe(32)
    connection.execute("DELETE FROM sessions WHERE expires_us <= ?", (now_us,))
    connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (digest(secret), token_id, now_us, expires_us))
    return secret


def session_token(connection: sqlite3.Connection, secret: str, now_us: int) -> Token | None:
    """The token behind a session that has not expired."""
    columns = ", ".join(f"tokens.{name}" for name in _COLUMNS.split(", "))
    row = connection.execute(
        f"SELECT {columns} FROM sessions JOIN tokens ON tokens.id = token_id WHERE sessions.hash = ? AND sessions.expires_us > ?",  # noqa: S608 - constant columns
        (digest(secret), now_us),
    ).fetchone()
    return Token(*row) if row else None


def session_end(connection: sqlite3.Connection, secret: str) -> int | None:
    """When the session of this secret ends (µs)."""
    return session_end_of(connection, digest(secret))


def session_end_of(connection: sqlite3.Connection, hashed: str) -> int | None:
    """The same for the hash of its secret."""
    row = connection.execute("SELECT expires_us FROM sessions WHERE hash = ?", (hashed,)).fetchone()
    return int(row[0]) if row else None


def close_session(connection: sqlite3.Connection, secret: str) -> None:
    """Sign out."""
    connection.execute("DELETE FROM sessions WHERE hash = ?", (digest(secret),))
