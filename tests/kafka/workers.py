"""Workers as processes of their own, and what goes to and comes from the brokers around them."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from models.canonical_json import to_json
from models.change import Change
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import Partitioner, by_java
from streams.kafka.cluster.security import client_settings
from streams.kafka.cluster.topic_admin import admin, create, specs
from streams.kafka.cluster.topic_names import Topics

ROOT = Path(__file__).parents[2]
IDLE_S = 2
QUIET = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Worker:
    """One `highwater worker`."""

    def __init__(self, parameters: KafkaParameters, log: Path, *arguments: str, **settings: object) -> None:
        self.log = log
        self._disk_full = False
        self._command = [sys.executable, "-m", "highwater", "worker", *arguments]
        self._environment = (
            os.environ | QUIET | environment(parameters) | {f"HIGHWATER_{key}": str(value) for key, value in settings.items()}
        )
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def restart(self) -> None:
        self._process = self._start()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def fill_disk(self) -> None:
        """From now on, and after a restart, every write to a file fails."""
        self._disk_full = True
        self._limit_files()

    def free_disk(self) -> None:
        self._disk_full = False
        self._limit_files()

    def _limit_files(self) -> None:
        if self.running:
            most = 0 if self._disk_full else resource.RLIM_INFINITY
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def ready(self, limit_s: float) -> bool:
        """Whether it took something over since its last start, or does within `limit_s`."""
        since = lambda: b"continues at" in self.log.read_bytes()[self._logged :]  # noqa: E731
        return bool(eventually(lambda: since() or not self.running or self._disk_full, bool, limit_s) and since())

    def wait(self, limit_s: float) -> int:
        """Its exit code, once it stops by itself."""
        return self._process.wait(limit_s)

    def stop(self, limit_s: float = 20) -> int:
        """Asks it to stop; its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the worker does not stop:\n{self.log.read_text()[-3000:]}") from None

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            self._logged = log.tell()
            process = subprocess.Popen(self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        if self._disk_full:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        return process


def environment(parameters: KafkaParameters) -> dict[str, str]:
    """`parameters` as a person would set them around the command."""
    by_key: dict[str, str] = {"HIGHWATER_TIME__IDLE_S": str(IDLE_S), "HIGHWATER_KAFKA__METRICS_PORT": "0"}
    for key, value in parameters.model_dump(mode="json", exclude_defaults=True).items():
        if isinstance(value, dict):
            by_key |= {f"HIGHWATER_KAFKA__{key.upper()}__{name.upper()}": str(item) for name, item in value.items()}
        else:
            by_key[f"HIGHWATER_KAFKA__{key.upper()}"] = str(value)
    return by_key


def prepare(parameters: KafkaParameters, changes: Iterable[Change] = ()) -> Topics:
    """Topics made, changes published."""
    with admin(parameters) as client:
        create(client, specs(parameters))
    topics = Topics(parameters.topic_prefix)
    sender = KafkaProducer(**client_settings(parameters))
    for change in changes:
        sender.send(topics.calendar, to_json(change), key=change.change_id.encode())
    sender.flush()
    sender.close()
    return topics


def publish(
    parameters: KafkaParameters,
    lines: Sequence[bytes],
    *,
    partitioner: Partitioner = by_java,
    compressions: Sequence[str | None] = (None,),
    pause: Callable[[int], None] | None = None,
) -> None:
    """Each line as a record keyed by its User, a portion in each of the `compressions`; `pause` gets the number of each before it goes."""
    topics = Topics(parameters.topic_prefix)
    portion = -(-len(lines) // len(compressions))
    for first, compression in zip(range(0, len(lines), portion), compressions, strict=True):
        sender = KafkaProducer(**client_settings(parameters), compression_type=compression, linger_ms=5, reconnect_backoff_max_ms=1000)
        sent = []
        for number, line in enumerate(lines[first : first + portion], first):
            if pause is not None:
                pause(number)
            user = line.split(b'"user":"')[1].split(b'"')[0]
            topic = topics.depths if b'"kind":"queue"' in line else topics.rates
            sent.append(sender.send(topic, line, key=user, partition=partitioner(user, parameters.partitions)))
        sender.flush()
        assert all(record.succeeded() for record in sent), "the publisher lost records"
        sender.close()


def values(parameters: KafkaParameters, topic: str) -> list[bytes]:
    """Of all that `topic` holds now."""
    return [record.value for record in records(parameters, topic) if record.value is not None]


def records(parameters: KafkaParameters, topic: str) -> list[Any]:
    """All that `topic` holds now, partition by partition; nothing where it is not there."""
    consumer = KafkaConsumer(**client_settings(parameters), enable_auto_commit=False)
    try:
        return _read_all(consumer, [topic])
    finally:
        consumer.close()


def outputs(parameters: KafkaParameters) -> list[bytes]:
    """Everything for people, as `lines_of` gives it: topic without prefix, and value."""
    prefix = parameters.topic_prefix
    consumer = KafkaConsumer(**client_settings(parameters), enable_auto_commit=False)
    try:
        topics = [name for name in consumer.topics() if name.startswith((f"{prefix}impact-", f"{prefix}change-reports"))]
        read = _read_all(consumer, topics)
    finally:
        consumer.close()
    return sorted(record.topic.removeprefix(prefix).encode() + b" " + record.value for record in read if record.value is not None)


def _read_all(consumer: KafkaConsumer, topics: Iterable[str]) -> list[Any]:
    """The records that these topics hold now, in the order of their partitions."""
    partitions = [TopicPartition(topic, number) for topic in topics for number in sorted(consumer.partitions_for_topic(topic) or ())]
    ends = consumer.end_offsets(partitions) if partitions else {}
    by_partition: dict[TopicPartition, list[Any]] = {partition: [] for partition in partitions}
    consumer.assign(partitions)
    if partitions:
        consumer.seek_to_beginning(*partitions)
    while any(consumer.position(partition) < ends[partition] for partition in partitions):
        for partition, fetched in consumer.poll(timeout_ms=500, max_records=100_000).items():
            by_partition[partition] += fetched
    return [record for partition in partitions for record in by_partition[partition]]


def eventually(read: Callable[[], Any], wanted: Callable[[Any], bool], limit_s: float) -> Any:
    """What `read` gives once it is as `wanted`, or at the end of `limit_s`."""
    until = time.monotonic() + limit_s
    while True:
        rows = read()
        if wanted(rows) or time.monotonic() > until:
            return rows
        time.sleep(0.5)


def last_of_each(result: Iterable[bytes]) -> dict[str, Any]:
    """The record that stands of each alert."""
    alerts = [json.loads(line) for line in result]
    return {alert["alert_id"]: alert for alert in sorted(alerts, key=lambda alert: alert["revision"])}
