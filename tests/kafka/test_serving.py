"""A whole installation on a broker that asks for TLS, a password and rights: posted over HTTP, judged by a worker, read over HTTP."""

import json
from pathlib import Path

import httpx2
import pytest

from models.canonical_json import to_json
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import by_java
from streams.kafka.cluster.topic_names import Topics
from streams.learned_state import write_state
from tests.kafka.broker import ADMIN, PASSWORD, Broker
from tests.kafka.cluster import expected_lines
from tests.kafka.conftest import settings_for, signed_in
from tests.kafka.serving import bodies, listed, serving
from tests.kafka.stories import CORE, learned_before, story
from tests.kafka.test_topic_admin import command
from tests.kafka.workers import Worker, eventually, last_of_each, outputs, records, values

pytestmark = pytest.mark.kafka
LIMIT_S = 120


@pytest.fixture
def secured(secured_broker: Broker, tmp_path: Path) -> KafkaParameters:
    """Settings of the administrator on a broker that checks."""
    return signed_in(settings_for(secured_broker.bootstrap, partitions=2), secured_broker, tmp_path, ADMIN, PASSWORD)


def test_what_is_posted_is_judged_by_a_worker_that_learned_before_and_shown(secured: KafkaParameters, tmp_path: Path) -> None:
    lines, changes = story("firewall", 3)
    learned = learned_before("firewall", 3)
    expected = expected_lines(CORE, lines, changes, learned)
    write_state(tmp_path / "state", learned)
    assert command(secured, "create").returncode == 0
    assert command(secured, "check").returncode == 0
    with serving(secured, tmp_path) as client:
        declared = client.post("/v1/changes", json=[json.loads(to_json(change)) for change in changes])
        assert declared.status_code == 201
        published = eventually(
            lambda: values(secured, Topics(secured.topic_prefix).calendar), lambda answer: len(answer) >= len(changes), 30
        )
        assert sorted(published) == sorted(to_json(change) for change in changes)
        for body in bodies(lines, 500):
            _post(client, body)
        worker = Worker(secured, tmp_path / "worker.log", "--learn-from", str(tmp_path / "state"))
        try:
            answer = eventually(lambda: outputs(secured), lambda answer: len(answer) >= len(expected), LIMIT_S)
            assert answer == expected, worker.log.read_text()[-2000:]
            desk = {alert["alert_id"]: alert for alert in eventually(lambda: listed(client, "/v1/alerts"), bool, 30)}
            last = last_of_each(line.split(b" ", 1)[1] for line in expected if line.startswith(b"impact-alerts "))
            shown = eventually(
                lambda: {alert["alert_id"]: alert for alert in listed(client, "/v1/alerts")}, lambda answer: answer == last, 30
            )
            assert shown == last, desk.keys() ^ last.keys()
        finally:
            worker.kill()


def _post(client: httpx2.Client, body: bytes) -> None:
    answer = client.post("/v1/events", content=body)
    assert (answer.status_code, answer.json()["rejected"]) == (202, [])


def test_posted_events_stand_in_the_topics_under_their_user_and_bad_ones_in_the_dead_letters(
    secured: KafkaParameters, tmp_path: Path
) -> None:
    lines, _ = story("firewall", 3)
    topics = Topics(secured.topic_prefix)
    body = b"\n".join([*lines[:300], lines[0].replace(b'"user":', b'"nobody":')])
    assert command(secured, "create").returncode == 0
    with serving(secured, tmp_path) as client:
        first = client.post("/v1/events", content=body, headers={"idempotency-key": "one"})
        assert (first.status_code, first.json()["accepted"], [bad["index"] for bad in first.json()["rejected"]]) == (202, 300, [300])
        again = client.post("/v1/events", content=body, headers={"idempotency-key": "one"})
        assert again.content == first.content
    stored = [record for topic in topics.telemetry for record in records(secured, topic)]
    events = [json.loads(record.value) for record in stored]
    assert sum(len(event) if isinstance(event, list) else 1 for event in events) == 300
    for record, event in zip(stored, events, strict=True):
        users = {one["user"] for one in (event if isinstance(event, list) else [event])}
        assert {record.key.decode()} == users
        assert record.partition == by_java(record.key, secured.partitions)
    assert [json.loads(letter)["position"] for letter in values(secured, topics.dead_letters)] == [{"index": 300}]


def test_events_that_no_broker_takes_are_not_answered_202(tmp_path: Path) -> None:
    lines, _ = story("firewall", 3)
    with serving(settings_for("127.0.0.1:9"), tmp_path) as client:
        answer = client.post("/v1/events", content=b"\n".join(lines[:3]))
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert "send this again later" in answer.json()["detail"]
