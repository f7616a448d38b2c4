"""Correlation over all partitions: one closing order, one correlator, as a value that packs and continues on another worker.

Its results depend only on the records of the two stage topics and the calendar: even when a change counts is a record of the findings
topic. A worker that takes over, or one that was believed dead, raises the same alerts.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from changes.calendar import Calendar
from correlation.correlator import Correlator
from models.canonical_json import to_json
from models.change import Change
from models.columns import Detected
from models.dead_letter import DeadLetter, raw_text
from models.decisions import Decisions
from models.state_bytes import pack, unpack
from models.times import format_time
from streams.flow import DecisionFlow
from streams.kafka.client.output_records import OutputRecord, dead_letter, decided
from streams.kafka.cluster.quarantined_records import REASON_HEADER, SOURCE_HEADER
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.calendar_reader import CalendarLog, CalendarRecord
from streams.kafka.exchange.progress_reader import CALENDAR, progress_of
from streams.kafka.exchange.stage_records import MARK_HEADER, KeyEncoder, pack_findings, read_mark
from streams.kafka.exchange.window_barrier import WindowBarrier
from streams.kafka.tasks.quarantine import CHANGES, TRANSIENT, WINDOWS, PoisonError, Quarantine, kept_whole
from streams.pipeline import PipelineParameters

STATE_VERSION, OLDEST_STATE = 3, 2
"""Version 2 preceded the separation of an incident's end from the decision about it."""


