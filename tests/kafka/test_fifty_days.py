"""Fifty days through both runtimes, with changes that come and go, kills and takeovers: the same state and the same records in the end."""

import json
import math
import random
from collections.abc import Iterator
from typing import Any

from models.change import Change
from models.state_bytes import pack, unpack
from models.times import DAY_US, HOUR_US, SECOND_US, format_time, parse_time
from streams.decode import decode_ndjson
from streams.flow import FlowStep
from streams.kafka.client.output_records import OutputRecord, decided
from streams.kafka.cluster.partitioner import by_java
from streams.kafka.exchange.fake_calendar import FakeCalendar
from streams.kafka.exchange.progress_reader import CALENDAR
from streams.kafka.exchange.stage_records import FINDINGS_HEADER, PartitionProgress
from streams.kafka.tasks import correlation_pipeline, partition_pipeline
from streams.kafka.tasks.correlation_pipeline import CorrelationPipeline
from streams.kafka.tasks.partition_pipeline import PartitionPipeline
from streams.pipeline import STATE_VERSION, Pipeline
from tests.kafka.cluster import TOPICS, Record, Spoken, _begun, _moved, lines_of
from tests.kafka.stories import CORE

START_US = parse_time("2026-01-05T00:00:00Z")
WINDOW_US = 900 * SECOND_US
DAYS = 50
PARTITIONS = 2
USERS = ("SUP-01", "SUP-02")
"""One on each partition."""


def test_both_runtimes_hold_the_same_state_and_decide_the_same_after_fifty_days() -> None:
    assert sorted(by_java(user.encode(), PARTITIONS) for user in USERS) == list(range(PARTITIONS))
    embedded, cluster, dice = Embedded(), Cluster(random.Random(11)), random.Random(7)
    for day in range(DAYS):
        for change in changes_of(day):
            embedded.declare(change)
            cluster.declare(change)
        lines = list(lines_of_day(day, dice))
        embedded.take(lines)
        cluster.take(lines)
    assert len(cluster.distinct()) > 20
    assert cluster.distinct() == embedded.distinct()
    assert cluster.calendar_of_correlation() == embedded.tree()["calendar"]
    assert pack(cluster.correlator(), 1) == pack(embedded.tree()["correlator"], 1)
    kept = {row[0] for row in embedded.tree()["calendar"]["revisions"]}
    assert all({row[0] for row in tree["revisions"]} == kept for tree in cluster.calendars_of_partitions())
    assert not any('"CHG-00"' in text for text in kept), "what was over forty days ago is forgotten"
    assert any('"CHG-48"' in text for text in kept)


