"""The writes of the engine at each commit: records, outgoing messages, dead letters, answers to repeated posts."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from changes.calendar import outranks
from changes.visibility import is_public
from models.canonical_json import decode
from models.change import Change
from service.access import DESK, EVERYONE
from service.store import records
from service.store.messages import outbox
from service.store.records import CHANGE, Logged, Row

_ANSWERS_KEPT_US = 24 * 3600 * 1_000_000


def write(connection: sqlite3.Connection, rows: Sequence[tuple[Row, Change | None]], now_us: int) -> list[tuple[Logged, Row]]:
    """Writes the missing records and the messages about them; returns those records."""
    for row, change in rows:
        if change is not None and row.audience == DESK:
            _withdraw_what_is_no_longer_shown(connection, change)
    added = records.add(connection, [row for row, _ in rows], now_us)
    outbox.enqueue(connection, added, now_us)
    return added


def _withdraw_what_is_no_longer_shown(connection: sqlite3.Connection, change: Change) -> None:
    """Audiences from which a revision that outranks all others hides the change: everyone, or its owner."""
    known = connection.execute(
        "SELECT revision, body FROM records WHERE kind = ? AND audience = ? AND id = ? ORDER BY revision DESC LIMIT 1",
        (CHANGE, DESK, change.key),
    ).fetchone()
    before = None if known is None else decode(Change, known[1])
    if before is None or not outranks(change, before):
        return
    if change.revision == known[0]:
        records.drop_revision(connection, CHANGE, change.key, change.revision)
    if not is_public(change):
        records.withdraw(connection, CHANGE, EVERYONE, change.key)
        if is_public(before) or before.source != change.source:
            _withdraw_notices(connection, change)
    if change.source != "user":
        records.withdraw(connection, CHANGE, change.owner, change.key)


def _withdraw_notices(connection: sqlite3.Connection, change: Change) -> None:
    """Waiting notices that name a hidden change, for all but the desk and the User who leads it; conflicts name it in their text only."""
    connection.execute(
        "DELETE FROM outbox WHERE state = 'waiting' AND reference LIKE 'notice:%'"
        " AND subscription IN (SELECT id FROM subscriptions WHERE holder NOT IN ('', ?))"
        " AND ((json_extract(CAST(body AS TEXT), '$.data.owner') = ? AND json_extract(CAST(body AS TEXT), '$.data.change_id') = ?)"
        " OR (topic = 'notice.conflict' AND instr(json_extract(CAST(body AS TEXT), '$.data.summary'), ?) > 0))",
        (change.owner if change.source == "user" else "", change.owner, change.change_id, f"{change.change_id} ({change.owner}: "),
    )


def is_begun(connection: sqlite3.Connection) -> bool:
    """Whether the data file holds anything that followed from input."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM records) OR EXISTS (SELECT 1 FROM layouts)").fetchone()[0])


def declared(connection: sqlite3.Connection) -> dict[str, Change]:
    """The revision in force of every declared change, by its key."""
    rows = connection.execute(
        "SELECT standing.id, body FROM standing JOIN records USING (seq) WHERE standing.kind = ? AND standing.audience = ?", (CHANGE, DESK)
    )
    return {name: decode(Change, body) for name, body in rows}


def write_letters(connection: sqlite3.Connection, letters: Iterable[tuple[int, int, str, bytes]], kept: int) -> None:
    """Dead letters by (entry, index): repeating is harmless. Beyond `kept` the oldest are deleted."""
    before = connection.total_changes
    connection.executemany("INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?)", letters)
    if connection.total_changes == before:
        return
    surplus = connection.execute("SELECT count(*) FROM dead_letters").fetchone()[0] - kept
    if surplus > 0:
        connection.execute(
            "DELETE FROM dead_letters WHERE (entry, ordinal) IN (SELECT entry, ordinal FROM dead_letters ORDER BY entry, ordinal LIMIT ?)",
            (surplus,),
        )


def write_answers(connection: sqlite3.Connection, answers: Sequence[tuple[str, str, bytes, bytes]], now_us: int) -> None:
    """The answers to posts with an Idempotency-Key, kept for a day."""
    if not answers:
        return
    connection.executemany(
        "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)",
        ((stream, key, digest(body), answer, now_us) for stream, key, body, answer in answers),
    )
    connection.execute("DELETE FROM answers WHERE at_us < ?", (now_us - _ANSWERS_KEPT_US,))


def digest(body: bytes) -> str:
    """Distinguishes a repeated post from another one under the same key."""
    return hashlib.sha256(body).hexdigest()


def answered(connection: sqlite3.Connection, stream: str, key: str) -> tuple[str, bytes] | None:
    """(digest of the body, answer) of an earlier post with this key."""
    row = connection.execute("SELECT digest, body FROM answers WHERE source = ? AND key = ?", (stream, key)).fetchone()
    return (row[0], row[1]) if row else None


def published(connection: sqlite3.Connection) -> dict[str, int]:
    """Key of the change → highest revision seen in a calendar topic."""
    rows_of_facts = connection.execute("SELECT name, value FROM facts WHERE name LIKE 'published:%'")
    return {name.removeprefix("published:"): int(value) for name, value in rows_of_facts}


def note_published(connection: sqlite3.Connection, revisions: Mapping[str, int]) -> None:
    """These revisions need not be published again."""
    rows = [(f"published:{key}", str(revision)) for key, revision in revisions.items()]
    connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)


def letters(connection: sqlite3.Connection, before: tuple[int, int] | None, limit: int) -> tuple[list[bytes], tuple[int, int] | None]:
    """Dead letters, newest first, and where the next page begins."""
    entry, ordinal = before or (1 << 62, 0)
    rows = connection.execute(
        "SELECT entry, ordinal, body FROM dead_letters WHERE (entry, ordinal) < (?, ?) ORDER BY entry DESC, ordinal DESC LIMIT ?",
        (entry, ordinal, limit + 1),
    ).fetchall()
    return [body for _, _, body in rows[:limit]], (rows[limit - 1][0], rows[limit - 1][1]) if len(rows) > limit else None
