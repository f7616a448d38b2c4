"""A cluster without brokers: partitions and correlation over lists of records, for what does not depend on Kafka."""

import random
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from aiokafka.partitioner import murmur2

from models.change import Change
from models.wire import encode
from streams.kafka.correlation import Correlation
from streams.kafka.declared import Declared
from streams.kafka.names import Topics
from streams.kafka.others import CALENDAR
from streams.kafka.outputs import Send
from streams.kafka.partition import Partition, Step
from streams.kafka.stages import FINDINGS_HEADER, MARK_HEADER, KeyTables, Progress, pack_findings, pack_pulses, write_mark
from streams.pipeline import PipelineParameters

TOPICS = Topics()
Partitioner = Callable[[bytes, int], int]


def by_java(key: bytes, partitions: int) -> int:
    """As Java's, aiokafka's and kafka-python's producers choose."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def by_librdkafka(key: bytes, partitions: int) -> int:
    """As librdkafka's default, consistent_random, chooses."""
    return zlib.crc32(key) % partitions


@dataclass(frozen=True)
class Record:
    """What Kafka's clients hand over."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = ""


@dataclass
class Calendar:
    """The calendar topic as a list."""

    entries: list[Declared] = field(default_factory=list)

    @property
    def next_offset(self) -> int:
        return len(self.entries)

    def between(self, start: int, end: int) -> Sequence[Declared]:
        return self.entries[start:end]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "Calendar":
        return cls([Declared(offset, change.change_id, (change,)) for offset, change in enumerate(changes)])


class Spoken:
    """One partition with what it tells of itself, as TelemetryUnit does."""

    def __init__(self, partition: Partition, generation: int = 1) -> None:
        self.partition, self.generation = partition, generation
        self._tables, self._sequence = KeyTables(), 0

    def tell(self, step: Step) -> tuple[Record, Record | None]:
        progress = self.partition.progress(self.generation, self._sequence, idle=False)
        self._sequence += 1
        findings = pack_findings(step.detected, self._tables) if step.detected else b""
        told = Record(0, findings, headers=((FINDINGS_HEADER, progress.pack()),))
        if not step.detected:
            return told, None
        mark = write_mark(progress.partition, progress.generation, progress.sequence)
        return told, Record(0, pack_pulses(step.detected, self._tables), headers=((MARK_HEADER, mark),))


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
) -> list[Send]:
    """All that leaves when `partitions` partitions read at random paces; after `restart_share` of the steps a partition moves elsewhere."""
    calendar = Calendar.of(changes)
    logs = telemetry(lines, partitions, partitioner)
    spoken = [Spoken(_begun(Partition(number, TOPICS.telemetry, parameters, calendar), logs)) for number in range(partitions)]
    correlation = Correlation(partitions, TOPICS, parameters, calendar)
    findings: list[Record] = []
    pulses: list[Record] = []
    out: list[Send] = []
    announced = Progress(CALENDAR, 0, 0, {}, None, calendar.next_offset)
    findings.append(Record(0, b"", headers=((FINDINGS_HEADER, announced.pack()),)))
    heard = [0, 0]

    def hear() -> None:
        for place, (topic, log) in enumerate(zip(TOPICS.stages, (findings, pulses), strict=True)):
            correlation.take(topic, log[heard[place] :])
            heard[place] = len(log)
        while (sends := correlation.step()) is not None:
            out.extend(sends)

    def say(told: Record, pulse: Record | None) -> None:
        findings.append(Record(len(findings), told.value, headers=told.headers))
        if pulse is not None:
            pulses.append(Record(len(pulses), pulse.value, headers=pulse.headers))

    for number, speaker in enumerate(spoken):
        if not any(logs[topic, number] for topic in TOPICS.telemetry):
            # Nothing ever came: as idle as can be, it follows the others without holding them back.
            speaker.partition.follow(2**50)
            say(*speaker.tell(Step()))
    while any(_unread(speaker.partition, logs) for speaker in spoken):
        number = dice.choice([number for number, speaker in enumerate(spoken) if _unread(speaker.partition, logs)])
        partition = spoken[number].partition
        for topic in TOPICS.telemetry:
            start = partition.inputs[topic].read
            partition.take(topic, logs[topic, number][start : start + dice.randrange(1, 400)])
        while (step := partition.step()) is not None:
            say(*spoken[number].tell(step))
        if dice.random() < 0.3:
            hear()
        if dice.random() < restart_share:
            spoken[number] = _moved(spoken[number], logs, parameters, calendar, findings)
    hear()
    return out


def _begun(partition: Partition, logs: dict[tuple[str, int], list[Record]]) -> Partition:
    ends = {topic: len(logs[topic, partition.number]) for topic in TOPICS.telemetry}
    partition.begin(dict.fromkeys(TOPICS.telemetry, 0), ends, ())
    return partition


def _unread(partition: Partition, logs: dict[tuple[str, int], list[Record]]) -> bool:
    return any(partition.inputs[topic].position < len(logs[topic, partition.number]) for topic in TOPICS.telemetry)


def _moved(
    speaker: Spoken, logs: dict[tuple[str, int], list[Record]], parameters: PipelineParameters, calendar: Calendar, findings: list[Record]
) -> Spoken:
    """The partition on another worker: from its packed state, with what waited in memory lost."""
    before = speaker.partition
    after = Partition(before.number, TOPICS.telemetry, parameters, calendar)
    after.restore(before.state())
    after.begin(before.positions, {topic: len(logs[topic, before.number]) for topic in TOPICS.telemetry}, ())
    successor = Spoken(after, speaker.generation + 1)
    claim, _ = successor.tell(Step())
    findings.append(Record(len(findings), claim.value, headers=claim.headers))
    return successor


def lines_of(sends: Iterable[Send]) -> list[bytes]:
    """Topic and value, sorted: what can be compared with another run."""
    return sorted(send.topic.encode() + b" " + send.value for send in sends)


def expected_lines(parameters: PipelineParameters, lines: Sequence[bytes], changes: Iterable[Change]) -> list[bytes]:
    """What one process makes of the same, up to the windows that its watermark closes."""
    from streams.decode import decode_ndjson
    from streams.pipeline import Pipeline

    pipeline = Pipeline(parameters)
    pipeline.declare(changes)
    out = pipeline.feed(decode_ndjson(b"\n".join(lines) + b"\n", "events", 1))
    found = [TOPICS.alerts.encode() + b" " + encode(alert) for alert in out.alerts]
    found += [TOPICS.alerts_of(user).encode() + b" " + encode(alert) for user, alert in out.user_alerts]
    found += [TOPICS.incidents.encode() + b" " + encode(incident) for incident in out.incidents]
    found += [TOPICS.reports.encode() + b" " + encode(report) for report in out.reports]
    found += [TOPICS.reports_of(user).encode() + b" " + encode(report) for user, report in out.user_reports]
    return sorted(found)
