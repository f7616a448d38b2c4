"""Quarantine: journal entries that could not be judged. They stop nothing, and their content is kept."""

import sqlite3
from collections.abc import Iterable

from service.ingest.journal import Entry

_REASON_MOST = 500
ENDED = _RETRIED, _LEFT_OUT = "tried again", "left out for good"
"""Reasons of entries that wait for nothing."""


def add(connection: sqlite3.Connection, entry: Entry, reason: str) -> None:
    """Stores `entry` completely; repeating it changes nothing."""
    connection.execute(
        "INSERT OR IGNORE INTO quarantine (seq, kind, stream, arrived_us, body, reason, key) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (entry.seq, entry.kind, entry.stream, entry.arrived_us, entry.body, reason[:_REASON_MOST], entry.key),
    )


def numbers(connection: sqlite3.Connection) -> set[int]:
    """The numbers of the entries in quarantine."""
    return {seq for (seq,) in connection.execute("SELECT seq FROM quarantine")}


def waiting(connection: sqlite3.Connection) -> int:
    """How many entries count for nothing now: those that were tried again do not belong to them."""
    (count,) = connection.execute("SELECT COUNT(*) FROM quarantine WHERE reason NOT IN (?, ?)", ENDED).fetchone()
    return int(count)


def listed(connection: sqlite3.Connection) -> list[tuple[Entry, str]]:
    """(entry, reason), oldest first; an entry that an earlier version left out has no body."""
    rows = connection.execute("SELECT seq, kind, stream, arrived_us, key, body, reason FROM quarantine ORDER BY seq")
    return [(Entry(seq, kind, arrived_us, stream, key, body), reason) for seq, kind, stream, arrived_us, key, body, reason in rows]


def release(connection: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Deletes the bodies of entries that are tried again under a new number. Their numbers stay: the journal may still contain them."""
    _end(connection, seqs, _RETRIED)


def leave_out(connection: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """The same for entries that mean nothing later, or of which nothing is left to try."""
    _end(connection, seqs, _LEFT_OUT)


def _end(connection: sqlite3.Connection, seqs: Iterable[int], reason: str) -> None:
    connection.executemany("UPDATE quarantine SET body = x'', reason = ? WHERE seq = ?", ((reason, seq) for seq in seqs))
