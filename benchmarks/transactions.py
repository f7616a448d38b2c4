"""What one transaction for each task and window would cost, beside what tasks do today: `python -m benchmarks.transactions`.

The same records on the same broker in both ways: a finding and a pulse a window for each task. As a transaction, state and group offsets
go with them and a second task can't write under the same `transactional_id`. Today one idempotent producer sends for all tasks, and
state follows in checkpoints. The state is random bytes, the worst case of a compressor; every series changes in every window.
"""

import argparse
import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from kafka.admin import KafkaAdminClient, NewTopic
from numpy.random import default_rng

from benchmarks.kafka_load import sender_to
from benchmarks.kafka_runs import cpu_s
from tests.kafka.broker import Broker

STATE_BYTES_PER_SERIES = 2_041
"""See docs/detection.md."""
BLOCK = 256 * 1024
FINDING, PULSE = 2_000, 1_000
FINDINGS, PULSES, STATE, INPUT = "findings", "pulses", "state", "input"
VERIFICATION = "transaction.partition.verification.enable"
"""Since Kafka 3.6 a broker first asks the coordinator about each partition of a transaction; aiokafka waits 100 ms before it repeats."""
Commit = Callable[[int, int], Awaitable[None]]


@dataclass(frozen=True)
class Cost:
    """What one way of sending took."""

    way: str
    tasks: int
    windows_per_commit: int
    commit_p50_ms: float
    commit_p99_ms: float
    windows_per_s: float
    broker_cpu_ms_per_window: float
    client_cpu_ms_per_window: float
    state_mb_per_window: float


def _blocks(series: int) -> list[bytes]:
    blob = default_rng(1).bytes(series * STATE_BYTES_PER_SERIES)
    return [blob[index : index + BLOCK] for index in range(0, len(blob), BLOCK)]


async def _send_window(sender: AIOKafkaProducer, task: int) -> list[asyncio.Future[object]]:
    key = str(task).encode()
    return [
        await sender.send(FINDINGS, b"f" * FINDING, key=key, partition=0),
        await sender.send(PULSES, b"p" * PULSE, key=key, partition=0),
    ]


def _transactional(senders: list[AIOKafkaProducer], blocks: list[bytes], windows: int) -> Commit:
    async def commit(task: int, number: int) -> None:
        sender = senders[task]
        async with sender.transaction():
            for _ in range(windows):
                await _send_window(sender, task)
            for index, block in enumerate(blocks):
                await sender.send(STATE, block, key=f"{task}/{index}".encode(), partition=task)
            await sender.send_offsets_to_transaction({TopicPartition(INPUT, task): OffsetAndMetadata(number, "")}, "benchmark")

    return commit


def _plain(sender: AIOKafkaProducer, blocks: list[bytes], windows: int, commits_per_checkpoint: int) -> Commit:
    async def commit(task: int, number: int) -> None:
        sent = [future for _ in range(windows) for future in await _send_window(sender, task)]
        if number % commits_per_checkpoint == 0:
            for index, block in enumerate(blocks):
                sent.append(await sender.send(STATE, block, key=f"{task}/{index}".encode(), partition=task))
        await asyncio.gather(*sent)

    return commit


async def _measure(commit: Commit, tasks: int, commits: int) -> tuple[list[float], float]:
    """Seconds of each commit, all tasks at once in each round, and seconds in all."""
    took: list[float] = []

    async def timed(task: int, number: int) -> None:
        began = time.perf_counter()
        await commit(task, number)
        took.append(time.perf_counter() - began)

    for number in (1, 2):
        await asyncio.gather(*(timed(task, number) for task in range(tasks)))
    took.clear()
    began = time.perf_counter()
    for number in range(3, commits + 3):
        await asyncio.gather(*(timed(task, number) for task in range(tasks)))
    return sorted(took), time.perf_counter() - began


async def _cost(broker: Broker, way: str, tasks: int, windows: int, series: int, commits: int) -> Cost:
    blocks = _blocks(series)
    names = [f"{way}-{tasks}-{windows}-{series}-{task}" for task in range(tasks)] if way == "transaction" else [""]
    senders = [_sender(broker.bootstrap, name) for name in names]
    for sender in senders:
        await sender.start()
    # While a worker catches up, some hundred windows are between two checkpoints.
    every = max(1, 100 // windows)
    commit = _transactional(senders, blocks, windows) if way == "transaction" else _plain(senders[0], blocks, windows, every)
    try:
        broker_s, client_s = cpu_s(broker.pid), time.process_time()
        took, wall_s = await _measure(commit, tasks, commits)
        broker_s, client_s = cpu_s(broker.pid) - broker_s, time.process_time() - client_s
    finally:
        for sender in senders:
            await sender.stop()
    all_windows = commits * tasks * windows
    state = sum(len(block) for block in blocks) / (windows if way == "transaction" else every * windows)
    return Cost(
        way, tasks, windows, took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3, all_windows / wall_s,
        broker_s * 1e3 / all_windows, client_s * 1e3 / all_windows, state / 1e6,
    )  # fmt: skip


def _sender(bootstrap: str, transactional_id: str) -> AIOKafkaProducer:
    if not transactional_id:
        return sender_to(bootstrap)
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=transactional_id,
        compression_type="lz4",
        max_batch_size=1 << 20,
        max_request_size=8 << 20,
    )


def main() -> None:
    """Prints one row a way, number of tasks and windows a commit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--series", type=int, default=400, help="series of one task (9,600 in 24 partitions: 400)")
    options.add_argument("--commits", type=int, default=60)
    options.add_argument("--tasks", default="1,4,24")
    options.add_argument("--windows", default="1,10,100", help="windows in one commit")
    options.add_argument("--unverified", action="store_true", help=f"with {VERIFICATION}=false")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # each repeated request of a verified transaction is a warning
    with Broker(heap_mb=1024, properties={VERIFICATION: "false"} if chosen.unverified else None) as broker:
        client = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        client.create_topics([NewTopic(name, count, 1) for name, count in ((FINDINGS, 1), (PULSES, 1), (STATE, 24), (INPUT, 24))])
        client.close()
        if not chosen.json:
            print("way          tasks  windows/commit  commit p50, p99 ms  windows/s  CPU ms/window: broker, client  state MB/window")
        for tasks in map(int, chosen.tasks.split(",")):
            for windows in map(int, chosen.windows.split(",")):
                for way in ("plain", "transaction"):
                    cost = asyncio.run(_cost(broker, way, tasks, windows, chosen.series, chosen.commits))
                    print(json.dumps(cost.__dict__) if chosen.json else _row(cost), flush=True)


def _row(cost: Cost) -> str:
    head = f"{cost.way:<12} {cost.tasks:5d} {cost.windows_per_commit:15d} {cost.commit_p50_ms:11.1f} {cost.commit_p99_ms:7.1f}"
    processor = f"{cost.broker_cpu_ms_per_window:16.2f} {cost.client_cpu_ms_per_window:12.2f}"
    return f"{head} {cost.windows_per_s:10.0f} {processor} {cost.state_mb_per_window:19.3f}"


if __name__ == "__main__":
    main()
