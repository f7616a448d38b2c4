"""Issuing tokens and ending them, by whomever: what is done stands in the audit log."""

import sqlite3

from service.access import Principal, Role
from service.store import audit, tokens
from service.store.tokens import Token

COMMAND_LINE = Principal("", "command line", Role.ADMIN)
"""Whoever may write in the data folder."""
FIRST_START = Principal("", "first start", Role.ADMIN)


def issue(
    connection: sqlite3.Connection, by: Principal, *, role: str, name: str, now_us: int, expires_us: int | None = None
) -> tuple[Token, str]:
    """A new token and its secret, which is shown this once. Raises Malformed for an unknown role or an empty name."""
    made = tokens.create(connection, role=role, name=name, by=by.name, now_us=now_us, expires_us=expires_us)
    audit.note(connection, by, "create token", made[0].id, now_us, {"role": role, "name": name})
    return made


def end(connection: sqlite3.Connection, by: Principal, token_id: str, now_us: int) -> bool:
    """It and its sessions end at once; False if there is no such token that still works."""
    done = tokens.revoke(connection, token_id, now_us)
    if done:
        audit.note(connection, by, "revoke token", token_id, now_us)
    return done
