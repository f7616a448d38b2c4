"""The record log: every revision of every alert, incident, report and change, each written once, and the last of each for lists."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.access import DESK, Principal, View, views

ALERT, INCIDENT, REPORT, CHANGE = "alert", "incident", "report", "change"


@dataclass(frozen=True, slots=True)
class Row:
    """One revision for one audience, as stored; `body` is its canonical JSON."""

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
    """A row with its position in the log, as the event stream sends it."""

    seq: int
    kind: str
    audience: str
    owner: str
    body: bytes
    id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The requested part of a list; None means any."""

    kind: str
    since_us: int | None = None
    before: int | None = None
    """The cursor: the end of the previous page."""
    limit: int = 100
    equal: tuple[tuple[str, str], ...] = ()
    """Columns of `standing` and their values."""


FILTERS = frozenset({"status", "topic", "user", "severity", "incident_id", "owner"})


def add(connection: sqlite3.Connection, rows: Iterable[Row], now_us: int) -> list[tuple[Logged, Row]]:
    """Writes the missing revisions (a replay brings existing ones again); returns those, with their positions."""
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
    """Take back what this audience could see, from list, stream and messages not yet sent: the owner no longer shows it."""
    connection.execute(
        "DELETE FROM outbox WHERE state = 'waiting' AND reference IN"
        " (SELECT 'record:' || seq FROM records WHERE kind = ? AND audience = ? AND id = ?)",
        (kind, audience, id),
    )
    connection.execute("DELETE FROM standing WHERE kind = ? AND audience = ? AND id = ?", (kind, audience, id))
    connection.execute("DELETE FROM records WHERE kind = ? AND audience = ? AND id = ?", (kind, audience, id))


def drop_revision(connection: sqlite3.Connection, kind: str, id: str, revision: int) -> None:  # noqa: A002 - the records' own word
    """Makes room for other content under the same revision, for every audience: the new content counts."""
    connection.execute("DELETE FROM standing WHERE kind = ? AND id = ? AND revision = ?", (kind, id, revision))
    connection.execute("DELETE FROM records WHERE kind = ? AND id = ? AND revision = ?", (kind, id, revision))


def page(connection: sqlite3.Connection, principal: Principal, wanted: Wanted) -> tuple[list[bytes], int | None]:
    """Bodies of the last revisions, newest first, and the cursor of the next page (None at the end).

    The order is that of first appearance, so revisions that arrive meanwhile neither split nor repeat a page.
    """
    parts, values = _conditions(wanted)
    rows = []
    for view in views(principal):
        rows += connection.execute(
            "SELECT first_seq, body FROM standing JOIN records USING (seq) WHERE standing.kind = ? AND standing.audience = ?"  # noqa: S608 - columns of ours, values bound
            f" AND standing.owner IS NOT ? AND {' AND '.join(parts)} ORDER BY first_seq DESC LIMIT ?",
            (wanted.kind, view.audience, view.but_owner, *values, wanted.limit + 1),
        ).fetchall()
    rows.sort(key=lambda row: -row[0])
    return [body for _, body in rows[: wanted.limit]], rows[wanted.limit - 1][0] if len(rows) > wanted.limit else None


def _conditions(wanted: Wanted) -> tuple[list[str], list[object]]:
    parts, values = ["first_seq < ?"], [wanted.before or 1 << 62]
    if wanted.since_us is not None:
        parts.append("standing.as_of_us >= ?")
        values.append(wanted.since_us)
    named: list[object] = []
    for column, value in wanted.equal:
        if column not in FILTERS:
            raise ValueError(f"{column} is not a column for filters")
        if (column, value) == ("status", "active"):
            parts.append("standing.status <> 'resolved'")
            continue
        parts.append(f"standing.{column} = ?")
        named.append(value)
    return parts, [*values, *named]


def one(connection: sqlite3.Connection, principal: Principal, kind: str, id: str) -> bytes | None:  # noqa: A002 - the records' own word
    """The last revision, if there is one that the principal may see."""
    for view in views(principal):
        row = connection.execute(
            "SELECT body FROM standing JOIN records USING (seq)"
            " WHERE standing.kind = ? AND standing.audience = ? AND standing.id = ? AND standing.owner IS NOT ?",
            (kind, view.audience, id, view.but_owner),
        ).fetchone()
        if row:
            return bytes(row[0])
    return None


