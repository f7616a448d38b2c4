"""The engine: one thread that judges what was taken in, in journal order, and commits what follows from it."""

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
from models.canonical_json import decode
from models.change import Change
from models.errors import HighwaterError, StateError
from service.charts.findings import open_findings
from service.charts.recorder import ChartEncoder, Recorder
from service.clock import Clock
from service.engine.checkpoints import Checkpoint, Checkpoints
from service.engine.commit import Commit
from service.engine.commit_waiters import CommitWaiters
from service.engine.malloc_trim import trim_heap
from service.ingest import entry_batches
from service.ingest.claims import claimed_at
from service.ingest.event_bodies import decoded, ingest_response
from service.ingest.intake import Intake, Taken
from service.ingest.journal import CHANGES, EVENTS, FINISH, IDLE, Entry, Journal
from service.metrics import DeskBoard
from service.store import commits
from service.store.database import Database
from service.store.record_rows import change_rows, rows
from service.store.records import Logged, Row
from streams.pipeline import Outputs, Pipeline, PipelineParameters

_MOST_LEFT_OUT = 3
_MUCH_BYTES = 32_000_000
"""Of events that a restart would judge again: about a second of it."""
_RETRY_S = 1.0
log = structlog.get_logger()
CommitListener = Callable[[Sequence[tuple[Logged, Row]]], None]


@dataclass(frozen=True, slots=True)
class EngineParameters:
    """What tunes the engine."""

    body_limit: int
    checkpoint_every_s: float
    dead_letters: int


