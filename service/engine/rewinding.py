"""Rewinding: what stands in the data file of a time that has not come yet is ended or dropped, once an administrator says so."""

import sqlite3
from datetime import datetime
from typing import Any

from models.alert import Alert
from models.canonical_json import decode
from models.decisions import Decisions
from models.incident import Incident
from service.access import DESK
from service.store import commits
from service.store.record_rows import rows
from service.store.records import ALERT, INCIDENT, Logged, Row

_FACT = "rewound:"


def rewind(connection: sqlite3.Connection, entry: int, at_us: int, now_us: int) -> list[tuple[Logged, Row]]:
    """Ends every open alert and incident, and drops charts after `at_us`; the records that are new. The same entry again does nothing."""
    if connection.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (f"{_FACT}{entry}", str(at_us))).rowcount == 0:
        return []
    connection.execute("DELETE FROM ticks WHERE at_us > ?", (at_us,))
    connection.execute("DELETE FROM chunks WHERE start_us > ?", (at_us,))
    connection.execute("UPDATE packed_until SET until_us = ? WHERE until_us > ?", (at_us, at_us))
    ended = Decisions(
        alerts=tuple(_ended(decode(Alert, body)) for _, body in _open(connection, ALERT, of_desk=True)),
        user_alerts=tuple((audience, _ended(decode(Alert, body))) for audience, body in _open(connection, ALERT, of_desk=False)),
        incidents=tuple(_ended(decode(Incident, body)) for _, body in _open(connection, INCIDENT, of_desk=True)),
    )
    return commits.write(connection, [(row, None) for row in rows(ended)], now_us)


def _open(connection: sqlite3.Connection, kind: str, *, of_desk: bool) -> list[tuple[str, bytes]]:
    compared = "=" if of_desk else "<>"
    return connection.execute(
        "SELECT standing.audience, body FROM standing JOIN records USING (seq)"  # noqa: S608 - one of two constants
        f" WHERE standing.kind = ? AND standing.audience {compared} ? AND standing.status IN ('open', 'updated')",
        (kind, DESK),
    ).fetchall()


def _ended(record: Any) -> Any:
    at: datetime = record.as_of
    ended = {"revision": record.revision + 1, "status": "resolved", "ended_at": record.ended_at or at, "resolved_at": at}
    return record.model_copy(update=ended)
