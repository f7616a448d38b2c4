"""Token administration: tokens are created and ended here, and every action is written to the audit log."""

import sqlite3
from functools import partial

from pydantic import SecretStr

from models.errors import ConfigurationError
from service.access import Principal, Role
from service.store import audit, tokens
from service.store.database import Database
from service.store.tokens import Token

COMMAND_LINE = Principal("", "command line", Role.ADMIN)
"""The principal of a command: anyone who may write in the data folder."""
FIRST_START = Principal("", "first start", Role.ADMIN)

_CONFIGURED = "configured-admin"
_GOOD_SECRET = 16


def issue(
    connection: sqlite3.Connection, by: Principal, *, role: str, name: str, now_us: int, expires_us: int | None = None
) -> tuple[Token, str]:
    """A new token and its secret, which is shown only this once. Raises Malformed for an unknown role or an empty name."""
    made = tokens.create(connection, role=role, name=name, by=by.name, now_us=now_us, expires_us=expires_us)
    audit.note(connection, by, "create token", made[0].id, now_us, {"role": role, "name": name})
    return made


def end(connection: sqlite3.Connection, by: Principal, token_id: str, now_us: int) -> bool:
    """The token and its sessions end at once; False if there is no such valid token."""
    done = tokens.revoke(connection, token_id, now_us)
    if done:
        audit.note(connection, by, "revoke token", token_id, now_us)
    return done


def settle_admin(database: Database, secret: SecretStr | None, now_us: int, open_role: Role | None) -> str | None:
    """Makes the configured secret an administrator's; without one, a secret is created and returned if there is no administrator yet.

    With an `open_role` none is needed. Raises ConfigurationError for an empty or a short secret.
    """
    if secret is not None:
        _settle_configured(database, secret.get_secret_value(), now_us)
        return None
    if open_role is not None or database.read(_has_admin):
        return None
    first = partial(issue, by=FIRST_START, role=str(Role.ADMIN), name="first admin", now_us=now_us)
    return database.write(first).result()[1]


def _settle_configured(database: Database, secret: str, now_us: int) -> None:
    if not secret.strip():
        raise ConfigurationError("serve.admin_token is empty: leave it out, and a token is created at the first start")
    if len(secret) < _GOOD_SECRET:
        raise ConfigurationError(
            f"serve.admin_token is shorter than {_GOOD_SECRET} characters and could be guessed: `openssl rand -base64 32` makes a good one"
        )
    settle = partial(tokens.settle, secret=secret, role=str(Role.ADMIN), name="admin (configuration)", token_id=_CONFIGURED, now_us=now_us)
    database.write(settle).result()


def _has_admin(connection: sqlite3.Connection) -> bool:
    return any(token.role == Role.ADMIN and token.revoked_us is None for token in tokens.listed(connection))
