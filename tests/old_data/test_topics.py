"""Topics of commit 932208c are read: checkpoints are restored, its findings lead to its incident, and the work continues from there."""

import asyncio
import json
import lzma
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiokafka.structs import TopicPartition

from models.alert import Alert
from models.canonical_json import decode
from models.incident import Incident
from models.state_bytes import unpack
from streams.kafka.client.fake_broker import FakeBroker, FakeRecord
from streams.kafka.client.output_records import OutputRecord
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.calendar_reader import read_declared
from streams.kafka.exchange.checkpoints import Checkpoint, read_checkpoint
from streams.kafka.exchange.fake_calendar import FakeCalendar
from streams.kafka.exchange.stage_records import (
    FINDINGS_HEADER,
    MARK_HEADER,
    KeyEncoder,
    pack_findings,
    pack_pulses,
    split_by_size,
    write_mark,
)
from streams.kafka.tasks.correlation_pipeline import CorrelationPipeline
from streams.kafka.tasks.partition_pipeline import PartitionPipeline
from streams.pipeline import PipelineParameters

OLD: dict[str, Any] = unpack(lzma.decompress((Path(__file__).parent / "topics.xz").read_bytes()), 1)
"""Records of the old workers from their checkpoint on, by topic; what they published (`outputs`); events that came afterwards (`rest`)."""
TOPICS = Topics()
CALENDAR = FakeCalendar([read_declared(offset, b"CHG-1", value) for offset, value in enumerate(OLD["calendar"])])


def checkpoint(unit: str) -> Checkpoint:
    broker, index = FakeBroker(), TopicPartition(TOPICS.checkpoints, 0)
    for key, value in OLD["checkpoint"]:
        broker.append(index.topic, value, key=key)
    consumer: Any = broker.consumer()
    answer, _ = asyncio.run(read_checkpoint(consumer, index, unit))
    assert answer is not None
    return answer


def stage_records(topic: str) -> list[FakeRecord]:
    return [
        FakeRecord(topic, 0, offset, key, value, tuple((name, header) for name, header in headers))
        for offset, key, value, headers in OLD["stages"][topic]
    ]


def correlated() -> tuple[CorrelationPipeline, list[OutputRecord]]:
    """The correlation after the old workers' records, restored from their checkpoint."""
    pipeline = CorrelationPipeline(1, TOPICS, PipelineParameters(), CALENDAR)
    restored = checkpoint("correlation")
    pipeline.restore(restored.parts)
    pipeline.begin(restored.about["positions"])
    for topic in TOPICS.stages:
        pipeline.take(topic, stage_records(topic))
    return pipeline, decided(pipeline)


def decided(pipeline: CorrelationPipeline) -> list[OutputRecord]:
    outputs: list[OutputRecord] = []
    while (sent := pipeline.step()) is not None:
        outputs += sent
    return outputs


def incidents(values: Iterable[bytes]) -> list[tuple[str, str, str]]:
    """(id, opening, status) of each revision."""
    return [(one["incident_id"], one["opened_at"], one["status"]) for one in map(json.loads, values)]


def test_findings_of_the_old_workers_lead_to_their_incident() -> None:
    before = incidents(value for topic, _, value in OLD["outputs"] if topic == TOPICS.incidents)
    _, outputs = correlated()
    after = incidents(one.value for one in outputs if one.topic == TOPICS.incidents)
    assert after
    assert {one[:2] for one in after} == {one[:2] for one in before}


def test_a_partition_and_the_correlation_continue_from_old_checkpoints_until_the_incident_is_resolved() -> None:
    restored = checkpoint("partition-0")
    partition = PartitionPipeline(0, TOPICS.telemetry, PipelineParameters(), CALENDAR)
    partition.restore(restored.parts)
    positions = restored.about["positions"]
    partition.begin(positions, positions, ())
    pipeline, outputs = correlated()
    offsets = {topic: len(stage_records(topic)) + pipeline.positions[topic] for topic in TOPICS.stages}
    sequence, tables = 0, KeyEncoder()
    for topic, records in telemetry().items():
        partition.take(topic, records, records[-1].offset + 1)
    while (step := partition.step()) is not None:
        for part in split_by_size(step.detected):
            progress = replace(partition.progress(2, sequence), frontier_us=part[-1].at_us)
            mark = write_mark(0, 2, sequence)
            stages = {
                TOPICS.findings: (pack_findings(part, tables), ((FINDINGS_HEADER, progress.pack()),)),
                TOPICS.pulses: (pack_pulses(part, tables), ((MARK_HEADER, mark),)),
            }
            for topic, (value, headers) in stages.items():
                pipeline.take(topic, [FakeRecord(topic, 0, offsets[topic], b"0", value, headers)])
                offsets[topic] += 1
            sequence += 1
        outputs += decided(pipeline)
    published = incidents(one.value for one in outputs if one.topic == TOPICS.incidents)
    assert {one[0] for one in published} == {one[0] for one in incidents(v for t, _, v in OLD["outputs"] if t == TOPICS.incidents)}
    assert published[-1][2] == "resolved"


def telemetry() -> dict[str, list[FakeRecord]]:
    """The records after the checkpoint and those that came after the upgrade, by topic."""
    records = {
        topic: [FakeRecord(topic, 0, offset, key, value, ()) for offset, key, value in rows] for topic, rows in OLD["telemetry"].items()
    }
    for line in OLD["rest"].split(b"\n"):
        topic = TOPICS.rates if b'"traffic"' in line else TOPICS.depths
        records[topic].append(FakeRecord(topic, 0, records[topic][-1].offset + 1, None, line, ()))
    return records


def test_published_records_of_the_old_workers_are_still_valid() -> None:
    published = [(topic, value) for topic, _, value in OLD["outputs"]]
    incident_ids = [decode(Incident, value).incident_id for topic, value in published if topic == TOPICS.incidents]
    alert_incidents = [decode(Alert, value).incident_id for topic, value in published if topic == TOPICS.alerts]
    assert incident_ids
    assert set(alert_incidents) == set(incident_ids)
