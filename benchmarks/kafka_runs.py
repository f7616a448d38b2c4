"""Throughput of workers over full topics, and of the stock agent: how it is measured."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_admin import admin, create, specs
from streams.kafka.cluster.topic_names import Topics
from streams.kafka.exchange.progress_reader import progress_of
from tests.kafka.broker import Broker

ROOT = Path(__file__).parents[1]
PARTITIONS = int(os.environ.get("BENCH_PARTITIONS", "4"))
"""Of each topic; `topics create` makes 24."""
SESSION_S = 6.0
_TICKS = os.sysconf("SC_CLK_TCK")
LIMIT_S = 300.0
CHECKPOINTS = "highwater_kafka_checkpoint_seconds_total"


@dataclass(frozen=True)
class Measured:
    """One run over a full topic."""

    events: int
    wall_s: float
    worker_cpu_s: float
    broker_cpu_s: float
    checkpoint_s: float = 0.0
    """Of the first worker's processor time, from its start on."""

    @property
    def per_s(self) -> float:
        """Events by the clock on the wall."""
        return self.events / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        """Events by the processor time of the workers."""
        return self.events / self.worker_cpu_s


def cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def parameters(bootstrap: str, prefix: str) -> KafkaParameters:
    """An installation of its own."""
    return KafkaParameters(
        bootstrap_servers=bootstrap,
        topic_prefix=f"{prefix}.",
        group=prefix,
        partitions=PARTITIONS,
        replication_factor=1,
        session_timeout_s=SESSION_S,
    )


def prepared(bootstrap: str, prefix: str) -> KafkaParameters:
    """With its topics."""
    kafka = parameters(bootstrap, prefix)
    with admin(kafka) as client:
        create(client, specs(kafka))
    return kafka


@contextmanager
def worker(kafka: KafkaParameters, log: Path, count: int = 1, metrics_port: int = 0) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """`count` workers, killed at the end."""
    environment = os.environ | {
        "OPENBLAS_NUM_THREADS": "1",
        **{f"HIGHWATER_KAFKA__{key.upper()}": str(value) for key, value in kafka.model_dump(exclude_defaults=True).items()},
        "HIGHWATER_KAFKA__METRICS_PORT": str(metrics_port),
        # Queue depths are not sent here: windows wait for them no longer than this.
        "HIGHWATER_TIME__IDLE_S": "2",
    }
    # Kernels that are chosen for reproducible results on old processors are not what a deployment runs.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        environment.pop(name, None)
    with log.open("ab") as out:
        crew = [
            subprocess.Popen(
                [sys.executable, "-m", "highwater", "worker"],
                cwd=ROOT,
                env=environment | ({"HIGHWATER_KAFKA__METRICS_PORT": "0"} if number else {}),
                stdout=out,
                stderr=out,
            )
            for number in range(count)
        ]
        try:
            yield crew
        finally:
            for process in crew:
                process.kill()
                process.wait()


class Followed:
    """How far the partitions have come, according to the findings topic."""

    def __init__(self, kafka: KafkaParameters) -> None:
        self._partition = TopicPartition(Topics(kafka.topic_prefix).findings, 0)
        self._consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers)
        self._consumer.assign([self._partition])
        self._consumer.seek_to_beginning(self._partition)
        self.records: dict[int, int] = {}
        self.claimed: dict[int, tuple[int, float]] = {}
        """Partition → generation that spoke for it last, and when it was first heard."""
        self.first_tick: dict[tuple[int, int], float] = {}
        """(partition, generation) → when its first windows were heard of."""

    def look(self) -> int:
        """Records that are in the state of all partitions together."""
        for records in self._consumer.poll(timeout_ms=100).values():
            now_s = time.monotonic()
            for record in records:
                progress = progress_of(record)
                if progress is None or progress.partition < 0:
                    continue
                number, generation = progress.partition, progress.generation
                self.records[number] = sum(progress.positions.values())
                if generation > self.claimed.get(number, (-1, 0.0))[0]:
                    self.claimed[number] = (generation, now_s)
                if record.value:
                    self.first_tick.setdefault((number, generation), now_s)
        return sum(self.records.values())

    def close(self) -> None:
        """Lets the broker go."""
        self._consumer.close()


def whole_topic(kafka: KafkaParameters, broker: Broker, events: int, records: int, log: Path, count: int = 1) -> Measured:
    """Workers over all that stands in the topic, from the first record to the last; start-up is not counted."""
    port = free_port()
    with worker(kafka, log, count, port) as crew, closing(Followed(kafka)) as followed:
        until = time.monotonic() + LIMIT_S
        while (first := followed.look()) == 0:
            still(crew, until, log)
        began, cpu, broker_cpu = time.monotonic(), [cpu_s(each.pid) for each in crew], cpu_s(broker.pid)
        while (last := followed.look()) < records:
            still(crew, until, log)
        wall_s = time.monotonic() - began
        spent = sum(cpu_s(each.pid) - before for each, before in zip(crew, cpu, strict=True))
        broker_cpu = cpu_s(broker.pid) - broker_cpu
        return Measured(int(events * (last - first) / records), wall_s, spent, broker_cpu, metric(port, CHECKPOINTS))


def stock_agent(kafka: KafkaParameters, broker: Broker, seconds: float, folder: Path) -> Measured:
    """The agent of `kafka_stock` over the same topic for some seconds."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.kafka_stock",
        kafka.bootstrap_servers,
        Topics(kafka.topic_prefix).rates,
        f"{kafka.group}-stock",
    ]
    broker_cpu = cpu_s(broker.pid)
    done = subprocess.run([*command, str(folder), str(seconds)], cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60)
    printed = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if not printed:
        raise RuntimeError(f"the stock agent printed nothing: {done.stderr[-1000:]}")
    events, wall_s, spent = json.loads(printed[-1])
    return Measured(events, wall_s, spent, cpu_s(broker.pid) - broker_cpu)


def still(crew: list["subprocess.Popen[bytes]"], until: float, log: Path) -> None:
    """Raises RuntimeError where a worker has stopped, or `until` is over."""
    if time.monotonic() > until or any(process.poll() is not None for process in crew):
        raise RuntimeError(f"a worker stopped or takes too long: {log.read_text()[-2000:]}")


def metric(port: int, name: str) -> float:
    """One that a worker exports without labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(f"{name} ")))


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def records_in(kafka: KafkaParameters) -> int:
    """Of the message rates."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers)
    ends = consumer.end_offsets([TopicPartition(Topics(kafka.topic_prefix).rates, number) for number in range(PARTITIONS)])
    consumer.close()
    return sum(ends.values())
