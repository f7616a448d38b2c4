"""The tasks of the Kafka runtime run whole, in one process, under a virtual clock: what takes a cluster minutes takes none here."""

import asyncio
import json
from typing import Any

import pytest

from models.columns import EventBatch
from models.errors import StateError
from streams.decode import decode_records
from streams.kafka.client.fake_broker import FakeBroker
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import by_java
from streams.kafka.exchange.fake_calendar import FakeCalendar
from streams.kafka.tasks import partition_pipeline
from streams.kafka.tasks.quarantine import PoisonError, Quarantine
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


def test_a_record_that_breaks_the_work_is_left_out_said_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, changes = story("firewall", 3)
    lines = lines[: len(lines) * 4 // 5]
    expected = expected_lines(CORE, lines, changes)
    poisons = [b'{"kind":"traffic","user":"%s","poison":%d}' % (user, number) for number, user in enumerate((b"A", b"B"))]
    given = (*lines[:1234], poisons[0], *lines[1234:5000], poisons[1], *lines[5000:])
    cluster = VirtualCluster(PARAMETERS, CORE, FakeCalendar.of(changes))

    def decode(values: list[bytes | None], *place: Any) -> EventBatch:
        if any(b'"poison"' in (value or b"") for value in values):
            raise ZeroDivisionError("a fault of ours")
        return decode_records(values, *place)

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
    assert cluster.workers[0].crashes == []
    assert {letter["raw"].encode() for letter in letters} == set(poisons)
    assert all("ZeroDivisionError: a fault of ours" in letter["reason"] for letter in letters)


def test_one_record_after_the_other_that_breaks_the_work_is_no_record_s_fault() -> None:
    quarantine = Quarantine()
    quarantine.note(PoisonError("t", 100, 400, 300, "why"))
    assert quarantine.bounds("t", 0) == (100, None)
    assert quarantine.bounds("t", 100) == (400, 3)
    for offset in (100, 101):
        quarantine.note(PoisonError("t", offset, offset + 1, 1, "why"))
    assert quarantine.reason("t", 101) == "why"
    assert quarantine.reason("t", 102) is None
    with pytest.raises(StateError, match="no record of t can be processed any more, from offset 100 on"):
        quarantine.note(PoisonError("t", 102, 103, 1, "why"))