class Engine:
    """State = pipeline + the number of the last entry applied. Everything else is derived, and deriving it again changes nothing."""

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
        self._skipped: set[int] = set(database.read(commits.skipped))
        self._board = board
        self.fault: str | None = None
        """Why nothing is judged at the moment."""
        self.pipeline = Pipeline(flow)
        self.changes = database.read(commits.declared)
        """The revision of every declared change that counts, by its key."""
        self.seq = 0
        self.streams: set[str] = set()
        self.checkpoint_seq = 0
        self._waiting = CommitWaiters()
        self.checkpointed_s, self._uncovered = clock.steady_s(), 0

    def on_commit(self, told: CommitListener) -> None:
        """`told` hears of every record that is new in the data file, in the order of the log, from the writer's thread."""
        self._committed.append(told)

    @property
    def watermark_us(self) -> int | None:
        """Windows up to it are closed and judged; None before the first event."""
        return self.pipeline.watermark_us

    @property
    def declaration_records(self) -> Declarations:
        """How each User's declarations stood the test."""
        return self.pipeline.declarations

    def declared_changes(self) -> list[Change]:
        """The highest revision of every declared change."""
        return list(self.changes.values())

    def reached(self, seq: int) -> "Future[None]":
        """Done once everything up to this entry is judged and committed."""
        return self._waiting.for_entry(seq)

    def recover(self) -> int:
        """Go on from the newest checkpoint and judge again what the journal holds after it; the number of entries that took."""
        found, faults = self._checkpoints.newest()
        for fault in faults:
            log.warning("a checkpoint can't be used, an older one is", fault=fault)
        self._restore(found)
        first = next(self._journal.entries(self.seq), None)
        if first is not None and first.seq != self.seq + 1:
            log.error("the journal lacks entries: what they held is lost", after=self.seq, before=first.seq)
        count = 0
        for group in entry_batches.of_journal(self._journal.entries(self.seq)):
            step = Commit()
            for entry in group:
                self._judge(Taken(entry, self._read(entry)), step)
            self._commit(step)
            count += len(group)
        self._waiting.reached(self.seq)
        return count

    def start(self, intake: Intake) -> None:
        """Judge what `intake` takes until it closes."""
        self._thread = threading.Thread(target=self._run, args=(intake,), name="engine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the last entry and leave a checkpoint. Close the intake first."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None

    def _run(self, intake: Intake) -> None:
        try:
            self._follow(intake)
        except Exception as fault:
            log.exception("the engine stopped: restart the monitor, and report this")
            self.fault = f"the engine stopped: {fault}"
            self._waiting.fail_all(fault)

    def _follow(self, intake: Intake) -> None:
        last = False
        while not last:
            group = entry_batches.next_batch(intake)
            last = group[-1] is None
            taken = [one for one in group if one is not None]
            step = Commit()
            for one in taken:
                self._judge(one, step)
            self._commit(step)
            self._waiting.reached(self.seq)
            for one in taken:
                intake.judged(one)
                self._uncovered += one.weight
            if last or self._is_due():
                self.checkpoint()

    def _is_due(self) -> bool:
        """A checkpoint costs its size in writes, a late one costs the restart: sooner where much came in since the last."""
        waited_s, every_s = self._clock.steady_s() - self.checkpointed_s, self._parameters.checkpoint_every_s
        return waited_s >= every_s or (waited_s >= every_s / 4 and self._uncovered >= _MUCH_BYTES)

    def checkpoint(self) -> None:
        """Write the state, and drop the journal that no kept checkpoint needs."""
        self.checkpointed_s, self._uncovered = self._clock.steady_s(), 0
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
        if entry.seq in self._skipped:
            self.seq = entry.seq
            return
        began_s = self._clock.steady_s()
        try:
            outputs = self._apply(entry, taken.payload, step)
        except Exception:
            log.exception("an entry can't be judged and is left out: please report this", entry=entry.seq)
            self._skip_poison_entry(entry)
            return
        self.seq = step.seq = entry.seq
        step.rows += [(row, None) for row in rows(outputs)]
        step.letters += [(entry.seq, place, letter) for place, letter in enumerate(outputs.rejected)]
        for detected in outputs.detected:
            step.ticks += self._ticks.make(detected)
            step.findings += open_findings(detected)
        if entry.kind == EVENTS:
            counts = {"accepted": outputs.accepted, "repeated": outputs.repeated, "late": outputs.late}
            self._board.counted(**counts, malformed=len(taken.payload.rejections))
            if entry.key:
                step.answers.append((entry.stream, entry.key, entry.body, ingest_response(taken.payload)))
        self._board.seen(
            outputs.detected,
            watermark_us=self.pipeline.watermark_us,
            held=outputs.held,
            now_us=self._clock.wall_us(),
            step_s=self._clock.steady_s() - began_s,
        )

    def _apply(self, entry: Entry, payload: Any, step: Commit) -> Outputs:
        if entry.kind == EVENTS:
            self.streams.add(entry.stream)
            return self.pipeline.feed(payload, entry.stream)
        if entry.kind == CHANGES:
            arrived_us = self.pipeline.watermark_us if entry.stream else None
            self.pipeline.declare(payload, arrived_us, claimed_us=claimed_at(entry, arrived_us))
            for change in payload:
                if outranks(change, self.changes.get(change.key)):
                    self.changes[change.key] = change
                step.rows += [(row, change) for row in change_rows(change, arrived_us or entry.arrived_us)]
            return Outputs()
        if entry.kind == IDLE:
            self.streams.discard(entry.stream)
            return self.pipeline.idle(entry.stream)
        if entry.kind == FINISH:
            return self.pipeline.finish()
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
                " `checkpoints` away and accept that learning begins anew"
            ) from fault

    def _skip_poison_entry(self, bad: Entry) -> None:
        """The state before `bad`, rebuilt without it: a fault of ours in one entry must not stop the watch.

        Raises StateError when entry after entry fails: then it is no entry's fault, and going on would throw everything away.
        """
        if {bad.seq - back for back in range(1, _MOST_LEFT_OUT + 1)} <= self._skipped:
            raise StateError(f"no entry can be judged any more, from {bad.seq - _MOST_LEFT_OUT} on")
        self._skipped.add(bad.seq)
        self._database.write(partial(commits.skip, seq=bad.seq)).result()
        found, _ = self._checkpoints.newest()
        self._restore(found)
        for entry in self._journal.entries(self.seq):
            if entry.seq >= bad.seq:
                break
            if entry.seq not in self._skipped:
                self._apply(entry, self._read(entry), Commit())
        self.seq = bad.seq

    def _commit(self, step: Commit) -> None:
        """Until it is done: what was accepted must not be lost because a disk is full for a while."""
        if not step:
            return
        job = partial(step.write, recorder=self._recorder, now_us=self._clock.wall_us(), letters_kept=self._parameters.dead_letters)
        while True:
            try:
                added = self._database.write(job, self._notify_listeners).result()
                break
            except (sqlite3.Error, OSError) as fault:
                self._recorder.forget()
                self.fault = f"the data file can't be written: {fault}"
                log.error("the data file can't be written; trying again", fault=str(fault))
                if self._stop.wait(_RETRY_S):
                    raise  # the journal has it all: the next start judges it again
        self.fault = None
        self._board.recorded([row for _, row in added])
