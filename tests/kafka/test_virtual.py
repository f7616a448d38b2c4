"""The tasks of the Kafka runtime run whole, in one process, under a virtual clock: what takes a cluster minutes takes none here."""

import asyncio
import time

from streams.kafka.client.fake_broker import FakeBroker
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import by_java
from streams.kafka.exchange.fake_calendar import FakeCalendar
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

    began_s = time.monotonic()
    cluster.virtual.run(play())
    assert cluster.outputs() == expected
    assert [worker.crashes for worker in cluster.workers] == [[]]
    assert 60 < cluster.virtual.elapsed_s < LIMIT_S, "a topic that brings nothing rests after a minute of virtual time"
    assert time.monotonic() - began_s < 300
