"""Repair: an entry that cannot be judged is put aside, and the state is built again without it."""

import sqlite3
import threading
from functools import partial
from typing import Any

import structlog

from service.engine.checkpoints import Checkpoint, Checkpoints
from service.engine.commit import Commit
from service.engine.culprit import breaks, culprit_between
from service.engine.state import EngineState, StateTrial
from service.ingest import entry_batches
from service.ingest.intake import Taken
from service.ingest.journal import Entry, Journal
from service.store import quarantine
from service.store.database import Database
from streams.flow import FlowStep

_RETRY_S = 1.0
_MOST_TRANSIENT = 3
"""How often an entry is judged again after an error of the machine, before it counts as the cause."""
_MOST_SEARCHES = 5
"""How many earlier entries may go into quarantine because of one entry; then that one goes too."""
log = structlog.get_logger()


class Repair:
    """Moves the state back to a checkpoint and forward through the journal, without the entries in quarantine."""

    def __init__(self, state: EngineState, database: Database, journal: Journal, checkpoints: Checkpoints, stop: threading.Event) -> None:
        self._stop = stop
        self._state, self._database, self._journal, self._checkpoints = state, database, journal, checkpoints
        self.quarantined: set[int] = database.read(quarantine.numbers)
        """Numbers of the entries in quarantine."""

    def attempt(self, taken: Taken, step: Commit) -> tuple[Any, FlowStep] | None:
        """What the entry says and what follows from it; None if it is in quarantine.

        After an error of the machine it is tried again. Where an earlier entry is the cause, that one goes into quarantine instead.
        """
        entry, transient, searches = taken.entry, _MOST_TRANSIENT, _MOST_SEARCHES
        while entry.seq not in self.quarantined:
            try:
                payload = self._state.read(entry) if taken.payload is None else taken.payload
                return payload, self._state.apply(entry, payload, step)
            except Exception as fault:
                if isinstance(fault, (MemoryError, OSError)) and transient:
                    transient -= 1
                    log.warning("an entry is judged again: the machine failed", entry=entry.seq, fault=repr(fault))
                    self._stop.wait(_RETRY_S)
                    self.rebuild(entry.seq - 1)
                    continue
                searches -= 1
                breaking = self.culprit(entry) if searches > 0 else entry
                if breaking is not None:
                    self.set_aside(breaking, fault)
                if entry.seq not in self.quarantined:
                    self.rebuild(entry.seq - 1)
        return None

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Continues from a checkpoint, None for the beginning."""
        self._state.restore(checkpoint)
        self._state.checkpoint_seq = self._state.seq
        self._journal.skip_to(self._state.seq + 1)

    def rebuild(self, last: int) -> None:
        """The state after entry `last`, from the newest checkpoint and the journal; written records stay written."""
        checkpoint, _ = self._checkpoints.newest()
        self.restore(checkpoint)
        for group in entry_batches.of_journal(self._journal.entries(self._state.seq), last):
            for entry in group:
                if entry.seq not in self.quarantined:
                    self._state.repeat(entry)
        self._state.seq = last

    def set_aside(self, bad: Entry, fault: Exception) -> None:
        """Puts `bad` into quarantine and rebuilds the state without it: one entry must not stop the monitor."""
        log.error("an entry cannot be judged and is in quarantine: please report this", entry=bad.seq, exc_info=fault)
        while True:
            try:
                # First the checkpoints: a kill between the two repeats the search, where a checkpoint that holds `bad` would mislead it.
                self._checkpoints.drop(bad.seq)
                self._database.write(partial(quarantine.add, entry=bad, reason=repr(fault))).result()
                break
            except (sqlite3.OperationalError, OSError) as full:
                log.error("the quarantine can't be written; trying again", fault=str(full))
                if self._stop.wait(_RETRY_S):
                    raise
        self.quarantined.add(bad.seq)
        self.rebuild(bad.seq - 1)
        self._state.seq = bad.seq

    def culprit(self, bad: Entry) -> Entry | None:
        """The entry because of which `bad` can't be judged: it, or an earlier one that no more than one kept checkpoint covers.

        None where the error does not come again.
        """
        newest, _ = self._checkpoints.newest()
        older = self._checkpoints.before(newest.seq) if newest else None
        trial = StateTrial(self._state)
        for checkpoint in [newest, older] if older else [newest]:
            state, seq = (checkpoint.pipeline, checkpoint.seq) if checkpoint else (None, 0)
            if not breaks(trial, state, bad):
                self.rebuild(bad.seq - 1)
                if not breaks(trial, self._state.pipeline.pack(), bad):
                    return None
                return culprit_between(trial, state, seq, bad, self._entries_between)
        if older is not None:
            log.error("both checkpoints hold what breaks the work: if the quarantine grows, reset the watermark", entry=bad.seq)
        return bad

    def _entries_between(self, after: int, last: int) -> list[Entry]:
        return [
            entry
            for group in entry_batches.of_journal(self._journal.entries(after), last)
            for entry in group
            if entry.seq not in self.quarantined
        ]
