"""A cluster without brokers: partitions and correlation over lists of records, for what does not depend on Kafka."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from models.canonical_json import to_json
from models.change import Change
from streams.flow import FlowStep
from streams.kafka.client.output_records import OutputRecord
from streams.kafka.cluster.partitioner import Partitioner, by_java
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.fake_calendar import FakeCalendar
from streams.kafka.exchange.progress_reader import CALENDAR, progress_of
from streams.kafka.exchange.stage_records import (
    FINDINGS_HEADER,
    MARK_HEADER,
    KeyEncoder,
    PartitionProgress,
    pack_findings,
    pack_pulses,
    write_mark,
)
from streams.kafka.tasks.correlation_pipeline import CorrelationPipeline
from streams.kafka.tasks.partition_pipeline import PartitionPipeline
from streams.pipeline import PipelineParameters

TOPICS = Topics()


@dataclass(frozen=True)
class Record:
    """What Kafka's clients hand over."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = ""


class Spoken:
    """One partition with what it tells of itself, as TelemetryUnit does."""

    def __init__(self, partition: PartitionPipeline, generation: int = 1, covers: tuple[int, int] = (-1, -1)) -> None:
        self.partition, self.generation, self.covers = partition, generation, covers
        self._tables, self._sequence = KeyEncoder(), 0
        self.checkpoint(0)

    def checkpoint(self, sent: int) -> None:
        """From here on a successor can begin; `said` is the end of the findings topic."""
        self.saved = self.partition.state(), self.partition.positions, sent, (self.generation, self._sequence - 1)

    def publish_progress(self, step: FlowStep) -> tuple[Record, Record | None]:
        progress = self.partition.progress(self.generation, self._sequence, covers=self.covers)
        self._sequence += 1
        findings = pack_findings(step.detected, self._tables) if step.detected else b""
        result = Record(0, findings, headers=((FINDINGS_HEADER, progress.pack()),))
        if not step.detected:
            return result, None
        mark = write_mark(progress.partition, progress.generation, progress.sequence)
        return result, Record(0, pack_pulses(step.detected, self._tables), headers=((MARK_HEADER, mark),))


def telemetry(lines: Sequence[bytes], partitions: int, partitioner: Partitioner) -> dict[tuple[str, int], list[Record]]:
    """(topic, partition) → records of single events, keyed by User."""
    logs: dict[tuple[str, int], list[Record]] = {(topic, number): [] for topic in TOPICS.telemetry for number in range(partitions)}
    for line in lines:
        user = line.split(b'"user":"')[1].split(b'"')[0]
        topic = TOPICS.depths if b'"kind":"queue"' in line else TOPICS.rates
        log = logs[topic, partitioner(user, partitions)]
        log.append(Record(len(log), line, user))
    return logs


