"""Quarantine on Kafka: what stands alone is left out, a fault of the program stops the worker, and a retry loses nothing newer."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition

from models.canonical_json import to_json
from models.columns import Detected
from models.times import parse_time
from streams.detection_by_resolution import DetectionByResolution
from streams.flow import DecisionFlow
from streams.kafka.client.fake_broker import FakeBroker
from streams.kafka.cluster import quarantined_records
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.quarantined_records import NOT_COPIED, QuarantinedRecord, Retried, try_again
from streams.kafka.cluster.topic_admin import LARGEST_RECORD
from streams.kafka.exchange.fake_calendar import FakeCalendar
from streams.kafka.tasks.quarantine import CHANGES, WINDOWS, PoisonError, Quarantine, QuarantineLimitError, kept_whole
from tests.kafka.cluster import expected_lines
from tests.kafka.stories import CORE, story
from tests.kafka.test_virtual import publish
from tests.kafka.virtual import VirtualCluster
from tests.service.builders import change

PARAMETERS = KafkaParameters(partitions=2, checkpoint_s=5.0)


def poison(topic: str, offset: int) -> PoisonError:
    return PoisonError(topic, offset, offset + 1, 1, "KeyError: a fault")


@pytest.mark.parametrize(("topic", "most"), [(WINDOWS, 10), ("dsp.message-rates", 1_000), (CHANGES, 1_000)])
def test_a_fault_that_breaks_everything_is_not_left_out_for_ever(topic: str, most: int) -> None:
    quarantine = Quarantine()
    for offset in range(most):
        quarantine.note(poison(topic, offset))
    assert quarantine.is_uncertain == (topic != CHANGES), "of changes the next one may be days away, and they are kept whole"
    with pytest.raises(QuarantineLimitError, match=f"{most} .* in a row can't be processed.*KeyError: a fault.*start the worker"):
        quarantine.note(poison(topic, most))
    assert quarantine.total == most
    quarantine.passed(topic, most - 1)
    assert quarantine.is_uncertain == (topic != CHANGES), "a restart repeats what came before them, and that is no sign"
    quarantine.passed(topic, most)
    assert not quarantine.is_uncertain
    quarantine.note(poison(topic, most + 1))
    assert quarantine.total == most + 1


def test_what_the_state_covers_is_forgotten_windows_and_changes_too() -> None:
    quarantine = Quarantine()
    for topic in ("t", WINDOWS, CHANGES):
        quarantine.note(poison(topic, 5))
    quarantine.forget({"t": 6, WINDOWS: 6, CHANGES: 5})
    assert [quarantine.reason(topic, 5) is None for topic in ("t", WINDOWS, CHANGES)] == [True, True, False]
    assert [quarantine.suspects(topic, 5) for topic in ("t", WINDOWS, CHANGES)] == [False, False, True]


def test_a_record_that_the_brokers_would_refuse_as_a_copy_is_named_and_not_copied() -> None:
    whole = kept_whole("q", ("t", 0, 7), b"k", b"x" * 1000, "why")
    large = kept_whole("q", ("t", 0, 8), b"k", b"x" * LARGEST_RECORD, "why")
    assert (whole.value, dict(whole.headers)["reason"]) == (b"x" * 1000, b"why")
    assert large.value == b""
    assert dict(large.headers)["reason"].startswith(NOT_COPIED.encode())
    assert not kept_whole("q", ("t", 0, 8), b"k" * LARGEST_RECORD, b"", "why").headers[2:], "nor is its key"


def test_one_passing_lack_of_memory_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, changes = story("firewall", 3)
    lines = lines[: len(lines) * 4 // 5]
    expected = expected_lines(CORE, lines, changes)
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of(changes))
    failures: Iterator[Any] = iter(range(1_000_000))
    detect, decide = DetectionByResolution.detect, DecisionFlow.decide

    def detecting(self: DetectionByResolution, *given: Any) -> Detected:
        if next(failures) in (20, 60, 61):
            raise MemoryError
        return detect(self, *given)

    def deciding(self: DecisionFlow, *given: Any) -> Any:
        if next(failures) == 90:
            raise OSError("a device failed")
        return decide(self, *given)

    monkeypatch.setattr(DetectionByResolution, "detect", detecting)
    monkeypatch.setattr(DecisionFlow, "decide", deciding)

    async def play() -> None:
        await cluster.open(1)
        publish(cluster.broker, cluster, lines)
        await cluster.until(len(expected), 3_600)

    cluster.virtual.run(play())
    assert cluster.workers[0].crashes == []
    assert cluster.workers[0].assignment.restarts >= 3
    assert cluster.workers[0].assignment.quarantined == 0
    assert cluster.broker.values(cluster.topics.dead_letters) == []
    assert cluster.outputs() == expected != []


@pytest.mark.parametrize("fault", [MemoryError(), KeyError("an upgrade that went wrong")], ids=["memory", "program"])
@pytest.mark.parametrize("stage", ["detection", "correlation"])
def test_a_fault_of_every_window_stops_the_worker_and_the_next_one_without_it_judges_them_all(
    monkeypatch: pytest.MonkeyPatch, stage: str, fault: Exception
) -> None:
    lines, changes = story("firewall", 3)
    lines = lines[:1500]
    begins_us = parse_time(json.loads(lines[700])["observed_at"])
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of(changes))
    judged: set[int] = set()
    detect, decide, broken = DetectionByResolution.detect, DecisionFlow.decide, True

    def detecting(self: DetectionByResolution, closed: Any, *given: Any) -> Detected:
        if stage == "detection" and broken and closed.at_us >= begins_us:
            raise fault
        judged.add(closed.at_us)
        return detect(self, closed, *given)

    def deciding(self: DecisionFlow, at_us: int, detected: Any) -> Any:
        if stage == "correlation" and broken and at_us >= begins_us:
            raise fault
        judged.add(at_us)
        return decide(self, at_us, detected)

    monkeypatch.setattr(DetectionByResolution, "detect", detecting)
    monkeypatch.setattr(DecisionFlow, "decide", deciding)

    async def play() -> None:
        nonlocal broken
        await cluster.open(1)
        publish(cluster.broker, cluster, lines)
        await asyncio.sleep(120)
        (first,) = cluster.workers
        assert first.crashes
        sentence = str(first.crashes[0])
        assert ("in a row can't be processed" in sentence) == isinstance(fault, KeyError), sentence
        assert ("nothing is left out" in sentence) == isinstance(fault, MemoryError), sentence
        assert first.assignment.quarantined <= 10 * PARAMETERS.partitions
        broken = False
        judged.clear()
        await cluster.replace(0)
        await asyncio.sleep(120)
        assert cluster.workers[0].crashes == []

    cluster.virtual.run(play())
    ends_us = sorted({parse_time(json.loads(line)["observed_at"]) for line in lines})
    assert {at_us for at_us in ends_us[:-2] if at_us >= begins_us} <= judged


@dataclass
class Log:
    """The calendar behind the interface of Kafka's own clients."""

    broker: FakeBroker
    arriving: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    """What another producer sends just before the next record."""

    def consumer(self, **_: Any) -> Any:
        index: dict[TopicPartition, int] = {}

        def poll(**_: Any) -> dict[TopicPartition, list[Any]]:
            (at,) = index
            records = self.broker.read(at.topic, 0, index[at])
            index[at] += len(records)
            return {at: records}

        return SimpleNamespace(
            assign=lambda indices: None,
            seek=lambda at, offset: index.update({at: offset}),
            beginning_offsets=lambda indices: dict.fromkeys(indices, 0),
            end_offsets=lambda indices: {at: self.broker.log(at.topic).end for at in indices},
            position=index.__getitem__,
            poll=poll,
            close=lambda: None,
        )

    def producer(self, **_: Any) -> Any:
        def send(topic: str, value: bytes | None, *, key: bytes | None, partition: int) -> Any:
            while self.arriving and topic == "change-calendar":
                arriving_key, arriving_value = self.arriving.pop()
                self.broker.append(topic, arriving_value, key=arriving_key)
            offset = self.broker.append(topic, value, key=key, partition=partition)
            return SimpleNamespace(get=lambda _: SimpleNamespace(offset=offset))

        return SimpleNamespace(send=send, close=lambda: None)


