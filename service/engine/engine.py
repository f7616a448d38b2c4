"""The engine: one thread that judges accepted input in journal order and commits the results."""

import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from correlation.change_reports.declaration_record import Declarations
from detectors.habit_list import Habit
from models.change import Change
from models.clock import Clock
from service.charts.findings import open_findings
from service.charts.recorder import ChartEncoder
from service.engine.checkpoint_schedule import CheckpointSchedule
from service.engine.checkpoints import Checkpoint, Checkpoints
from service.engine.commit import Commit
from service.engine.commit_waiters import CommitWaiters
from service.engine.committer import CommitListener, Committer
from service.engine.malloc_trim import trim_heap
from service.engine.repair import Repair
from service.engine.state import EngineState
from service.ingest import entry_batches
from service.ingest.event_bodies import ingest_response
from service.ingest.intake import Intake, Taken
from service.ingest.journal import EVENTS, Journal
from service.metrics import DeskBoard
from service.store import commits, quarantine
from service.store.database import Database
from service.store.record_rows import rows
from streams.pipeline import Pipeline, PipelineParameters

_RECOVERY_PARTS = 5
"""Checkpoints are this many times as frequent during a recovery: a monitor that is killed again makes progress at each start."""
_UNWRITABLE = (OverflowError, ValueError, TypeError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)
"""The data file's errors for a value that it cannot store; a disk that refuses raises an OperationalError."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EngineParameters:
    """The parameters of the engine."""

    body_limit: int
    checkpoint_every_s: float
    dead_letters: int
    recovery_work_s: float = 15.0
    """Longest work that a restart repeats."""


class Engine:
    """State = pipeline + the number of the last entry applied. Everything else is derived, and can be derived again without a change."""

    def __init__(
        self,
        parameters: EngineParameters,
        flow: PipelineParameters,
        database: Database,
        journal: Journal,
        checkpoints: Checkpoints,
        clock: Clock,
        board: DeskBoard,
    ) -> None:
        self._parameters = parameters
        self._database, self._journal, self._checkpoints, self._clock = database, journal, checkpoints, clock
        self._ticks = ChartEncoder()
        self._stop = threading.Event()
        self._committer = Committer(database, board, clock, parameters.dead_letters, self._stop)
        self._thread: threading.Thread | None = None
        self._board = board
        self._state = EngineState(flow, database.read(commits.declared), parameters.body_limit)
        self._repair = Repair(self._state, database, journal, checkpoints, self._stop)
        self._waiting = CommitWaiters()
        self._schedule = CheckpointSchedule(clock, parameters.checkpoint_every_s, parameters.recovery_work_s)
        self.lost: str | None = None
        """What is missing of the input that was accepted before this start."""
        self._removals_covered = 0
        self._recover_to = 0
        self._recovered = threading.Event()
        self._failure: Exception | None = None

    def on_commit(self, listener: CommitListener) -> None:
        """`listener` is called for every record that is new in the data file, in the order of the log, from the writer's thread."""
        self._committer.listeners.append(listener)

    @property
    def pipeline(self) -> Pipeline:
        """The flow as it is now."""
        return self._state.pipeline

    @property
    def changes(self) -> dict[str, Change]:
        """The revision in force of every declared change, by its key."""
        return self._state.changes

    @property
    def seq(self) -> int:
        """The last entry applied."""
        return self._state.seq

    @property
    def checkpoint_seq(self) -> int:
        """The last entry that a checkpoint covers."""
        return self._state.checkpoint_seq

    @property
    def streams(self) -> set[str]:
        """Streams that are not idle."""
        return self._state.streams

    @property
    def checkpointed_s(self) -> float:
        """When the last checkpoint was written, on the steady clock."""
        return self._schedule.written_s

    @property
    def fault(self) -> str | None:
        """Why nothing is judged at the moment."""
        return f"the engine stopped: {self._failure}" if self._failure is not None else self._committer.fault

    @property
    def watermark_us(self) -> int | None:
        """Windows up to it are closed and judged; None before the first event."""
        return self.pipeline.watermark_us

    @property
    def declaration_records(self) -> Declarations:
        """How accurate each User's declarations were."""
        return self.pipeline.declarations

    def habits(self) -> list[Habit]:
        """What the series do at a time of day or every so often that is no longer reported, and what people refused."""
        return self.pipeline.habits()

    def declared_changes(self) -> list[Change]:
        """The highest revision of every declared change."""
        return list(self.changes.values())

    def reached(self, seq: int) -> "Future[None]":
        """Done once everything up to this entry is judged and committed."""
        return self._waiting.for_entry(seq)

    @property
    def quarantined(self) -> int:
        """Journal entries that could not be judged and were not tried again."""
        return self._database.read(quarantine.waiting) if self._repair.quarantined else 0

    def recovery(self) -> tuple[int, int] | None:
        """(entry reached, entry to reach) while the journal is judged again; None once that is done."""
        return None if self._recovered.is_set() else (self.seq, self._recover_to)

    def remarks(self) -> list[str]:
        """What is wrong with the files that the state comes from, one line each."""
        removed = self._journal.removals and "files of the journal were removed while the monitor ran: a checkpoint holds what they held"
        return [one for one in (self.lost, removed) if one]

    def restore(self) -> None:
        """Loads the newest checkpoint. Later journal entries are judged by `recover`, or after `start`."""
        checkpoint, faults = self._checkpoints.newest()
        for fault in faults:
            log.warning("a checkpoint cannot be used; an older one is used instead", fault=fault)
        self.lost = self._journal.lack(checkpoint.seq if checkpoint else 0, is_begun=self._database.read(commits.is_begun))
        if self.lost is not None:
            log.error("input that was accepted is lost: restore a backup, or go on without it", reason=self.lost)
        self._repair.restore(checkpoint)
        self._recover_to = self._journal.next_seq - 1

    def recover(self) -> int:
        """Judges the journal entries after the checkpoint again; returns their number.

        Checkpoints are written on the way, so that a monitor that is killed again and again still makes progress.
        """
        count = 0
        for group in entry_batches.of_journal(self._journal.entries(self.seq), self._recover_to):
            self._judge_group([Taken(entry, None) for entry in group])
            count += len(group)
            if self._schedule.work_s >= self._parameters.recovery_work_s / _RECOVERY_PARTS:
                log.info("recovering", position=self.seq, end=self._recover_to)
                self.checkpoint()
        if count:
            self.checkpoint()
        self._recovered.set()
        log.info("recovered", entries=count, position=self.seq)
        return count

    def wait_until_recovered(self, seconds: float) -> bool:
        """Waits for the end of the recovery, at most this long; returns whether it has ended. Raises the error that ended it early."""
        done = self._recovered.wait(seconds)
        if self._failure is not None:
            raise self._failure
        return done

    def start(self, intake: Intake) -> None:
        """Judges the entries of `intake` until it closes."""
        self._thread = threading.Thread(target=self._run, args=(intake,), name="engine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Waits for the last entry and writes a checkpoint. Close the intake first."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None

    def _run(self, intake: Intake) -> None:
        try:
            if not self._recovered.is_set():
                self.recover()
            self._follow(intake)
        except Exception as fault:
            log.exception("the engine stopped: restart the monitor, and report this")
            self._failure = fault
            self._waiting.fail_all(fault)
            self._recovered.set()

    def _follow(self, intake: Intake) -> None:
        last = False
        while not last:
            group = entry_batches.next_batch(intake)
            last = group[-1] is None
            taken = [one for one in group if one is not None]
            self._judge_group(taken)
            for one in taken:
                intake.judged(one)
                self._schedule.uncovered_bytes += one.weight
            removed = self._journal.removals > self._removals_covered
            if last or removed or self._schedule.is_due():
                self._removals_covered = self._journal.removals
                self.checkpoint()

    def _judge_group(self, group: Sequence[Taken]) -> None:
        """Judges entries and commits the results, together if possible; then notifies everyone who waits for them."""
        began_s, before = self._clock.steady_s(), self.seq
        step = Commit()
        for one in group:
            self._judge(one, step)
        try:
            self._committer.commit(step)
        except _UNWRITABLE as fault:
            log.error("the results cannot be written; the entries are judged one by one", fault=repr(fault))
            self._repair.rebuild(before)
            for one in group:
                self._judge_alone(one)
        self._waiting.reached(self.seq)
        self._schedule.work_s += self._clock.steady_s() - began_s

    def _judge_alone(self, taken: Taken) -> None:
        step = Commit()
        self._judge(Taken(taken.entry, None), step)
        try:
            self._committer.commit(step)
        except _UNWRITABLE as fault:
            self._repair.set_aside(taken.entry, fault)

    def checkpoint(self) -> None:
        """Writes the state, and deletes the journal files that no kept checkpoint needs."""
        self._schedule.restart()
        if self.seq == self.checkpoint_seq:
            return
        try:
            self._checkpoints.write(Checkpoint(self.seq, self.pipeline.pack(), tuple(sorted(self.streams))))
            self._journal.forget(self._checkpoints.covered())
        except OSError as fault:
            log.warning("no checkpoint could be written: a restart will take longer", fault=str(fault))
            return
        self._state.checkpoint_seq = self.seq
        trim_heap()

    def _judge(self, taken: Taken, step: Commit) -> None:
        entry = taken.entry
        if entry.seq in self._repair.quarantined:
            self._state.seq = entry.seq
            return
        began_s = self._clock.steady_s()
        judged = self._repair.attempt(taken, step)
        if judged is None:
            return
        payload, outputs = judged
        self._state.seq = step.seq = entry.seq
        step.rows += [(row, None) for row in rows(outputs)]
        step.letters += [(entry.seq, index, letter) for index, letter in enumerate(outputs.rejected)]
        for detected in outputs.detected:
            step.ticks += self._ticks.make(detected)
            step.findings += open_findings(detected)
        if entry.kind == EVENTS:
            counts = {"accepted": outputs.accepted, "repeated": outputs.repeated, "late": outputs.late}
            self._board.counted(**counts, malformed=len(payload.rejections))
            if entry.key:
                step.answers.append((entry.stream, entry.key, entry.body, ingest_response(payload)))
        self._board.seen(
            outputs.detected,
            watermark_us=self.pipeline.watermark_us,
            held=outputs.held,
            now_us=self._clock.wall_us(),
            step_s=self._clock.steady_s() - began_s,
        )
