"""`make bench-kafka`: what a worker does with a broker on the same machine, as ratios within one run."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from benchmarks.kafka_load import fill, series
from streams.kafka.names import Topics
from streams.kafka.others import progress_of
from streams.kafka.parameters import KafkaParameters
from streams.kafka.topics import admin, create, specs
from tests.kafka.broker import Broker

ROOT = Path(__file__).parents[1]
PARTITIONS = 4
_TICKS = os.sysconf("SC_CLK_TCK")
LIMIT_S = 120.0


@dataclass(frozen=True)
class Measured:
    """One run over a full topic."""

    events: int
    wall_s: float
    worker_cpu_s: float
    broker_cpu_s: float

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
        session_timeout_s=6,
    )


def prepared(bootstrap: str, prefix: str) -> KafkaParameters:
    """With its topics."""
    found = parameters(bootstrap, prefix)
    with admin(found) as client:
        create(client, specs(found))
    return found


@contextmanager
def worker(found: KafkaParameters, log: Path, count: int = 1) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """`count` workers, killed at the end."""
    environment = os.environ | {
        "OPENBLAS_NUM_THREADS": "1",
        "HIGHWATER_KAFKA__METRICS_PORT": "0",
        **{f"HIGHWATER_KAFKA__{key.upper()}": str(value) for key, value in found.model_dump(exclude_defaults=True).items()},
    }
    # Kernels that are chosen for reproducible results on old processors are not what a deployment runs.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        environment.pop(name, None)
    with log.open("ab") as out:
        crew = [
            subprocess.Popen([sys.executable, "-m", "highwater", "worker"], cwd=ROOT, env=environment, stdout=out, stderr=out)
            for _ in range(count)
        ]
        try:
            yield crew
        finally:
            for process in crew:
                process.kill()
                process.wait()


class Followed:
    """How far the partitions have come, as the findings topic tells."""

    def __init__(self, found: KafkaParameters) -> None:
        self._place = TopicPartition(Topics(found.topic_prefix).findings, 0)
        self._consumer = KafkaConsumer(bootstrap_servers=found.bootstrap_servers)
        self._consumer.assign([self._place])
        self._consumer.seek_to_beginning(self._place)
        self.records: dict[int, int] = {}

    def look(self) -> int:
        """Records that are in the state of all partitions together."""
        for records in self._consumer.poll(timeout_ms=100).values():
            for record in records:
                progress = progress_of(record)
                if progress is not None and progress.partition >= 0:
                    self.records[progress.partition] = sum(progress.positions.values())
        return sum(self.records.values())


def whole_topic(found: KafkaParameters, broker: Broker, events: int, records: int, log: Path, count: int = 1) -> Measured:
    """Workers over all that stands in the topic, from the first record to the last; start-up is not counted."""
    with worker(found, log, count) as crew:
        followed = Followed(found)
        until = time.monotonic() + LIMIT_S
        while (first := followed.look()) == 0:
            _still(crew, until, log)
        began, cpu, broker_cpu = time.monotonic(), [cpu_s(each.pid) for each in crew], cpu_s(broker.pid)
        while (last := followed.look()) < records:
            _still(crew, until, log)
        wall_s = time.monotonic() - began
        spent = sum(cpu_s(each.pid) - before for each, before in zip(crew, cpu, strict=True))
        return Measured(int(events * (last - first) / records), wall_s, spent, cpu_s(broker.pid) - broker_cpu)


def stock_agent(found: KafkaParameters, broker: Broker, seconds: float, folder: Path) -> Measured:
    """The agent of `kafka_stock` over the same topic for some seconds."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.kafka_stock",
        found.bootstrap_servers,
        Topics(found.topic_prefix).rates,
        f"{found.group}-stock",
    ]
    broker_cpu = cpu_s(broker.pid)
    done = subprocess.run([*command, str(folder), str(seconds)], cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60)
    told = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if not told:
        raise RuntimeError(f"the stock agent said nothing: {done.stderr[-1000:]}")
    events, wall_s, spent = json.loads(told[-1])
    return Measured(events, wall_s, spent, cpu_s(broker.pid) - broker_cpu)


def _still(crew: list["subprocess.Popen[bytes]"], until: float, log: Path) -> None:
    if time.monotonic() > until or any(process.poll() is not None for process in crew):
        raise RuntimeError(f"a worker stopped or takes too long: {log.read_text()[-2000:]}")


def show(name: str, measured: Measured, than: Measured | None = None) -> dict[str, Any]:
    """One line for people; the same as a dict."""
    found: dict[str, Any] = {
        "what": name,
        "per_s": round(measured.per_s),
        "per_cpu_s": round(measured.per_cpu_s),
        "broker_share": round(measured.broker_cpu_s / (measured.broker_cpu_s + measured.worker_cpu_s), 3),
    }
    text = f"{name:<34} {found['per_s']:>10,} /s {found['per_cpu_s']:>10,} /CPU-s   broker {found['broker_share']:.0%} of the CPU time"
    if than is not None:
        found |= {"times_wall": round(measured.per_s / than.per_s, 1), "times_cpu": round(measured.per_cpu_s / than.per_cpu_s, 1)}
        text += f"   {found['times_wall']} × the stock agent (by CPU time {found['times_cpu']} ×)"
    print(text, flush=True)
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="make bench-kafka ARGS=…", description=main.__doc__)
    parser.add_argument("--users", type=int, default=800)
    parser.add_argument("--series", type=int, default=12, help="series a User")
    parser.add_argument("--windows", type=int, default=150)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    chosen = parser.parse_args()
    parts = series(chosen.users, chosen.series)
    figures = []
    with Broker(heap_mb=1024) as broker, tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "worker.log")
        single, framed, shared = (prepared(broker.bootstrap, name) for name in ("single", "framed", "shared"))
        print(f"{len(parts):,} series in {PARTITIONS} partitions, windows of 10 s, lz4", flush=True)
        events = asyncio.run(fill(broker.bootstrap, Topics("single."), PARTITIONS, parts, chosen.windows, 1))
        stock = stock_agent(single, broker, 15, Path(folder))
        figures.append(show("stock agent, one EWMA rule", stock))
        one = whole_topic(single, broker, events, events, log)
        figures.append(show("one worker, single events", one, stock))
        asyncio.run(fill(broker.bootstrap, Topics("framed."), PARTITIONS, parts, chosen.windows, 500))
        records = _records(framed)
        figures.append(show("one worker, frames of 500", whole_topic(framed, broker, events, records, log), stock))
        asyncio.run(fill(broker.bootstrap, Topics("shared."), PARTITIONS, parts, chosen.windows, 1))
        two = whole_topic(shared, broker, events, events, log, 2)
        figures.append(show("two workers, single events", two, stock))
        print(f"two workers against one, by CPU time: {two.per_cpu_s / one.per_cpu_s:.2f}")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2))


def _records(found: KafkaParameters) -> int:
    consumer = KafkaConsumer(bootstrap_servers=found.bootstrap_servers)
    places = [TopicPartition(Topics(found.topic_prefix).rates, number) for number in range(PARTITIONS)]
    ends = consumer.end_offsets(places)
    consumer.close()
    return sum(ends.values())


if __name__ == "__main__":
    main()
