"""Workers' metrics on a real broker: each tells its share, and the shares add up."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.kafka.cluster.parameters import KafkaParameters
from tests.kafka.cluster import expected_lines
from tests.kafka.test_worker import CORE, LIMIT_S, story
from tests.kafka.workers import Worker, eventually, prepare, publish

pytestmark = pytest.mark.kafka
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def scraped(port: int) -> str:
    try:
        text: str = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    except httpx2.HTTPError:
        return ""
    return text


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(result: Samples, name: str, **labels: str) -> float:
    return result.get((name, tuple(sorted(labels.items()))), 0.0)


def users(result: Samples) -> set[str]:
    return {dict(labels)["user"] for name, labels in result if name == "highwater_messages_total"}


def standing(lines: Iterable[bytes]) -> int:
    alerts = [json.loads(line.split(b" ", 1)[1]) for line in lines if line.startswith(b"impact-alerts ")]
    last = {alert["alert_id"]: alert for alert in sorted(alerts, key=lambda alert: alert["revision"])}
    return sum(alert["status"] != "resolved" for alert in last.values())


def test_each_worker_tells_its_share_and_the_shares_add_up(parameters: KafkaParameters, tmp_path: Path) -> None:
    lines, changes = story("firewall", 3)
    expected = expected_lines(CORE, lines, changes)
    opened = {json.loads(line.split(b" ", 1)[1])["alert_id"] for line in expected if line.startswith(b"impact-alerts ")}
    prepare(parameters, changes)
    publish(parameters, lines)
    ports = [free_port(), free_port()]
    crew = [Worker(parameters.model_copy(update={"metrics_port": ports[0]}), tmp_path / "first.log")]
    try:
        alone = eventually(
            lambda: samples(scraped(ports[0])),
            lambda result: (
                value(result, "highwater_events_total", outcome="accepted") >= len(lines)
                and value(result, "highwater_detection_delay_seconds_count") >= len(opened)
            ),
            LIMIT_S,
        )
        assert value(alone, "highwater_events_total", outcome="accepted") == len(lines)
        assert value(alone, "highwater_detection_delay_seconds_count") == len(opened)
        assert sum(result for (name, _), result in alone.items() if name == "highwater_alerts_open") == standing(expected)
        assert value(alone, "highwater_kafka_partitions_held") == parameters.partitions
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=scraped(ports[0]).encode(), capture_output=True)
            assert (checked.returncode, checked.stderr) == (0, b"")

        crew.append(Worker(parameters.model_copy(update={"metrics_port": ports[1]}), tmp_path / "second.log"))
        both = eventually(
            lambda: [samples(scraped(port)) for port in ports],
            lambda result: [value(each, "highwater_kafka_partitions_held") for each in result] == [2.0, 2.0],
            LIMIT_S,
        )
        assert [value(each, "highwater_kafka_partitions_held") for each in both] == [2.0, 2.0]
        assert sum(value(each, "highwater_kafka_correlating") for each in both) == 1
        assert users(both[0]) & users(both[1]) == set()
        assert sum(result for each in both for (name, _), result in each.items() if name == "highwater_alerts_open") == standing(expected)
    finally:
        for worker in crew:
            worker.kill()
