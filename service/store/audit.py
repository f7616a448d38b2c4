"""The audit log: who did what, when; entries are only added, and contain no secret."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from models.times import format_time
from service.access import Principal


def note(
    connection: sqlite3.Connection, principal: Principal, action: str, subject: str, now_us: int, detail: Mapping[str, Any] | None = None
) -> None:
    """Writes one entry, in the transaction of the action."""
    note_external(connection, principal.name, principal.role_text, action, subject, now_us, detail)


def note_external(
    connection: sqlite3.Connection,
    actor: str,
    role: str,
    action: str,
    subject: str,
    now_us: int,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """The same for actions elsewhere, by somebody without a token of ours; `role` names the place."""
    connection.execute(
        "INSERT INTO audit (at_us, actor, role, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (now_us, actor, role, action, subject, json.dumps(detail or {}, separators=(",", ":"), ensure_ascii=False)),
    )


def page(connection: sqlite3.Connection, before: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """Newest first, and where the next page begins."""
    rows = connection.execute(
        "SELECT seq, at_us, actor, role, action, subject, detail FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
        (before or 1 << 62, limit + 1),
    ).fetchall()
    items = [
        {"at": format_time(at), "actor": actor, "role": role, "action": action, "subject": subject, "detail": json.loads(detail)}
        for _, at, actor, role, action, subject, detail in rows[:limit]
    ]
    return items, rows[limit - 1][0] if len(rows) > limit else None
