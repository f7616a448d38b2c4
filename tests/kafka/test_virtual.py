"""The tasks of the Kafka runtime run whole, in one process, under a virtual clock: what takes a cluster minutes takes none here."""

import asyncio
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from changes.calendar import Calendar, CalendarView
from models.change import Change
from models.clock import VirtualClock
from models.columns import Detected, EventBatch
from models.decisions import Decisions
from models.times import parse_time
from streams.decode import decode_records
from streams.detection_by_resolution import DetectionByResolution
from streams.flow import DecisionFlow
from streams.kafka.client.fake_broker import FakeBroker
from streams.kafka.client.faust_transport import Accepted
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import by_java
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.fake_calendar import FakeCalendar
from streams.kafka.exchange.progress_reader import ProgressReader
from streams.kafka.tasks import partition_pipeline
from streams.kafka.tasks.metrics import remarks
from streams.kafka.tasks.quarantine import PoisonError, Quarantine
from streams.kafka.tasks.task_assignment import TaskAssignment
from streams.windowing.assembler import Closed
from tests.kafka.cluster import expected_lines
from tests.kafka.stories import CORE, story
from tests.kafka.virtual import VirtualCluster

PARAMETERS = KafkaParameters(partitions=2, checkpoint_s=5.0)
LIMIT_S = 3_600


def publish(broker: FakeBroker, cluster: VirtualCluster, lines: tuple[bytes, ...]) -> None:
    for line in lines:
        user = line.split(b'"user":"')[1].split(b'"')[0]
        topic = cluster.topics.depths if b'"kind":"queue"' in line else cluster.topics.rates
        broker.append(topic, line, key=user, partition=by_java(user, PARAMETERS.partitions))


def test_a_killed_worker_an_outage_and_a_rebalance_change_no_byte_and_take_no_time() -> None:
    lines, changes = story("firewall", 3)
    expected = expected_lines(CORE, lines, changes)
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of(changes))

    async def play() -> None:
        await cluster.open(2)
        third = len(lines) // 3
        publish(cluster.broker, cluster, lines[:third])
        await asyncio.sleep(10)
        cluster.broker.away = True
        await asyncio.sleep(5)
        cluster.broker.away = False
        publish(cluster.broker, cluster, lines[third : 2 * third])
        await asyncio.sleep(3)
        await cluster.kill(0)
        publish(cluster.broker, cluster, lines[2 * third :])
        await cluster.until(len(expected), LIMIT_S)

    cluster.virtual.run(play())
    assert cluster.outputs() == expected
    assert [worker.crashes for worker in cluster.workers] == [[]]
    assert cluster.virtual.elapsed_s < LIMIT_S


def test_a_fetch_that_goes_astray_on_its_way_is_read_again() -> None:
    lines, changes = story("firewall", 3)
    expected = expected_lines(CORE, lines, changes)
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of(changes))
    dice, lost, moved = random.Random(1), 0, 0

    def astray() -> bool:
        nonlocal lost
        went = dice.random() < 0.2
        lost += went
        return went

    def set_elsewhere() -> bool:
        nonlocal moved
        was = dice.random() < 0.2
        moved += was
        return was

    async def play() -> None:
        await cluster.open(2)
        for worker in cluster.workers:
            worker.is_lost, worker.is_moved = astray, set_elsewhere
        for start in range(0, len(lines), 500):
            publish(cluster.broker, cluster, lines[start : start + 500])
            await asyncio.sleep(1)
        await cluster.until(len(expected), LIMIT_S)

    cluster.virtual.run(play())
    assert cluster.outputs() == expected
    assert lost > 10 < moved


def test_a_reader_of_progress_that_meets_a_fault_of_ours_goes_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    virtual, broker = VirtualClock(), FakeBroker()
    reader, seen = ProgressReader(PARAMETERS, broker, virtual.clock), []
    findings = Topics(PARAMETERS.topic_prefix).findings

    def note(record: Any) -> None:
        reader._position = record.offset + 1
        if record.value == b"breaks it":
            raise ZeroDivisionError("a fault of ours")
        seen.append(record.value)

    monkeypatch.setattr(reader, "_note", note)

    async def play() -> None:
        await reader.start()
        for value in (b"breaks it", b"comes after it"):
            broker.append(findings, value)
            await asyncio.sleep(5)
        await reader.stop()

    virtual.run(play())
    assert seen == [b"comes after it"]
    assert "can't be read now" in caplog.text


def test_only_a_gap_that_the_log_itself_has_is_accepted(caplog: pytest.LogCaptureFixture) -> None:
    tp, begin = TP("rates", 0), 10
    assignment = TaskAssignment(lambda: None, ["rates"], [].append, VirtualClock().clock)  # type: ignore[arg-type, return-value]
    assignment._by_input[tp] = SimpleNamespace(next_offsets={}, backlog={"rates": begin})  # type: ignore[assignment]
    assert assignment.accept(tp, begin + 5, begin + 5, 20) == Accepted(begin, fits=False), "somebody set the position"
    assert assignment.accept(tp, None, begin + 5, 20) == Accepted(begin, fits=False), "somebody set it during the fetch"
    assert assignment.accept(tp, None, begin + 5, 20, log_start=begin + 2) == Accepted(begin + 2, fits=False), "less was removed"
    assert assignment.accept(tp, begin, begin + 2, 20) == Accepted(begin, fits=True), "a marker ends a transaction there"
    assert not caplog.messages
    assert assignment.accept(tp, 25, 25, 30, log_start=25) == Accepted(20, fits=True)
    assert caplog.messages == ["records 20 to 24 of rates-0 were removed before they were read"]
    assert assignment.expected(tp) == 30