def replayed(
    lines: Sequence[bytes],
    changes: Iterable[Change],
    parameters: PipelineParameters,
    partitions: int,
    dice: random.Random,
    partitioner: Partitioner = by_java,
    restart_share: float = 0.0,
    learned: dict[str, Any] | None = None,
) -> list[OutputRecord]:
    """All that leaves when `partitions` partitions read at random paces; after `restart_share` of the steps a partition moves elsewhere."""
    calendar = FakeCalendar.of(changes)
    logs = telemetry(lines, partitions, partitioner)
    spoken = [
        Spoken(_begun(PartitionPipeline(number, TOPICS.telemetry, parameters, calendar, learned), logs)) for number in range(partitions)
    ]
    correlation = CorrelationPipeline(partitions, TOPICS, parameters, calendar)
    findings: list[Record] = []
    pulses: list[Record] = []
    out: list[OutputRecord] = []
    announced = PartitionProgress(CALENDAR, 0, 0, {}, None, calendar.next_offset)
    findings.append(Record(0, b"", headers=((FINDINGS_HEADER, announced.pack()),)))
    delivered = [0, 0]

    def read_progress(share: float = 1.0) -> None:
        """All that was found, and a share of the pulses: two topics come at their own paces."""
        for index, (topic, log) in enumerate(zip(TOPICS.stages, (findings, pulses), strict=True)):
            upto = delivered[index] + round((len(log) - delivered[index]) * (share if index else 1.0))
            correlation.take(topic, log[delivered[index] : upto])
            delivered[index] = upto
        while (sends := correlation.step()) is not None:
            out.extend(sends)

    def say(result: Record, pulse: Record | None) -> None:
        findings.append(Record(len(findings), result.value, headers=result.headers))
        if pulse is not None:
            pulses.append(Record(len(pulses), pulse.value, headers=pulse.headers))

    def listen(speaker: Spoken) -> None:
        if speaker.partition.replaying:
            return
        others = (other.partition.highest for other in spoken if other is not speaker)
        step = speaker.partition.update_remote({user: at_us for highest in others for user, at_us in highest})
        if step is not None:
            say(*speaker.publish_progress(step))

    for number, speaker in enumerate(spoken):
        if not any(logs[topic, number] for topic in TOPICS.telemetry):
            # Nothing ever came: as idle as can be, it follows the others without holding them back.
            speaker.partition.follow(2**50)
            say(*speaker.publish_progress(FlowStep()))
    while any(_unread(speaker.partition, logs) for speaker in spoken):
        number = dice.choice([number for number, speaker in enumerate(spoken) if _unread(speaker.partition, logs)])
        partition = spoken[number].partition
        if dice.random() < 0.3:
            listen(spoken[number])
        for topic in TOPICS.telemetry:
            start = partition.inputs[topic].read
            partition.take(topic, logs[topic, number][start : start + dice.randrange(1, 400)])
        while (step := partition.step()) is not None:
            say(*spoken[number].publish_progress(step))
        if dice.random() < 0.3:
            read_progress(dice.random())
        if dice.random() < 0.3 and not partition.replaying:
            spoken[number].checkpoint(len(findings))
        if dice.random() < restart_share:
            spoken[number] = _moved(
                spoken[number], PartitionPipeline(number, TOPICS.telemetry, parameters, calendar, learned), logs, findings
            )
    for speaker in spoken:
        listen(speaker)
    # Nothing comes any more: all are idle and follow the one that came furthest.
    end_us = max(speaker.partition.frontier_us or 0 for speaker in spoken if speaker.partition.highest)
    for speaker in spoken:
        if (step := speaker.partition.follow(end_us)) is not None:
            say(*speaker.publish_progress(step))
    read_progress()
    return out


def _begun(partition: PartitionPipeline, logs: dict[tuple[str, int], list[Record]]) -> PartitionPipeline:
    ends = {topic: len(logs[topic, partition.number]) for topic in TOPICS.telemetry}
    partition.begin(dict.fromkeys(TOPICS.telemetry, 0), ends, ())
    return partition


def _unread(partition: PartitionPipeline, logs: dict[tuple[str, int], list[Record]]) -> bool:
    return any(partition.inputs[topic].position < len(logs[topic, partition.number]) for topic in TOPICS.telemetry)


def _moved(speaker: Spoken, after: PartitionPipeline, logs: dict[tuple[str, int], list[Record]], findings: list[Record]) -> Spoken:
    """The partition on another worker: from its last checkpoint and what it said since; what it had in memory is lost."""
    state, positions, sent, mark = speaker.saved
    after.restore(state)
    ends = {topic: len(logs[topic, after.number]) for topic in TOPICS.telemetry}
    after.begin(positions, ends, ())
    successor = Spoken(after, speaker.generation + 1, mark)
    claim, _ = successor.publish_progress(FlowStep())
    result = [
        progress for record in findings[sent:] if (progress := progress_of(record)) is not None and progress.partition == after.number
    ]
    findings.append(Record(len(findings), claim.value, headers=claim.headers))
    after.begin(positions, ends, result)
    successor.saved = speaker.saved
    return successor


def lines_of(sends: Iterable[OutputRecord]) -> list[bytes]:
    """Topic and value, sorted: what can be compared with another run."""
    return sorted(send.topic.encode() + b" " + send.value for send in sends)


def expected_lines(
    parameters: PipelineParameters, lines: Sequence[bytes], changes: Iterable[Change], learned: dict[str, Any] | None = None
) -> list[bytes]:
    """What one process makes of the same, up to the windows that its watermark closes."""
    from streams.decode import decode_ndjson
    from streams.pipeline import Pipeline

    pipeline = Pipeline(parameters)
    pipeline.learn_from(learned or {})
    pipeline.declare(changes)
    out = pipeline.feed(decode_ndjson(b"\n".join(lines) + b"\n", "events", 1))
    listed = [TOPICS.alerts.encode() + b" " + to_json(alert) for alert in out.alerts]
    listed += [TOPICS.alerts_of(user).encode() + b" " + to_json(alert) for user, alert in out.user_alerts]
    listed += [TOPICS.incidents.encode() + b" " + to_json(incident) for incident in out.incidents]
    listed += [TOPICS.reports.encode() + b" " + to_json(report) for report in out.reports]
    listed += [TOPICS.reports_of(user).encode() + b" " + to_json(report) for user, report in out.user_reports]
    return sorted(listed)