def revisions(connection: sqlite3.Connection, principal: Principal, kind: str, id: str) -> list[bytes]:  # noqa: A002 - the records' own word
    """Every revision that the principal may see, oldest first."""
    rows = [
        row
        for view in views(principal)
        for row in connection.execute(
            "SELECT revision, body FROM records WHERE kind = ? AND audience = ? AND id = ? AND owner IS NOT ?",
            (kind, view.audience, id, view.but_owner),
        )
    ]
    return [body for _, body in sorted(rows, key=lambda row: row[0])]


@dataclass(frozen=True, slots=True)
class Revisions:
    """What is kept of one record for the desk."""

    count: int
    highest: int
    """0 if there is none."""
    bodies: list[bytes]
    """The first revision, the one that was asked for, and the last one, as far as they exist; each once, oldest first."""


def revisions_around(connection: sqlite3.Connection, kind: str, id: str, revision: int) -> Revisions:  # noqa: A002 - the records' own word
    """Three revisions at most, however many there are."""
    among = (kind, DESK, id)
    held = "FROM records WHERE kind = ? AND audience = ? AND id = ?"
    count, first, last = connection.execute(f"SELECT count(*), min(revision), max(revision) {held}", among).fetchone()
    rows = connection.execute(f"SELECT body {held} AND revision IN (?, ?, ?) ORDER BY revision", (*among, first, revision, last))
    return Revisions(count, last or 0, [body for (body,) in rows])


def log_after(connection: sqlite3.Connection, principal: Principal, seq: int, limit: int) -> tuple[list[Logged], int]:
    """The log's next rows that the principal may see, and the position up to which they are complete."""
    until = last_seq(connection)
    rows = [
        Logged(*row)
        for view in views(principal)
        for row in connection.execute(
            "SELECT seq, kind, audience, owner, body, id FROM records WHERE audience = ? AND owner IS NOT ? AND seq > ? AND seq <= ?"
            " ORDER BY seq LIMIT ?",
            (view.audience, view.but_owner, seq, until, limit),
        )
    ]
    rows.sort(key=lambda logged: logged.seq)
    return rows[:limit], rows[limit - 1].seq if len(rows) >= limit else until


def last_seen(connection: sqlite3.Connection, principal: Principal) -> int:
    """Position of the last row that the principal may see, 0 before the first: it depends on nothing else."""
    return max((_last_of(connection, view) for view in views(principal)), default=0)


def _last_of(connection: sqlite3.Connection, view: View) -> int:
    row = connection.execute(
        "SELECT seq FROM records WHERE audience = ? AND owner IS NOT ? ORDER BY seq DESC LIMIT 1", (view.audience, view.but_owner)
    ).fetchone()
    return int(row[0]) if row else 0


def last_seq(connection: sqlite3.Connection) -> int:
    """Position of the log's last row, 0 before the first."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
    return int(row[0]) if row else 0


def standing_open(connection: sqlite3.Connection, kind: str) -> Sequence[tuple[str, str, str, str, str, bytes]]:
    """(id, topic, severity, user, incident, body) of the desk's records that are not resolved."""
    return connection.execute(
        "SELECT standing.id, topic, severity, standing.user, incident_id, body FROM standing JOIN records USING (seq)"
        " WHERE standing.kind = ? AND standing.audience = ? AND status IN ('open', 'updated')",
        (kind, DESK),
    ).fetchall()


def standing(connection: sqlite3.Connection, kind: str) -> list[bytes]:
    """The last revision of each of the desk's records, in order of their ids."""
    rows = connection.execute(
        "SELECT body FROM standing JOIN records USING (seq) WHERE standing.kind = ? AND standing.audience = ? ORDER BY standing.id",
        (kind, DESK),
    )
    return [bytes(body) for (body,) in rows]


def change_owners(connection: sqlite3.Connection, principal: Principal, change_id: str) -> list[str]:
    """Owners of the changes of this `change_id` that the principal may see, sorted."""
    owners: set[str] = set()
    for view in views(principal):
        owners.update(
            owner
            for (owner,) in connection.execute(
                "SELECT owner FROM standing WHERE kind = ? AND audience = ? AND owner IS NOT ? AND id = owner || '/' || ?",
                (CHANGE, view.audience, view.but_owner, change_id),
            )
        )
    return sorted(owners)
