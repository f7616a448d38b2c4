"""Producers upstream may use transactions: what they abort never counts, and the markers that they leave hold nothing up."""

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from models.canonical_json import to_json
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import by_java
from streams.kafka.cluster.security import client_settings
from streams.kafka.exchange.calendar_reader import CalendarReader
from tests.kafka.cluster import expected_lines
from tests.kafka.stories import CORE, story
from tests.kafka.test_worker import working
from tests.kafka.workers import eventually, outputs, prepare, values
from tests.service.builders import change

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
        answer = eventually(lambda: outputs(parameters), lambda answer: len(set(answer)) >= len(expected), LIMIT_S)
        assert [json.loads(value) for value in values(parameters, topics.dead_letters)] == []
    assert sorted(set(answer)) == expected


def test_a_change_that_its_producer_aborted_is_never_declared_and_the_calendar_is_read_to_its_end(parameters: KafkaParameters) -> None:
    """Connectors that bring changes from a service desk use transactions too."""
    topics = prepare(parameters)

    async def publish() -> None:
        sender = AIOKafkaProducer(**client_settings(parameters), transactional_id=f"{parameters.group}-connect")
        await sender.start()
        async with sender.transaction():
            await sender.send(topics.calendar, to_json(change("C-1", "ACME")), key=b"ACME/C-1", partition=0)
        await sender.begin_transaction()
        await sender.send(topics.calendar, to_json(change("C-2", "ACME")), key=b"ACME/C-2", partition=0)
        await sender.abort_transaction()
        await sender.stop()

    asyncio.run(publish())
    reader = CalendarReader(parameters)
    reader.start()
    try:
        assert [one.change_id for record in reader.between(0, reader.next_offset) for one in record.changes] == ["C-1"]
        assert reader.next_offset == 4, "behind the marker that ends the log"
    finally:
        reader.stop()


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
