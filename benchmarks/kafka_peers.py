"""Other stream processors over the topic that a worker reads: Kafka Streams (Java) and Quix Streams, each with one EWMA rule."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from kafka.admin import NewTopic

from benchmarks.kafka_runs import LIMIT_S, ROOT, Measured, cpu_s
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_admin import admin
from streams.kafka.cluster.topic_names import Topics
from tests.kafka.broker import Broker

QUIX = "quixstreams==3.28.1"
GUARANTEES = {"off": "at_least_once", "on": "exactly_once_v2"}
"""Exactly-once → Kafka Streams' own name."""
_SOURCE = Path(__file__).parent / "kafka_streams"


def kafka_streams(kafka: KafkaParameters, broker: Broker, threads: int, exactly_once: str, events: int, folder: Path) -> Measured:
    """Kafka Streams over the whole topic, from its first event to its last; the JVM's start is not counted."""
    name = f"{kafka.group}-streams-{threads}-{exactly_once}"
    _make_topic(kafka, f"{name}-alerts")
    arguments = [kafka.bootstrap_servers, Topics(kafka.topic_prefix).rates, f"{name}-alerts", name]
    arguments += [str(folder / name), str(threads), GUARANTEES[exactly_once], str(events)]
    options = ["-Xmx1g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
    return _figures(["java", *options, "-cp", _built(folder), "Ewma", *arguments], broker, LIMIT_S)


def quix_streams(kafka: KafkaParameters, broker: Broker, seconds: float, folder: Path) -> Measured:
    """Quix Streams over the same topic for some seconds, in an environment that uv makes."""
    # -P: the folder of the script holds a calendar.py, which would hide the library's.
    uv = [sys.executable, "-m", "uv", "run", "--no-project", "--isolated", "--with", QUIX, "python", "-P"]
    script = str(ROOT / "benchmarks" / "kafka_quix.py")
    group = f"{kafka.group}-quix-{uuid.uuid4().hex[:6]}"
    arguments = [kafka.bootstrap_servers, Topics(kafka.topic_prefix).rates, group, str(folder / "quix"), str(seconds)]
    return _figures([*uv, script, *arguments], broker, seconds + 120)


def _built(folder: Path) -> str:
    """The class path, compiled by Maven in a copy of the source."""
    home = folder / "kafka_streams"
    if not home.is_dir():
        shutil.copytree(_SOURCE, home)
        command = ["mvn", "-q", "-B", "compile", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"Maven can't build {_SOURCE}: {done.stdout[-1000:]}")
    return f"{home / 'target' / 'classes'}:{home / 'libs'}/*"


def _make_topic(kafka: KafkaParameters, name: str) -> None:
    with admin(kafka) as client:
        client.create_topics([NewTopic(name, kafka.partitions, kafka.replication_factor)])


def _figures(command: list[str], broker: Broker, limit_s: float) -> Measured:
    broker_cpu = cpu_s(broker.pid)
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit_s)
    printed = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if not printed:
        raise RuntimeError(f"{command[0]} printed no figures: {done.stdout[-500:]} {done.stderr[-1500:]}")
    events, wall_s, spent_s = json.loads(printed[-1])
    return Measured(events, wall_s, spent_s, cpu_s(broker.pid) - broker_cpu)
