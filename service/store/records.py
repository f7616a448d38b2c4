"""The record log: every revision of every alert, incident, report and change, each written once, and the last of each on top."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.tenancy import DESK, Filter, Principal, record_filter

ALERT, INCIDENT, REPORT, CHANGE = "alert", "incident", "report", "change"


@dataclass(frozen=True, slots=True)
class Row:
    """One revision for one audience, as it is stored; `body` is its canonical JSON."""

    kind: str
    audience: str
    id: str
    revision: int
    as_of_us: int
    body: bytes
    owner: str = ""
    status: str = ""
    topic: str = ""
    user: str = ""
    severity: str = ""
    incident_id: str = ""


@dataclass(frozen=True, slots=True)
class Logged:
    """A row with its place in the log, as the event stream sends it."""

    seq: int
    kind: str
    audience: str
    owner: str
    body: bytes
    id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a list is asked for; None means any."""

    kind: str
    since_us: int | None = None
    before: int | None = None
    """The cursor: where the page before ended."""
    limit: int = 100
    equal: tuple[tuple[str, str], ...] = ()
    """Columns of `standing` and their values."""


FILTERS = frozenset({"status", "topic", "user", "severity", "incident_id", "owner"})


def add(connection: sqlite3.Connection, rows: Iterable[Row], now_us: int) -> list[tuple[Logged, Row]]:
    """Write the revisions that are not there yet (a replay brings them again); those, with their places."""
    added = []
    for row in rows:
        cursor = connection.execute(
            "INSERT OR IGNORE INTO records (kind, audience, owner, id, revision, as_of_us, written_us, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row.kind, row.audience, row.owner, row.id, row.revision, row.as_of_us, now_us, row.body),
        )
        if cursor.rowcount != 1 or cursor.lastrowid is None:
            continue
        _raise_standing(connection, row, cursor.lastrowid)
        added.append((Logged(cursor.lastrowid, row.kind, row.audience, row.owner, row.body, row.id), row))
    return added


def _raise_standing(connection: sqlite3.Connection, row: Row, seq: int) -> None:
    connection.execute(
        "INSERT INTO standing (kind, audience, id, first_seq, seq, revision, owner, as_of_us, status, topic, user, severity, incident_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (kind, audience, id) DO UPDATE SET seq = excluded.seq, revision = excluded.revision, owner = excluded.owner,"
        " as_of_us = excluded.as_of_us, status = excluded.status, topic = excluded.topic, user = excluded.user,"
        " severity = excluded.severity, incident_id = excluded.incident_id WHERE excluded.revision > standing.revision",
        (
            row.kind, row.audience, row.id, seq, seq, row.revision, row.owner, row.as_of_us,
            row.status, row.topic, row.user, row.severity, row.incident_id,
        ),
    )  # fmt: skip


def withdraw(connection: sqlite3.Connection, kind: str, audience: str, id: str) -> None:  # noqa: A002 - the records' own word
    """Take back what this audience could see, from the list and from the stream: the owner no longer shows it."""
    connection.execute("DELETE FROM standing WHERE kind = ? AND audience = ? AND id = ?", (kind, audience, id))
    connection.execute("DELETE FROM records WHERE kind = ? AND audience = ? AND id = ?", (kind, audience, id))


def page(connection: sqlite3.Connection, principal: Principal, wanted: Wanted) -> tuple[list[bytes], int | None]:
    """Bodies of the last revisions, newest first, and the cursor of the next page (None at the end).

    The order is that of first appearance, so a page is neither torn nor repeated by revisions that arrive meanwhile.
    """
    tenant = _of("standing", principal)
    parts = ["standing.kind = ?", "first_seq < ?", tenant.sql]
    values: list[object] = [wanted.kind, wanted.before or 1 << 62, *tenant.values]
    if wanted.since_us is not None:
        parts.append("standing.as_of_us >= ?")
        values.append(wanted.since_us)
    for column, value in wanted.equal:
        if column not in FILTERS:
            raise ValueError(f"{column} is no column that lists are filtered by")
        if (column, value) == ("status", "active"):
            parts.append("standing.status <> 'resolved'")
            continue
        parts.append(f"standing.{column} = ?")
        values.append(value)
    rows = connection.execute(
        f"SELECT first_seq, body FROM standing JOIN records USING (seq) WHERE {' AND '.join(parts)} ORDER BY first_seq DESC LIMIT ?",  # noqa: S608 - columns of ours, values bound
        (*values, wanted.limit + 1),
    ).fetchall()
    return [body for _, body in rows[: wanted.limit]], rows[wanted.limit - 1][0] if len(rows) > wanted.limit else None


def _of(table: str, principal: Principal) -> Filter:
    tenant = record_filter(principal)
    return Filter(tenant.sql.replace("audience", f"{table}.audience").replace("owner", f"{table}.owner"), tenant.values)


def one(connection: sqlite3.Connection, principal: Principal, kind: str, id: str) -> bytes | None:  # noqa: A002 - the records' own word
    """The last revision, if there is one that the principal may see."""
    tenant = _of("records", principal)
    row = connection.execute(
        "SELECT records.body FROM records JOIN standing USING (seq)"  # noqa: S608 - columns of ours, values bound
        f" WHERE records.kind = ? AND records.id = ? AND {tenant.sql}",
        (kind, id, *tenant.values),
    ).fetchone()
    return row[0] if row else None


def revisions(connection: sqlite3.Connection, principal: Principal, kind: str, id: str) -> list[bytes]:  # noqa: A002 - the records' own word
    """Every revision that the principal may see, oldest first."""
    tenant = record_filter(principal)
    rows = connection.execute(
        f"SELECT body FROM records WHERE kind = ? AND id = ? AND {tenant.sql} ORDER BY revision",  # noqa: S608 - columns of ours, values bound
        (kind, id, *tenant.values),
    )
    return [body for (body,) in rows]


def log_after(connection: sqlite3.Connection, seq: int, limit: int) -> list[Logged]:
    """The log's next rows, of every audience: the caller filters (`tenancy.sees_record`)."""
    return [Logged(*row) for row in connection.execute(
        "SELECT seq, kind, audience, owner, body, id FROM records WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
    )]  # fmt: skip


def last_seq(connection: sqlite3.Connection) -> int:
    """Place of the log's last row, 0 before the first."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
    return int(row[0]) if row else 0


def standing_open(connection: sqlite3.Connection, kind: str) -> Sequence[tuple[str, str, str, str, str, bytes]]:
    """(id, topic, severity, user, incident, body) of the desk's records that are not resolved."""
    return connection.execute(
        "SELECT standing.id, topic, severity, standing.user, incident_id, body FROM standing JOIN records USING (seq)"
        " WHERE standing.kind = ? AND standing.audience = ? AND status IN ('open', 'updated')",
        (kind, DESK),
    ).fetchall()


def change_owner(connection: sqlite3.Connection, change_id: str) -> str | None:
    """Whose change this is, whatever anyone may see of it."""
    row = connection.execute("SELECT owner FROM standing WHERE kind = ? AND audience = ? AND id = ?", (CHANGE, DESK, change_id)).fetchone()
    return row[0] if row else None