def revision(number: int, title: str = "t") -> bytes:
    return to_json(change("C-1", revision=number, title=title))


KEY = b"ACME/C-1"


@pytest.mark.parametrize(
    ("later", "arriving", "retried", "last"),
    [
        ([], [], Retried(1, 0, 1), 2),
        ([revision(1)], [], Retried(1, 0, 1), 2),
        ([revision(3)], [], Retried(0, 1, 1), 3),
        ([None], [], Retried(0, 1, 1), None),
        ([revision(3), None], [], Retried(0, 1, 1), None),
        ([], [revision(3)], Retried(1, 0, 1), 3),
        ([], [None], Retried(1, 0, 1), None),
        ([], [revision(1)], Retried(1, 0, 1), 2),
    ],
)
def test_a_retry_never_leaves_an_old_revision_as_the_last_one(
    monkeypatch: pytest.MonkeyPatch, later: list[bytes | None], arriving: list[bytes | None], retried: Retried, last: int | None
) -> None:
    broker = FakeBroker()
    log = Log(broker, [(KEY, value) for value in arriving])
    broken_at = broker.append("change-calendar", revision(2), key=KEY)
    for value in later:
        broker.append("change-calendar", value, key=KEY)
    monkeypatch.setattr(quarantined_records, "KafkaConsumer", log.consumer)
    monkeypatch.setattr(quarantined_records, "KafkaProducer", log.producer)
    records = [
        QuarantinedRecord("change-calendar", 0, broken_at, KEY, b"[" + revision(2) + b"]", "why"),
        QuarantinedRecord(WINDOWS, 0, 1, None, b"", "why"),
    ]
    assert try_again(PARAMETERS, records) == retried
    stands = broker.log("change-calendar").records[-1].value
    document = json.loads(stands) if stands is not None else None
    assert (document[0] if isinstance(document, list) else document or {}).get("revision") == last
    assert [record.key for record in broker.log("highwater-quarantine").records] == [records[0].name], "it left the quarantine"