def test_records_that_break_the_work_are_kept_whole_however_many_and_stop_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, changes = story("firewall", 3)
    lines = lines[: len(lines) * 4 // 5]
    expected = expected_lines(CORE, lines, changes)
    poisons = [b'{"kind":"traffic","user":"%s","poison":%d}' % (user, number) for number, user in enumerate([b"A"] * 30 + [b"B"])]
    given = (*lines[:1234], *poisons[:-1], *lines[1234:5000], poisons[-1], *lines[5000:])
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of(changes))

    def decode(values: list[bytes | None], *index: Any) -> EventBatch:
        if any(b'"poison"' in (value or b"") for value in values):
            raise ZeroDivisionError("a fault of ours")
        return decode_records(values, *index)

    monkeypatch.setattr(partition_pipeline, "decode_records", decode)

    async def play() -> list[dict[str, Any]]:
        await cluster.open(1)
        publish(cluster.broker, cluster, given)
        await cluster.until(len(expected), LIMIT_S)
        await asyncio.sleep(10)
        return [json.loads(value) for value in cluster.broker.values(cluster.topics.dead_letters)]

    letters = cluster.virtual.run(play())
    assert cluster.outputs() == expected
    assert expected
    worker = cluster.workers[0]
    assert worker.crashes == []
    assert worker.assignment.quarantined == len(poisons)
    assert worker.assignment.restarts <= 2, "records in a row cost one restart together"
    assert {letter["raw"].encode() for letter in letters} == set(poisons)
    assert all("ZeroDivisionError: a fault of ours" in letter["reason"] for letter in letters)
    kept = cluster.broker.log(cluster.topics.quarantine, 0).records
    assert {record.value for record in kept} == set(poisons)
    assert all(dict(record.headers)["reason"] == b"ZeroDivisionError: a fault of ours" for record in kept)
    assert {dict(record.headers)["key"] for record in kept} == {b"A", b"B"}
    assert remarks(worker.assignment) == [f"{len(poisons)} records or windows are in quarantine: `highwater quarantine list` says more"]


def test_a_window_that_cannot_be_judged_or_decided_is_left_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, changes = story("firewall", 3)
    lines = lines[:3000]
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of(changes))
    ends_us = sorted({parse_time(json.loads(line)["observed_at"]) for line in lines})
    undetected_us, undecided_us = ends_us[5], ends_us[10:13]
    detect, decide = DetectionByResolution.detect, DecisionFlow.decide
    decided: list[int] = []

    def detecting(self: DetectionByResolution, closed: Closed, view: CalendarView) -> Detected:
        if closed.at_us == undetected_us:
            raise AttributeError("a fault of detection")
        return detect(self, closed, view)

    def deciding(self: DecisionFlow, at_us: int, detected: list[Detected]) -> Decisions:
        decided.append(at_us)
        if at_us in undecided_us:
            raise KeyError("a fault of the correlation")
        return decide(self, at_us, detected)

    monkeypatch.setattr(DetectionByResolution, "detect", detecting)
    monkeypatch.setattr(DecisionFlow, "decide", deciding)

    async def play() -> list[dict[str, Any]]:
        await cluster.open(1)
        publish(cluster.broker, cluster, lines)
        await asyncio.sleep(300)
        return [json.loads(value) for value in cluster.broker.values(cluster.topics.dead_letters)]

    letters = cluster.virtual.run(play())
    assert cluster.workers[0].crashes == []
    offsets = {
        text: {letter["position"]["offset"] for letter in letters if text in letter["reason"]} for text in ("be judged", "be decided")
    }
    assert offsets == {"be judged": {undetected_us}, "be decided": set(undecided_us)}
    assert max(decided) >= ends_us[-3], "windows after them are decided"


def test_a_change_that_breaks_the_calendar_is_left_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, changes = story("firewall", 3)
    bad = changes[0].model_copy(update={"change_id": "BAD"})
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of((bad, *changes)))
    declare = Calendar.declare

    def declaring(self: Calendar, change: Change, *about: Any, **more: Any) -> None:
        if change.change_id == "BAD":
            raise OverflowError("a fault of the calendar")
        declare(self, change, *about, **more)

    monkeypatch.setattr(Calendar, "declare", declaring)

    async def play() -> None:
        await cluster.open(1)
        publish(cluster.broker, cluster, lines[:2000])
        await asyncio.sleep(120)

    cluster.virtual.run(play())
    assert cluster.workers[0].crashes == []
    assert cluster.workers[0].assignment.quarantined == PARAMETERS.partitions + 1, "each task leaves it out"
    assert b"BAD" in cluster.broker.values(cluster.topics.quarantine)[0]


def test_what_a_checkpoint_covers_is_no_longer_suspected() -> None:
    quarantine = Quarantine()
    quarantine.note(PoisonError("t", 100, 400, 300, "why"))
    assert quarantine.bounds("t", 0) == (100, None)
    assert quarantine.bounds("t", 100) == (400, 75)
    for offset in (100, 101, 102):
        quarantine.note(PoisonError("t", offset, offset + 1, 1, "why"))
    assert [quarantine.reason("t", offset) for offset in (101, 102, 103)] == ["why", "why", None]
    quarantine.forget({"t": 102})
    assert [quarantine.reason("t", offset) for offset in (101, 102)] == [None, "why"]
    assert quarantine.total == 3
