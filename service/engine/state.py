"""State of the engine: the pipeline and what it was fed with, up to one journal entry. Restored from a checkpoint, moved on by entries."""

from typing import Any

from changes.calendar import outranks
from models.canonical_json import decode
from models.change import Change
from models.errors import HighwaterError, StateError
from service.engine.checkpoints import Checkpoint
from service.engine.commit import Commit
from service.ingest import habit_rulings
from service.ingest.claims import claimed_at
from service.ingest.event_bodies import decoded
from service.ingest.journal import CHANGES, EVENTS, FINISH, HABIT, IDLE, REWIND, Entry
from service.store.record_rows import change_rows
from streams.flow import FlowStep
from streams.pipeline import Pipeline, PipelineParameters


class EngineState:
    """Everything that the journal up to entry `seq` determines."""

    def __init__(self, flow: PipelineParameters, changes: dict[str, Change], body_limit: int) -> None:
        self._flow, self._body_limit = flow, body_limit
        self.pipeline = Pipeline(flow)
        self.changes = changes
        """The revision in force of every declared change, by its key."""
        self.seq = 0
        """The last entry applied."""
        self.checkpoint_seq = 0
        """The last entry that a checkpoint covers."""
        self.streams: set[str] = set()

    def read(self, entry: Entry) -> Any:
        """The payload of an entry."""
        if entry.kind == EVENTS:
            return decoded(entry.body, entry.stream, self._body_limit)
        return [decode(Change, line) for line in entry.body.splitlines()] if entry.kind == CHANGES else None

    def apply(self, entry: Entry, payload: Any, step: Commit) -> FlowStep:
        """Applies one entry; its records go into `step`."""
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

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """The state of a checkpoint, or the empty one."""
        self.load(checkpoint.pipeline if checkpoint else None)
        self.seq = checkpoint.seq if checkpoint else 0
        self.streams = set(checkpoint.streams) if checkpoint else set()

    def load(self, state: bytes | None) -> None:
        """Continues with the pipeline of a checkpoint, None for an empty one; for a trial, after which the state is rebuilt."""
        self.pipeline = self._unpacked(state) if state is not None else Pipeline(self._flow)

    def repeat(self, entry: Entry) -> None:
        """Applies an entry without its results."""
        self.apply(entry, self.read(entry), Commit())

    def _unpacked(self, blob: bytes) -> Pipeline:
        try:
            return Pipeline.unpack(self._flow, blob)
        except (LookupError, TypeError, ValueError) as fault:
            raise StateError(
                f"the checkpoints were written by another version of Highwater ({fault!r}): run that one, or move the folder"
                " `checkpoints` away; learning then starts again"
            ) from fault


class StateTrial:
    """The engine's own state as a `Trial`: the entries that it applies were applied before, so nothing but the pipeline changes."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    def start(self, state: bytes | None) -> None:
        """See `Trial`."""
        self._state.load(state)

    def pack(self) -> bytes:
        """See `Trial`."""
        return self._state.pipeline.pack()

    def apply(self, entry: Entry) -> None:
        """See `Trial`."""
        self._state.repeat(entry)

    def finish(self) -> None:
        """See `Trial`."""
        self._state.pipeline.finish()