def lines_of_day(day: int, dice: random.Random) -> Iterator[bytes]:
    for number in range(1, 97):
        at_us = START_US + day * DAY_US + number * WINDOW_US
        for user in USERS:
            mean = 200 + 150 * math.sin((number - 32) / 48 * math.pi)
            storm = 9 if user == USERS[0] and day in (15, 46) and 40 <= number < 46 else 1
            silent = user == USERS[1] and day == 47 and 50 <= number < 60
            messages = 0 if silent else max(0, round(dice.gauss(mean, mean**0.5))) * storm
            common = {"observed_at": format_time(at_us), "window_s": 900, "user": user}
            traffic = {"kind": "traffic", **common, "direction": "to_dsp", "message_class": "service_request", "messages": messages}
            yield json.dumps(traffic, separators=(",", ":")).encode()
            yield json.dumps({"kind": "queue", **common, "queue": "to_user", "depth": messages // 50}, separators=(",", ":")).encode()


def changes_of(day: int) -> list[Change]:
    """One every other day that takes some hours; one in six is cancelled the day after it was declared."""
    listed = []
    if day % 2 == 0:
        listed.append(change(day, 1, "declared", updated=day % 4 == 0))
    if day % 6 == 1:
        listed.append(change(day - 1, 2, "cancelled", updated=True))
    return listed


def change(day: int, revision: int, status: str, *, updated: bool) -> Change:
    start_us = START_US + day * DAY_US + 9 * HOUR_US
    declared_us = START_US + (day + revision - 1) * DAY_US
    return Change.model_validate(
        {
            "change_id": f"CHG-{day:02d}",
            "revision": revision,
            "owner": USERS[0],
            "title": "a change",
            "status": status,
            "planned_start": format_time(start_us),
            "planned_end": format_time(start_us + 4 * HOUR_US),
            **({"updated_at": format_time(declared_us)} if updated else {}),
        }
    )


class Embedded:
    """One process, killed every third day."""

    def __init__(self) -> None:
        self._pipeline, self._days = Pipeline(CORE), 0
        self._sent: list[OutputRecord] = []

    def declare(self, change: Change) -> None:
        self._pipeline.declare([change], self._pipeline.watermark_us)

    def take(self, lines: list[bytes]) -> None:
        step: FlowStep = self._pipeline.feed(decode_ndjson(b"\n".join(lines) + b"\n", "events", 1))
        self._sent += decided(TOPICS, step)
        self._days += 1
        if self._days % 3 == 0:
            self._pipeline = Pipeline.unpack(CORE, self._pipeline.pack())

    def distinct(self) -> list[bytes]:
        return lines_of(self._sent)

    def tree(self) -> Any:
        return unpack(self._pipeline.pack(), STATE_VERSION)


class Cluster:
    """Partitions that move from worker to worker, and a correlation that is taken over."""

    def __init__(self, dice: random.Random) -> None:
        self._dice, self._calendar = dice, FakeCalendar()
        self._logs: dict[tuple[str, int], list[Record]] = {
            (topic, number): [] for topic in TOPICS.telemetry for number in range(PARTITIONS)
        }
        self._spoken = [Spoken(_begun(self._partition(number), self._logs)) for number in range(PARTITIONS)]
        self._stages: dict[str, list[Record]] = {topic: [] for topic in TOPICS.stages}
        self._correlation, self._read = CorrelationPipeline(PARTITIONS, TOPICS, CORE, self._calendar), dict.fromkeys(TOPICS.stages, 0)
        self._saved = self._correlation.state(), self._correlation.positions
        self._sent: list[OutputRecord] = []
        self._announce()

    def declare(self, change: Change) -> None:
        self._calendar.declare(change)
        self._announce()

    def take(self, lines: list[bytes]) -> None:
        """A day: partitions at their own paces, each perhaps killed in the middle; then perhaps a takeover of the correlation."""
        for line in lines:
            topic = TOPICS.depths if b'"kind":"queue"' in line else TOPICS.rates
            user = line.split(b'"user":"')[1].split(b'"')[0]
            log = self._logs[topic, by_java(user, PARTITIONS)]
            log.append(Record(len(log), line, user))
        while unread := [number for number in range(PARTITIONS) if self._lacks(number)]:
            self._work(self._dice.choice(unread))
        self._read_progress()
        if self._dice.random() < 0.3:
            self._take_over()
        if self._dice.random() < 0.3:
            self._saved = self._correlation.state(), self._correlation.positions

    def distinct(self) -> list[bytes]:
        """What was sent again after a takeover counts once."""
        return sorted(set(lines_of(self._sent)))

    def correlator(self) -> Any:
        return self._part("correlator")

    def calendar_of_correlation(self) -> Any:
        return self._part("calendar")[1]

    def calendars_of_partitions(self) -> list[Any]:
        return [unpack(speaker.partition.state()["calendar"], partition_pipeline.STATE_VERSION)[1] for speaker in self._spoken]

    def _part(self, name: str) -> Any:
        return unpack(self._correlation.state()[name], correlation_pipeline.STATE_VERSION)

    def _partition(self, number: int) -> PartitionPipeline:
        return PartitionPipeline(number, TOPICS.telemetry, CORE, self._calendar)

    def _lacks(self, number: int) -> bool:
        partition = self._spoken[number].partition
        return any(partition.inputs[topic].position < len(self._logs[topic, number]) for topic in TOPICS.telemetry)

    def _work(self, number: int) -> None:
        speaker, count = self._spoken[number], self._dice.randrange(20, 120)
        for topic in TOPICS.telemetry:
            start = speaker.partition.inputs[topic].read
            speaker.partition.take(topic, self._logs[topic, number][start : start + count])
        while (step := speaker.partition.step()) is not None:
            self._say(*speaker.publish_progress(step))
        if not speaker.partition.replaying and self._dice.random() < 0.2:
            speaker.checkpoint(len(self._stages[TOPICS.findings]))
        if self._dice.random() < 0.02:
            self._spoken[number] = _moved(speaker, self._partition(number), self._logs, self._stages[TOPICS.findings])

    def _say(self, result: Record, pulse: Record | None) -> None:
        for topic, record in ((TOPICS.findings, result), (TOPICS.pulses, pulse)):
            if record is not None:
                log = self._stages[topic]
                log.append(Record(len(log), record.value, headers=record.headers))

    def _announce(self) -> None:
        self._read_progress()
        progress = PartitionProgress(CALENDAR, 0, 0, {}, None, self._calendar.next_offset)
        self._say(Record(0, b"", headers=((FINDINGS_HEADER, progress.pack()),)), None)
        self._read_progress()

    def _read_progress(self) -> None:
        for topic, log in self._stages.items():
            self._correlation.take(topic, log[self._read[topic] :])
            self._read[topic] = len(log)
        while (sends := self._correlation.step()) is not None:
            self._sent += sends

    def _take_over(self) -> None:
        """By another worker, from the last checkpoint; what was sent since is sent again."""
        state, positions = self._saved
        self._correlation = CorrelationPipeline(PARTITIONS, TOPICS, CORE, self._calendar)
        self._correlation.restore(state)
        self._correlation.begin(positions)
        self._read = dict(positions)
        self._read_progress()
