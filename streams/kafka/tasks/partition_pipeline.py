"""Partition pipeline: the flow up to detection for one partition number, as a value that packs and continues on another worker."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from changes.calendar import Calendar
from models.columns import Detected
from models.dead_letter import DeadLetter
from models.state_bytes import pack, unpack
from models.times import format_time
from streams.decode import decode_records
from streams.detection_by_resolution import DetectionByResolution
from streams.flow import DetectionFlow, FlowStep
from streams.kafka.exchange.calendar_reader import CalendarLog
from streams.kafka.exchange.stage_records import PartitionProgress
from streams.kafka.tasks.quarantine import CHANGES, TRANSIENT, WINDOWS, PoisonError, Quarantine, letter_of
from streams.kafka.tasks.topic_buffer import TopicBuffer, slowest_first
from streams.pipeline import PipelineParameters
from streams.windowing.assembler import Assembler, AssemblyResult

STATE_VERSION = 3


class PartitionPipeline:
    """Assembler, detection and calendar of one partition number.

    Deterministic given the records and three clock decisions (partition idle, change arrived, remote high-water marks). Each is written
    to the progress record; a worker that takes over replays them.
    """

    def __init__(
        self, number: int, topics: Iterable[str], parameters: PipelineParameters, log: CalendarLog, learned: Mapping[str, Any] | None = None
    ) -> None:
        """`learned` is the start of new series, see `streams.learned_state`; it is the same for all workers and not part of the state."""
        self.number = number
        self.quarantine = Quarantine()
        self.left_out: list[tuple[str, Any, str]] = []
        """(topic, record, reason) of records that the last steps left out; whoever keeps them whole empties it."""
        self.inputs = {topic: TopicBuffer() for topic in topics}
        self._parameters = parameters
        self._log = log
        self._calendar = Calendar()
        self._flow = DetectionFlow(parameters.time, parameters.detection, self._calendar)
        for topic in self.inputs:
            # Its first record may be as old as the other topic's, and arrive after it.
            self._flow.assembler.expect(topic)
        self._learned = dict(learned or {})
        self._flow.detection.learn_from(self._learned)
        self._calendar_next = 0
        self._decisions_to_replay: deque[PartitionProgress] = deque()
        self._ignores_remote = False
        self._remote_highest: dict[str, int] = {}
        """The two Users of other partitions that are furthest, with their times."""

    @property
    def positions(self) -> dict[str, int]:
        """Topic → next offset that is not yet in the state."""
        return {topic: each.position for topic, each in self.inputs.items()}

    @property
    def passed(self) -> dict[str, int]:
        """Changes and windows before these places are in the state."""
        return {CHANGES: self._calendar_next, WINDOWS: -1 if self.frontier_us is None else self.frontier_us + 1}

    @property
    def frontier_us(self) -> int | None:
        """Windows up to it are closed."""
        return self._flow.assembler.watermark_us

    @property
    def highest(self) -> tuple[tuple[str, int], ...]:
        """The two Users that are furthest in event time, with their times (µs)."""
        return self._flow.assembler.highest

    @property
    def replaying(self) -> bool:
        """Whether it still repeats the reported work of its predecessor."""
        return bool(self._decisions_to_replay)

    def progress(
        self, generation: int, sequence: int, *, idle_topics: Iterable[str] = (), covers: tuple[int, int] = (-1, -1), lagging: bool = False
    ) -> PartitionProgress:
        """The current progress record."""
        still = tuple(sorted(idle_topics))
        return PartitionProgress(
            partition=self.number,
            generation=generation,
            sequence=sequence,
            positions=self.positions,
            frontier_us=self.frontier_us,
            calendar_next=self._calendar_next,
            highest=self.highest,
            remote_highest=tuple(self._remote_highest.items()),
            ignores_remote=self._ignores_remote,
            covers=covers,
            lagging=lagging,
            idle_topics=still,
            idle=len(still) == len(self.inputs),
        )

    def begin(self, positions: Mapping[str, int], ends: Mapping[str, int], later_progress: Iterable[PartitionProgress]) -> None:
        """Where to continue, how far the logs reach, and the later progress of predecessors."""
        for topic, each in self.inputs.items():
            each.position, each.end = positions[topic], ends[topic]
        self._decisions_to_replay = deque(new_decisions(later_progress, self.positions, self.frontier_us))

    def take(self, topic: str, records: Sequence[Any], end: int = 0) -> None:
        """Records of one fetch, which covered everything before offset `end`; records in the state or in the buffer are skipped."""
        self.inputs[topic].take(records, end)

    def step(self) -> FlowStep | None:
        """The next unit of work; None if there is nothing to do now."""
        if self._decisions_to_replay and self._decisions_to_replay[0].calendar_next > self._log.next_offset:
            # The predecessor used changes that were not read here yet.
            return None
        self._arrive()
        for topic in slowest_first(self.inputs):
            each = self.inputs[topic]
            # Not beyond the predecessor's next progress record.
            decided_end = self._decisions_to_replay[0].positions.get(topic, each.position) if self._decisions_to_replay else None
            bound, most = self.quarantine.bounds(topic, each.waiting[0].offset) if each.waiting else (None, None)
            records = each.slice(min((end for end in (decided_end, bound) if end is not None), default=None), most)
            if records:
                return self._feed(topic, records)
        return self._replay_decisions()

    def follow(self, frontier_us: int | None) -> FlowStep | None:
        """Nothing arrives now, and the others have reached `frontier_us`."""
        if frontier_us is None or self._decisions_to_replay or (self.frontier_us is not None and frontier_us <= self.frontier_us):
            return None
        self._arrive()
        return self._detect(self._flow.assembler.follow(frontier_us))

    def rest(self, topic: str) -> FlowStep:
        """Only this topic brings nothing now: windows no longer wait for it."""
        self._arrive()
        return self._detect(self._flow.assembler.idle(topic))

    def update_remote(self, highest: Mapping[str, int], *, ignores_remote: bool = False) -> FlowStep | None:
        """How far Users of other partitions are: a User far ahead of all of them has a wrong clock. Returns None if nothing changed.

        `ignores_remote`: some of those partitions lag, so it is unknown what their Users have sent, and no event is held because of them.
        """
        known = self._remote_highest | {user: max(at_us, self._remote_highest.get(user, at_us)) for user, at_us in highest.items()}
        furthest = dict(sorted(known.items(), key=lambda entry: (-entry[1], entry[0]))[:2])
        if (furthest, ignores_remote) == (self._remote_highest, self._ignores_remote):
            return None
        self._remote_highest, self._ignores_remote = furthest, ignores_remote
        return self._detect(self._flow.assembler.observe_remote(furthest, ignores_remote=ignores_remote))

    def state(self) -> dict[str, bytes]:
        """Part → bytes; unchanged parts pack to the same bytes."""
        cohorts = self._flow.detection.pack()["detection"]
        parts = {f"cohort-{window_s}": tree for window_s, tree in cohorts.items()}
        parts |= {"assembler": self._flow.assembler.pack(), "calendar": [self._calendar_next, self._calendar.pack()]}
        return {name: pack(tree, STATE_VERSION) for name, tree in parts.items()}

    def restore(self, parts: Mapping[str, bytes]) -> None:
        """Restores `state`. Raises StateError for another version."""
        trees = {name: unpack(blob, STATE_VERSION) for name, blob in parts.items()}
        self._flow.assembler = Assembler.unpack(self._parameters.time, trees["assembler"])
        self._ignores_remote = self._flow.assembler.ignores_remote
        self._calendar_next, calendar = trees["calendar"]
        self._calendar = self._flow.calendar = Calendar.unpack(calendar)
        cohorts = {name.removeprefix("cohort-"): tree for name, tree in trees.items() if name.startswith("cohort-")}
        self._flow.detection = DetectionByResolution.unpack(self._parameters.detection, {"detection": cohorts, "learned": self._learned})

    def _arrive(self) -> None:
        """Adds the new calendar records; while it repeats a predecessor's work, only as far as that one had read."""
        end = self._decisions_to_replay[0].calendar_next if self._decisions_to_replay else self._log.next_offset
        for declared in self._log.between(self._calendar_next, end):
            if self.quarantine.reason(CHANGES, declared.offset) is None:
                try:
                    declared.apply(self._calendar, self.frontier_us)
                    self.quarantine.passed(CHANGES, declared.offset)
                except TRANSIENT:
                    raise
                except Exception as error:
                    raise PoisonError.of(CHANGES, declared.offset, error) from error
        self._calendar_next = max(self._calendar_next, end)

    def _feed(self, topic: str, records: list[Any]) -> FlowStep:
        """Raises PoisonError where the records break the work; then nothing of this state can be used any more.

        Where records are suspected already, the state before them is kept, and the work goes on from it without them.
        """
        reason = self.quarantine.reason(topic, records[0].offset)
        if reason is not None:
            return self._leave_out(topic, records[0], reason)
        each = self.inputs[topic]
        before = (self.state(), each.position, each.reached_us) if self.quarantine.suspects(topic, records[0].offset) else None
        try:
            step = self._work_on(topic, records)
        except (PoisonError, *TRANSIENT):
            raise
        except Exception as error:
            first, end = records[0].offset, records[-1].offset + 1
            poison = PoisonError(topic, first, end, len(records), f"{type(error).__name__}: {error}")
            if before is None:
                raise poison from error
            parts, each.position, each.reached_us = before
            self.restore(parts)
            each.waiting.extendleft(reversed(records))
            self.quarantine.note(poison)
            return FlowStep()
        self.quarantine.passed(topic, records[-1].offset)
        return step

    def _leave_out(self, topic: str, record: Any, reason: str) -> FlowStep:
        self.inputs[topic].position = record.offset + 1
        self.left_out.append((topic, record, reason))
        return FlowStep(rejected=[letter_of(topic, self.number, record.offset, record.value or b"", reason)])

    def _work_on(self, topic: str, records: list[Any]) -> FlowStep:
        each = self.inputs[topic]
        batch = decode_records([record.value for record in records], topic, self.number, [record.offset for record in records])
        each.position = records[-1].offset + 1
        if len(batch):
            each.reached_us = int(np.median(batch.observed_us))
        return self._detect(self._flow.assembler.feed(batch, topic))

    def _replay_decisions(self) -> FlowStep | None:
        """Once the input reaches the predecessor's next progress record, apply the clock decisions stored in it."""
        if not self._decisions_to_replay or not all(
            each.past(self._decisions_to_replay[0].positions.get(topic, 0)) for topic, each in self.inputs.items()
        ):
            return None
        decisions = self._decisions_to_replay[0]
        decided = [
            step
            for step in (
                self.update_remote(dict(decisions.remote_highest), ignores_remote=decisions.ignores_remote),
                *map(self.rest, decisions.idle_topics),
            )
            if step is not None
        ]
        if decisions.frontier_us is not None and (self.frontier_us is None or decisions.frontier_us > self.frontier_us):
            decided.append(self._detect(self._flow.assembler.follow(decisions.frontier_us)))
        self._decisions_to_replay.popleft()
        return FlowStep.joined_steps(decided)

    def _detect(self, assembled: AssemblyResult) -> FlowStep:
        """Raises PoisonError for a window that can't be judged; when it comes again it is left out, and the others are judged."""
        closed = [window for window in assembled.closed if self.quarantine.reason(WINDOWS, window.at_us) is None]
        left_out = sorted({window.at_us for window in assembled.closed} - {window.at_us for window in closed})
        detected: list[Detected] = []
        done_us: int | None = None
        try:
            for at_us, windows in self._flow.detect(replace(assembled, closed=closed)):
                detected += windows
                done_us = at_us
                self.quarantine.passed(WINDOWS, at_us)
        except TRANSIENT:
            raise
        except Exception as error:
            at_us = next(window.at_us for window in closed if done_us is None or window.at_us > done_us)
            raise PoisonError.of(WINDOWS, at_us, error) from error
        step = FlowStep.of(assembled, detected)
        return replace(step, rejected=[*step.rejected, *map(self._window_letter, left_out)])

    def _window_letter(self, at_us: int) -> DeadLetter:
        position: dict[str, int | str] = {"topic": WINDOWS, "partition": self.number, "offset": at_us, "index": 0}
        reason = f"the window that ends at {format_time(at_us)} can't be judged: please report this"
        return DeadLetter(source=WINDOWS, position=position, reason=f"{reason} ({self.quarantine.reason(WINDOWS, at_us)})", raw="")


def new_decisions(
    progress_records: Iterable[PartitionProgress], positions: Mapping[str, int], frontier_us: int | None
) -> Iterable[PartitionProgress]:
    """The new ones among a partition's progress records, in order; records of replaced workers do not count."""
    reached, generation, decided = dict(positions), -1, None
    for progress in progress_records:
        if progress.generation < generation:
            continue
        generation = progress.generation
        if any(offset > progress.positions.get(topic, 0) for topic, offset in reached.items()):
            # Work repeated after a predecessor's position: its decisions there were taken from the records.
            continue
        further = any(offset > reached.get(topic, 0) for topic, offset in progress.positions.items())
        later = progress.frontier_us is not None and (frontier_us is None or progress.frontier_us > frontier_us)
        decides = (progress.remote_highest, progress.ignores_remote, progress.idle_topics)
        if further or later or decides != decided:
            decided = decides
            reached = {topic: max(offset, reached.get(topic, 0)) for topic, offset in progress.positions.items()}
            frontier_us = progress.frontier_us if later else frontier_us
            yield progress
