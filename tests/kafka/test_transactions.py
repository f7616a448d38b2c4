"""Producers upstream may use transactions: what they abort never counts, and the markers that they leave hold nothing up."""

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import by_java
from streams.kafka.cluster.security import client_settings
from tests.kafka.cluster import expected_lines
from tests.kafka.stories import CORE, story
from tests.kafka.test_worker import working
from tests.kafka.workers import eventually, outputs, prepare, values

pytestmark = pytest.mark.kafka
LIMIT_S = 240
_EVENTS = 600
"""In one transaction."""


def test_an_aborted_event_never_counts_and_a_topic_that_ends_with_a_marker_rests_like_others(
    parameters: KafkaParameters, tmp_path: Path
) -> None:
    """Without resting, the last windows would never close: the quieter of two topics would hold them open."""
    parameters = parameters.model_copy(update={"partitions": 2})
    lines, changes = story("firewall", 3)
    expected = expected_lines(CORE, lines, changes)
    topics = prepare(parameters, changes)
    asyncio.run(_publish(parameters, lines))
    with working(parameters, tmp_path, 2):
        found = eventually(lambda: outputs(parameters), lambda found: len(set(found)) >= len(expected), LIMIT_S)
        assert [json.loads(value) for value in values(parameters, topics.dead_letters)] == []
    assert sorted(set(found)) == expected


async def _publish(parameters: KafkaParameters, lines: tuple[bytes, ...]) -> None:
    """Transactions of some events each; after each comes one event that is a storm, and is aborted."""
    sender = AIOKafkaProducer(**client_settings(parameters), transactional_id=f"{parameters.group}-flink")
    await sender.start()
    try:
        for begin in range(0, len(lines), _EVENTS):
            async with sender.transaction():
                for line in lines[begin : begin + _EVENTS]:
                    await _send(sender, parameters, line)
            storm = next(line for line in lines[begin:] if b'"kind":"traffic"' in line) if begin + _EVENTS < len(lines) else None
            if storm is not None:
                event = json.loads(storm) | {"messages": 50_000, "failures": 0, "codes": {}}
                await sender.begin_transaction()
                await _send(sender, parameters, json.dumps(event, separators=(",", ":")).encode())
                await sender.abort_transaction()
    finally:
        await sender.stop()


async def _send(sender: AIOKafkaProducer, parameters: KafkaParameters, line: bytes) -> None:
    user = line.split(b'"user":"')[1].split(b'"')[0]
    kind = "queue-depths" if b'"kind":"queue"' in line else "message-rates"
    topic = f"{parameters.topic_prefix}dsp.{kind}"
    await sender.send(topic, line, key=user, partition=by_java(user, parameters.partitions))