class CorrelationPipeline:
    """Barrier, calendar and correlator; input is the records of the findings and pulses topics."""

    def __init__(
        self,
        partitions: int,
        topics: Topics,
        parameters: PipelineParameters,
        log: CalendarLog,
        on_decisions: Callable[[Decisions], None] | None = None,
    ) -> None:
        self.quarantine = Quarantine()
        self.left_out = False
        """Whether the last steps left something out."""
        self._careful = False
        """After a window that could not be decided: the state before the next one is kept."""
        self._on_decisions = on_decisions
        self._topics = topics
        self._parameters = parameters
        self._log = log
        self._barrier = WindowBarrier(partitions)
        self._calendar = Calendar()
        self._flow = DecisionFlow(parameters.correlation, self._calendar)
        self._calendar_next: int | None = None
        """None until the first record about the calendar: before it, nothing is decided."""
        self._waiting: dict[str, deque[Any]] = {topic: deque() for topic in topics.stages}
        self._positions = dict.fromkeys(topics.stages, 0)

    @property
    def positions(self) -> dict[str, int]:
        """Topic → where a successor must begin to read."""
        findings, pulses = self._barrier.resume(self._positions[self._topics.findings], self._positions[self._topics.pulses])
        return {self._topics.findings: findings, self._topics.pulses: pulses}

    @property
    def backlog(self) -> dict[str, int]:
        """Topic → next offset that was not read yet."""
        return {topic: waiting[-1].offset + 1 if waiting else self._positions[topic] for topic, waiting in self._waiting.items()}

    @property
    def passed(self) -> dict[str, int]:
        """Changes and windows before these places are in the state."""
        return {CHANGES: self._calendar_next or 0, WINDOWS: -1 if self.delivered_us is None else self.delivered_us + 1}

    @property
    def delivered_us(self) -> int | None:
        """Windows up to it are decided."""
        return self._barrier.delivered_us

    def changes(self) -> tuple[Change, ...]:
        """Every change as it counts now."""
        at_us = self._barrier.delivered_us
        return self._calendar.view(at_us).changes if at_us is not None else ()

    @property
    def news(self) -> int | None:
        """Next offset of the calendar, if it is beyond the changes that count here: it must be reported in the findings topic."""
        end = self._log.next_offset
        return end if self._calendar_next is None or end > self._calendar_next else None

    def waiting(self, topic: str) -> int:
        """Records that were read and not yet processed."""
        return len(self._waiting[topic])

    def begin(self, positions: Mapping[str, int]) -> None:
        """Where to continue."""
        self._positions.update(positions)

    def take(self, topic: str, records: Iterable[Any]) -> None:
        """Records of one fetch; those that were processed before are skipped."""
        waiting = self._waiting[topic]
        following = waiting[-1].offset + 1 if waiting else self._positions[topic]
        waiting.extend(record for record in records if record.offset >= following)

    def step(self) -> list[OutputRecord] | None:
        """The next record's worth of work; None where nothing waits, or what it needs of the calendar is not here yet.

        Raises PoisonError where a record or a window breaks the work; then nothing of this state can be used any more.
        """
        pulses = self._waiting[self._topics.pulses]
        has_pulses = bool(pulses)
        while pulses:
            self._add_pulses(pulses.popleft())
        findings = self._waiting[self._topics.findings]
        if not findings:
            return list(self._decide()) if has_pulses else None
        progress = progress_of(findings[0])
        if progress is not None and progress.partition == CALENDAR and progress.calendar_next > self._log.next_offset:
            return None
        record = findings.popleft()
        self._positions[self._topics.findings] = record.offset + 1
        if progress is None:
            return []
        if progress.partition == CALENDAR:
            return [*self._arrive(progress.calendar_next), *self._decide()]
        self._barrier.add_findings(progress, record.value or b"", record.offset)
        return list(self._decide())

    def state(self) -> dict[str, bytes]:
        """Part → bytes; unchanged parts pack to the same bytes."""
        parts = {
            "gate": self._barrier.pack(),
            "calendar": [self._calendar_next, self._calendar.pack()],
            "correlator": self._flow.correlator.pack(),
        }
        return {name: pack(tree, STATE_VERSION) for name, tree in parts.items()}

    def restore(self, parts: Mapping[str, bytes]) -> None:
        """Restores `state`. Raises StateError for another version."""
        trees = {name: unpack(blob, STATE_VERSION, OLDEST_STATE) for name, blob in parts.items()}
        self._barrier = WindowBarrier.unpack(trees["gate"])
        self._calendar_next, calendar = trees["calendar"]
        self._calendar = self._flow.calendar = Calendar.unpack(calendar)
        calendar_keys = self._calendar.keys_by_id()
        self._flow.correlator = Correlator.unpack(self._parameters.correlation, trees["correlator"], calendar_keys)

    def _add_pulses(self, record: Any) -> None:
        self._positions[self._topics.pulses] = record.offset + 1
        mark = next((read_mark(value) for name, value in record.headers if name == MARK_HEADER), None)
        if mark is not None:
            partition, generation, sequence = mark
            self._barrier.add_pulses(partition, (generation, sequence), record.value, record.offset)

    def _arrive(self, end: int) -> Iterator[OutputRecord]:
        """From here on the calendar counts up to `end`; its records at the very first start were always known."""
        arrived_us = None if self._calendar_next is None else self._barrier.reported_us
        start = self._calendar_next or 0
        for declared in self._log.between(start, end):
            reason = self.quarantine.reason(CHANGES, declared.offset)
            if reason is None:
                try:
                    declared.apply(self._calendar, arrived_us)
                    self.quarantine.passed(CHANGES, declared.offset)
                except TRANSIENT:
                    raise
                except Exception as error:
                    raise PoisonError.of(CHANGES, declared.offset, error) from error
            else:
                yield self._keep_whole(declared, reason)
            if reason or declared.fault:
                yield self._letter(declared.offset, declared.raw or _as_json(declared), reason or declared.fault)
        self._calendar_next = max(start, end)

    def _decide(self) -> Iterator[OutputRecord]:
        if self._calendar_next is None:
            return
        for at_us, detected in self._barrier.deliver():
            reason = self.quarantine.reason(WINDOWS, at_us)
            before = self._flow_state() if self._careful and reason is None else None
            if reason is None:
                try:
                    decisions = self._flow.decide(at_us, detected)
                    self.quarantine.passed(WINDOWS, at_us)
                except TRANSIENT:
                    raise
                except Exception as error:
                    poison = PoisonError.of(WINDOWS, at_us, error)
                    if before is None:
                        raise poison from error
                    self._restore_flow(before)
                    self.quarantine.note(poison)
                    reason = poison.reason
            self._careful = reason is not None
            if reason is not None:
                self.left_out = True
                yield from self._window_left_out(at_us, detected, reason)
                continue
            if self._on_decisions is not None:
                self._on_decisions(decisions)
            yield from decided(self._topics, decisions)

    def _flow_state(self) -> bytes:
        return pack(self._flow.correlator.pack(), STATE_VERSION)

    def _restore_flow(self, blob: bytes) -> None:
        tree = unpack(blob, STATE_VERSION, OLDEST_STATE)
        self._flow.correlator = Correlator.unpack(self._parameters.correlation, tree, self._calendar.keys_by_id())

    def _window_left_out(self, at_us: int, detected: list[Detected], reason: str) -> Iterator[OutputRecord]:
        """What was detected in it, whole, and a dead letter that says why."""
        source = f"{WINDOWS}/0/{at_us}".encode()
        headers = ((SOURCE_HEADER, source), (REASON_HEADER, reason.encode("utf-8", "replace")))
        # One record for each partition: a window of all of them may be larger than the brokers take.
        for number, each in enumerate(detected):
            key = source if number == 0 else source + b"#%d" % number
            yield OutputRecord(self._topics.quarantine, key, pack_findings([each], KeyEncoder()), headers, 0)
        position: dict[str, int | str] = {"topic": WINDOWS, "partition": 0, "offset": at_us, "index": 0}
        text = f"the window that ends at {format_time(at_us)} can't be decided: please report this ({reason})"
        yield dead_letter(self._topics, DeadLetter(source=WINDOWS, position=position, reason=text, raw=""))

    def _keep_whole(self, declared: CalendarRecord, reason: str) -> OutputRecord:
        self.left_out = True
        origin = (self._topics.calendar, 0, declared.offset)
        return kept_whole(self._topics.quarantine, origin, declared.key.encode(), _as_json(declared), reason)

    def _letter(self, offset: int, raw: bytes, reason: str) -> OutputRecord:
        position: dict[str, int | str] = {"topic": self._topics.calendar, "partition": 0, "offset": offset, "index": 0}
        letter = DeadLetter(source=self._topics.calendar, position=position, reason=reason, raw=raw_text(raw))
        return dead_letter(self._topics, letter)


def _as_json(declared: CalendarRecord) -> bytes:
    return b"[" + b",".join(to_json(change) for change in declared.changes) + b"]"
