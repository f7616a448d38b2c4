"""The engine: one thread that judges accepted input in journal order and commits the results."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from changes.calendar import outranks
from correlation.change_reports.declaration_record import Declarations
from detectors.habit_list import Habit
from models.canonical_json import decode
from models.change import Change
from models.clock import Clock
from models.errors import HighwaterError, StateError
from service.charts.findings import open_findings
from service.charts.recorder import ChartEncoder, Recorder
from service.engine.checkpoints import Checkpoint, Checkpoints
from service.engine.commit import Commit
from service.engine.commit_waiters import CommitWaiters
from service.engine.culprit import breaks, culprit_between
from service.engine.malloc_trim import trim_heap
from service.ingest import entry_batches, habit_rulings
from service.ingest.claims import claimed_at
from service.ingest.event_bodies import decoded, ingest_response
from service.ingest.intake import Intake, Taken
from service.ingest.journal import CHANGES, EVENTS, FINISH, HABIT, IDLE, REWIND, Entry, Journal
from service.metrics import DeskBoard
from service.store import commits, quarantine
from service.store.database import Database
from service.store.record_rows import change_rows, rows
from service.store.records import Logged, Row
from streams.flow import FlowStep
from streams.pipeline import Pipeline, PipelineParameters

_MUCH_BYTES = 32_000_000
"""Bytes of events that a restart would judge again: about a second of work."""
_RETRY_S = 1.0
_MOST_TRANSIENT = 3
"""How often an entry is judged again after an error of the machine, before it counts as the cause."""
_MOST_SEARCHES = 5
"""How many earlier entries may go into quarantine because of one entry; then that one goes too."""
_RECOVERY_PARTS = 5
"""Checkpoints are this many times as frequent during a recovery: a monitor that is killed again makes progress at each start."""
_UNWRITABLE = (OverflowError, ValueError, TypeError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)
"""The data file's errors for a value that it cannot store; a disk that refuses raises an OperationalError."""
log = structlog.get_logger()
CommitListener = Callable[[Sequence[tuple[Logged, Row]]], None]


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
        self._parameters, self._flow = parameters, flow
        self._database, self._journal, self._checkpoints, self._clock = database, journal, checkpoints, clock
        self._recorder, self._ticks = Recorder(), ChartEncoder()
        self._committed: list[CommitListener] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._quarantined: set[int] = database.read(quarantine.numbers)
        self._board = board
        self.fault: str | None = None
        """Why nothing is judged at the moment."""
        self.pipeline = Pipeline(flow)
        self.changes = database.read(commits.declared)
        """The revision in force of every declared change, by its key."""
        self.seq = 0
        self.streams: set[str] = set()
        self.checkpoint_seq = 0
        self._waiting = CommitWaiters()
        self.checkpointed_s, self._uncovered = clock.steady_s(), 0
        self._work_s = 0.0
        """Work since the last checkpoint, which a restart would repeat."""
        self._recover_to = 0
        self._recovered = threading.Event()
        self._failure: Exception | None = None

    def on_commit(self, told: CommitListener) -> None:
        """`told` is called for every record that is new in the data file, in the order of the log, from the writer's thread."""
        self._committed.append(told)

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
        return self._database.read(quarantine.waiting) if self._quarantined else 0

    def recovery(self) -> tuple[int, int] | None:
        """(entry reached, entry to reach) while the journal is judged again; None once that is done."""
        return None if self._recovered.is_set() else (self.seq, self._recover_to)

    def restore(self) -> None:
        """Loads the newest checkpoint. Later journal entries are judged by `recover`, or after `start`."""
        found, faults = self._checkpoints.newest()
        for fault in faults:
            log.warning("a checkpoint cannot be used; an older one is used instead", fault=fault)
        self._restore(found)
        self._recover_to = self._journal.next_seq - 1
        first = next(self._journal.entries(self.seq), None)
        if first is not None and first.seq != self.seq + 1:
            log.error("the journal lacks entries: their content is lost", after=self.seq, before=first.seq)

    def recover(self) -> int:
        """Judges the journal entries after the checkpoint again; returns their number.

        Checkpoints are written on the way, so that a monitor that is killed again and again still makes progress.
        """
        count = 0
        for group in entry_batches.of_journal(self._journal.entries(self.seq), self._recover_to):
            self._judge_group([Taken(entry, None) for entry in group])
            count += len(group)
            if self._work_s >= self._parameters.recovery_work_s / _RECOVERY_PARTS:
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
            self.fault, self._failure = f"the engine stopped: {fault}", fault
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
                self._uncovered += one.weight
            if last or self._is_due():
                self.checkpoint()

    def _judge_group(self, group: Sequence[Taken]) -> None:
        """Judges entries and commits the results, together if possible; then notifies everyone who waits for them."""
        began_s, before = self._clock.steady_s(), self.seq
        step = Commit()
        for one in group:
            self._judge(one, step)
        try:
            self._commit(step)
        except _UNWRITABLE as fault:
            log.error("the results cannot be written; the entries are judged one by one", fault=repr(fault))
            self._rebuild(before)
            for one in group:
                self._judge_alone(one)
        self._waiting.reached(self.seq)
        self._work_s += self._clock.steady_s() - began_s

    def _judge_alone(self, taken: Taken) -> None:
        step = Commit()
        self._judge(Taken(taken.entry, None), step)
        try:
            self._commit(step)
        except _UNWRITABLE as fault:
            self._set_aside(taken.entry, fault)

    def _is_due(self) -> bool:
        """A checkpoint costs its size in writes, a late one makes the restart longer: it is earlier after much input."""
        waited_s, every_s = self._clock.steady_s() - self.checkpointed_s, self._parameters.checkpoint_every_s
        much = self._uncovered >= _MUCH_BYTES or self._work_s >= self._parameters.recovery_work_s
        return waited_s >= every_s or (waited_s >= every_s / 4 and much) or self._work_s >= 2 * self._parameters.recovery_work_s

    def checkpoint(self) -> None:
        """Writes the state, and deletes the journal files that no kept checkpoint needs."""
        self.checkpointed_s, self._uncovered, self._work_s = self._clock.steady_s(), 0, 0.0
        if self.seq == self.checkpoint_seq:
            return
        try:
            self._checkpoints.write(Checkpoint(self.seq, self.pipeline.pack(), tuple(sorted(self.streams))))
            self._journal.forget(self._checkpoints.covered())
        except OSError as fault:
            log.warning("no checkpoint could be written: a restart will take longer", fault=str(fault))
            return
        self.checkpoint_seq = self.seq
        trim_heap()

    def _judge(self, taken: Taken, step: Commit) -> None:
        entry = taken.entry
        if entry.seq in self._quarantined:
            self.seq = entry.seq
            return
        began_s = self._clock.steady_s()
        judged = self._attempt(taken, step)
        if judged is None:
            return
        payload, outputs = judged
        self.seq = step.seq = entry.seq
        step.rows += [(row, None) for row in rows(outputs)]
        step.letters += [(entry.seq, place, letter) for place, letter in enumerate(outputs.rejected)]
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

    def _attempt(self, taken: Taken, step: Commit) -> tuple[Any, FlowStep] | None:
        """What the entry says and what follows from it; None if it is in quarantine.

        After an error of the machine it is tried again. Where an earlier entry is the cause, that one goes into quarantine instead.
        """
        entry, transient, searches = taken.entry, _MOST_TRANSIENT, _MOST_SEARCHES
        while entry.seq not in self._quarantined:
            try:
                payload = self._read(entry) if taken.payload is None else taken.payload
                return payload, self._apply(entry, payload, step)
            except Exception as fault:
                if isinstance(fault, (MemoryError, OSError)) and transient:
                    transient -= 1
                    log.warning("an entry is judged again: the machine failed", entry=entry.seq, fault=repr(fault))
                    self._stop.wait(_RETRY_S)
                    self._rebuild(entry.seq - 1)
                    continue
                searches -= 1
                found = self._culprit(entry) if searches > 0 else entry
                if found is not None:
                    self._set_aside(found, fault)
                if entry.seq not in self._quarantined:
                    self._rebuild(entry.seq - 1)
        return None

    def _culprit(self, bad: Entry) -> Entry | None:
        """The entry because of which `bad` can't be judged: it, or an earlier one that no more than one kept checkpoint covers.

        None where the error does not come again.
        """
        newest, _ = self._checkpoints.newest()
        older = self._checkpoints.before(newest.seq) if newest else None
        trial = EngineTrial(self)
        for found in [newest, older] if older else [newest]:
            state, seq = (found.pipeline, found.seq) if found else (None, 0)
            if not breaks(trial, state, bad):
                self._rebuild(bad.seq - 1)
                if not breaks(trial, self.pipeline.pack(), bad):
                    return None
                return culprit_between(trial, state, seq, bad, self._entries_between)
        return bad

    def _entries_between(self, after: int, last: int) -> list[Entry]:
        return [
            entry
            for group in entry_batches.of_journal(self._journal.entries(after), last)
            for entry in group
            if entry.seq not in self._quarantined
        ]

    def _apply(self, entry: Entry, payload: Any, step: Commit) -> FlowStep:
        if entry.kind == EVENTS:
            self.streams.add(entry.stream)
            return self.pipeline.feed(payload, entry.stream, entry.arrived_us or None)
        if entry.kind == CHANGES:
            arrived_us = self.pipeline.watermark_us if entry.stream else None
            self.pipeline.declare(payload, arrived_us, claimed_us=claimed_at(entry, arrived_us))
            for change in payload:
                if outranks(change, self.changes.get(change.key)):
                    self.changes[change.key] = change
                step.rows += [(row, change) for row in change_rows(change, arrived_us or entry.arrived_us)]
            return FlowStep()
        if entry.kind == IDLE:
            self.streams.discard(entry.stream)
            return self.pipeline.idle(entry.stream)
        if entry.kind == FINISH:
            return self.pipeline.finish()
        if entry.kind == REWIND:
            self.pipeline = self.pipeline.rewound(entry.arrived_us)
            step.rewinds.append((entry.seq, entry.arrived_us))
            return FlowStep()
        if entry.kind == HABIT:
            self.pipeline.rule_on_habit(habit_rulings.decoded(entry.body))
            return FlowStep()
        raise HighwaterError(f"the journal holds an entry of kind {entry.kind}: run the program that wrote it")

    def _notify_listeners(self, added: Sequence[tuple[Logged, Row]]) -> None:
        for told in self._committed:
            told(added)

    def _read(self, entry: Entry) -> Any:
        if entry.kind == EVENTS:
            return decoded(entry.body, entry.stream, self._parameters.body_limit)
        return [decode(Change, line) for line in entry.body.splitlines()] if entry.kind == CHANGES else None

    def _restore(self, found: Checkpoint | None) -> None:
        self.pipeline = self._unpacked(found.pipeline) if found else Pipeline(self._flow)
        self.seq = self.checkpoint_seq = found.seq if found else 0
        self.streams = set(found.streams) if found else set()
        self._journal.skip_to(self.seq + 1)

    def _unpacked(self, blob: bytes) -> Pipeline:
        try:
            return Pipeline.unpack(self._flow, blob)
        except (LookupError, TypeError, ValueError) as fault:
            raise StateError(
                f"the checkpoints were written by another version of Highwater ({fault!r}): run that one, or move the folder"
                " `checkpoints` away; learning then starts again"
            ) from fault

    def _set_aside(self, bad: Entry, fault: Exception) -> None:
        """Puts `bad` into quarantine and rebuilds the state without it: one entry must not stop the monitor."""
        log.error("an entry cannot be judged and is in quarantine: please report this", entry=bad.seq, exc_info=fault)
        self._quarantined.add(bad.seq)
        self._database.write(partial(quarantine.add, entry=bad, reason=repr(fault))).result()
        self._checkpoints.drop(bad.seq)
        self._rebuild(bad.seq - 1)
        self.seq = bad.seq

    def load(self, state: bytes | None) -> None:
        """Continues with the pipeline of a checkpoint, None for an empty one; for a trial, after which the state is rebuilt."""
        self.pipeline = self._unpacked(state) if state is not None else Pipeline(self._flow)

    def repeat(self, entry: Entry) -> None:
        """Applies an entry without its results."""
        self._apply(entry, self._read(entry), Commit())

    def _rebuild(self, last: int) -> None:
        """The state after entry `last`, from the newest checkpoint and the journal; written records stay written."""
        found, _ = self._checkpoints.newest()
        self._restore(found)
        for group in entry_batches.of_journal(self._journal.entries(self.seq), last):
            for entry in group:
                if entry.seq not in self._quarantined:
                    self.repeat(entry)
        self.seq = last

    def _commit(self, step: Commit) -> None:
        """Retries until it succeeds: accepted input must not be lost because a disk is full for a while."""
        if not step:
            return
        job = partial(step.write, recorder=self._recorder, now_us=self._clock.wall_us(), letters_kept=self._parameters.dead_letters)
        while True:
            try:
                added = self._database.write(job, self._notify_listeners).result()
                break
            except (sqlite3.OperationalError, OSError) as fault:
                self._recorder.forget()
                self.fault = f"the data file can't be written: {fault}"
                log.error("the data file can't be written; trying again", fault=str(fault))
                if self._stop.wait(_RETRY_S):
                    raise  # the journal has everything: the next start judges it again
        self.fault = None
        self._board.recorded([row for _, row in added])


class EngineTrial:
    """The engine's own state as a `Trial`: the entries that it applies were applied before, so nothing but the pipeline changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, state: bytes | None) -> None:
        """See `Trial`."""
        self._engine.load(state)

    def pack(self) -> bytes:
        """See `Trial`."""
        return self._engine.pipeline.pack()

    def apply(self, entry: Entry) -> None:
        """See `Trial`."""
        self._engine.repeat(entry)
