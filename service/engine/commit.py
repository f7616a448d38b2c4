"""Commit: the results of one or more journal entries, written in one transaction."""

import sqlite3
from dataclasses import dataclass, field

from models.canonical_json import to_json
from models.change import Change
from models.dead_letter import DeadLetter
from service.charts import findings
from service.charts.findings import WindowFindings
from service.charts.recorder import Recorder, Tick
from service.engine.rewinding import rewind
from service.store import commits
from service.store.records import Logged, Row


@dataclass(slots=True)
class Commit:
    """The results of one or more entries, committed together."""

    seq: int = 0
    """The last entry that it covers."""
    rows: list[tuple[Row, Change | None]] = field(default_factory=list)
    letters: list[tuple[int, int, DeadLetter]] = field(default_factory=list)
    """(entry, index among the letters of that entry, letter)."""
    ticks: list[Tick] = field(default_factory=list)
    findings: list[WindowFindings] = field(default_factory=list)
    rewinds: list[tuple[int, int]] = field(default_factory=list)
    """(entry, time that it was rewound to)."""
    answers: list[tuple[str, str, bytes, bytes]] = field(default_factory=list)
    """(stream, Idempotency-Key, body, answer)."""

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.rows or self.letters or self.ticks or self.findings or self.answers or self.rewinds)

    def write(self, connection: sqlite3.Connection, recorder: Recorder, now_us: int, letters_kept: int) -> list[tuple[Logged, Row]]:
        """Writes everything in the caller's transaction; repeating it is harmless. Returns the new records."""
        added = commits.write(connection, self.rows, now_us)
        commits.write_letters(
            connection, ((entry, index, letter.source, to_json(letter)) for entry, index, letter in self.letters), letters_kept
        )
        commits.write_answers(connection, self.answers, now_us)
        for tick in self.ticks:
            recorder.record(connection, tick)
        findings.write(connection, self.findings)
        for entry, at_us in self.rewinds:
            added += rewind(connection, entry, at_us, now_us)
        return added
