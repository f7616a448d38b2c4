"""Committer: writes the results of entries to the data file, and notifies the listeners of what is new in it."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from models.clock import Clock
from service.charts.recorder import Recorder
from service.engine.commit import Commit
from service.metrics import DeskBoard
from service.store.database import Database
from service.store.records import Logged, Row

_RETRY_S = 1.0
log = structlog.get_logger()
CommitListener = Callable[[Sequence[tuple[Logged, Row]]], None]


class Committer:
    """Accepted input must not be lost because a disk is full for a while: a commit is tried until it succeeds or `stop` is set."""

    def __init__(self, database: Database, board: DeskBoard, clock: Clock, letters_kept: int, stop: threading.Event) -> None:
        self._database, self._board, self._clock = database, board, clock
        self._letters_kept, self._stop = letters_kept, stop
        self._recorder = Recorder()
        self.listeners: list[CommitListener] = []
        self.fault: str | None = None
        """Why nothing can be written at the moment."""

    def commit(self, step: Commit) -> None:
        """Writes everything in one transaction. Raises the last error if `stop` is set: the next start judges the journal again."""
        if not step:
            return
        job = partial(step.write, recorder=self._recorder, now_us=self._clock.wall_us(), letters_kept=self._letters_kept)
        while True:
            try:
                added = self._database.write(job, self._notify).result()
                break
            except (sqlite3.OperationalError, OSError) as fault:
                self._recorder.forget()
                self.fault = f"the data file can't be written: {fault}"
                log.error("the data file can't be written; trying again", fault=str(fault))
                if self._stop.wait(_RETRY_S):
                    raise
        self.fault = None
        self._board.recorded([row for _, row in added])

    def _notify(self, added: Sequence[tuple[Logged, Row]]) -> None:
        for listener in self.listeners:
            listener(added)
