"""Correlation over all partitions: one closing order, one correlator, as a value that packs and continues on another worker.

Its results depend only on the records of the two stage topics and the calendar: even when a change counts is a record of the findings
topic. A worker that takes over, or one that was believed dead, raises the same alerts.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from changes.calendar import Calendar
from correlation.correlator import Correlator
from models.change import Change
from models.dead_letter import DeadLetter
from models.decisions import Decisions
from models.state_bytes import pack, unpack
from streams.flow import DecisionFlow
from streams.kafka.client.output_records import OutputRecord, dead_letter, decided
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.calendar_reader import CalendarLog
from streams.kafka.exchange.progress_reader import CALENDAR, progress_of
from streams.kafka.exchange.stage_records import MARK_HEADER, read_mark
from streams.kafka.exchange.window_barrier import WindowBarrier
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
        told: Callable[[Decisions], None] | None = None,
    ) -> None:
        self._told = told
        self._topics = topics
        self._parameters = parameters
        self._log = log
        self._gate = WindowBarrier(partitions)
        self._calendar = Calendar()
        self._flow = DecisionFlow(parameters.correlation, self._calendar)
        self._calendar_next: int | None = None
        """None until the first record about the calendar: before it, nothing is decided."""
        self._waiting: dict[str, deque[Any]] = {topic: deque() for topic in topics.stages}
        self._positions = dict.fromkeys(topics.stages, 0)

    @property
    def positions(self) -> dict[str, int]:
        """Topic → where a successor must begin to read."""
        findings, pulses = self._gate.resume(self._positions[self._topics.findings], self._positions[self._topics.pulses])
        return {self._topics.findings: findings, self._topics.pulses: pulses}

    @property
    def backlog(self) -> dict[str, int]:
        """Topic → next offset that was not read yet."""
        return {topic: waiting[-1].offset + 1 if waiting else self._positions[topic] for topic, waiting in self._waiting.items()}

    @property
    def delivered_us(self) -> int | None:
        """Windows up to it are decided."""
        return self._gate.delivered_us

    def changes(self) -> tuple[Change, ...]:
        """Every change as it counts now."""
        at_us = self._gate.delivered_us
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
        """The work of the next record; None if nothing waits, or if required calendar records are not here yet."""
        pulses = self._waiting[self._topics.pulses]
        heard = bool(pulses)
        while pulses:
            self._hear(pulses.popleft())
        findings = self._waiting[self._topics.findings]
        if not findings:
            return list(self._decide()) if heard else None
        progress = progress_of(findings[0])
        if progress is not None and progress.partition == CALENDAR and progress.calendar_next > self._log.next_offset:
            return None
        record = findings.popleft()
        self._positions[self._topics.findings] = record.offset + 1
        if progress is None:
            return []
        if progress.partition == CALENDAR:
            return [*self._arrive(progress.calendar_next), *self._decide()]
        self._gate.add_findings(progress, record.value or b"", record.offset)
        return list(self._decide())

    def state(self) -> dict[str, bytes]:
        """Part → bytes; unchanged parts pack to the same bytes."""
        parts = {
            "gate": self._gate.pack(),
            "calendar": [self._calendar_next, self._calendar.pack()],
            "correlator": self._flow.correlator.pack(),
        }
        return {name: pack(tree, STATE_VERSION) for name, tree in parts.items()}

    def restore(self, parts: Mapping[str, bytes]) -> None:
        """Restores `state`. Raises StateError for another version."""
        trees = {name: unpack(blob, STATE_VERSION, OLDEST_STATE) for name, blob in parts.items()}
        self._gate = WindowBarrier.unpack(trees["gate"])
        self._calendar_next, calendar = trees["calendar"]
        self._calendar = self._flow.calendar = Calendar.unpack(calendar)
        calendar_keys = self._calendar.keys_by_id()
        self._flow.correlator = Correlator.unpack(self._parameters.correlation, trees["correlator"], calendar_keys)

    def _hear(self, record: Any) -> None:
        self._positions[self._topics.pulses] = record.offset + 1
        mark = next((read_mark(value) for name, value in record.headers if name == MARK_HEADER), None)
        if mark is not None:
            partition, generation, sequence = mark
            self._gate.add_pulses(partition, (generation, sequence), record.value, record.offset)

    def _arrive(self, end: int) -> Iterator[OutputRecord]:
        """From here on the calendar counts up to `end`; its records at the very first start were always known."""
        arrived_us = None if self._calendar_next is None else self._gate.said_us
        start = self._calendar_next or 0
        for declared in self._log.between(start, end):
            declared.apply(self._calendar, arrived_us)
            if declared.fault:
                place: dict[str, int | str] = {"topic": self._topics.calendar, "partition": 0, "offset": declared.offset, "index": 0}
                letter = DeadLetter(
                    source=self._topics.calendar, position=place, reason=declared.fault, raw=declared.raw.decode("utf-8", "replace")
                )
                yield dead_letter(self._topics, letter)
        self._calendar_next = max(start, end)

    def _decide(self) -> Iterator[OutputRecord]:
        if self._calendar_next is None:
            return
        for at_us, detected in self._gate.deliver():
            decisions = self._flow.decide(at_us, detected)
            if self._told is not None:
                self._told(decisions)
            yield from decided(self._topics, decisions)
