"""What is measured while telemetry flows: the delay of alerts, taking over after `kill -9`, memory over time."""

import asyncio
import json
import time
from collections.abc import Callable, Set
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from benchmarks.kafka_load import START_US, Filler, fill, paced, sender_to, series
from benchmarks.kafka_runs import LIMIT_S, PARTITIONS, SESSION_S, Followed, cpu_s, prepared, still, worker
from models.times import SECOND_US, parse_time
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics
from tests.kafka.broker import Broker

WINDOW_S = 300
"""So long that some minutes of the clock hold the hours which a series is learned in."""
KNOWN = 80
"""Windows until failures are judged: a little more than six hours."""
FAILS, EVERY = 12, 6
"""Windows for which a User fails, and after how many the next one begins: an incident each half hour, several open at a time."""
_MB = 1 << 20


def failing(users: int, number: int, every: int = EVERY) -> Set[bytes]:
    """Users that fail in window `number`: one begins each `every` windows."""
    since = number - KNOWN
    begun = range(max(0, -(-(since - FAILS + 1) // every)), since // every + 1) if since >= 0 else ()
    return {f"USER-{user % users:04d}".encode() for user in begun}


async def alert_delays(broker: Broker, users: int, each: int, windows: int, per_s: float, log: Path) -> list[float]:
    """Seconds from when the event that closes a window begins to go out to the alert decided by that window, for all alerts in order."""
    prepared_topics = prepared(broker.bootstrap, "delays")
    parts, sent_s, delays = series(users, each, WINDOW_S), dict[int, float](), list[float]()
    with worker(prepared_topics, log):
        await _ready(log)
        sender = sender_to(broker.bootstrap)
        await sender.start()
        reading = asyncio.create_task(_read_alerts(prepared_topics, sent_s, delays))
        filler = Filler(sender, Topics(prepared_topics.topic_prefix).rates, PARTITIONS, 1)
        async for number, at_s in paced(filler, parts, range(1, KNOWN + windows), per_s, WINDOW_S, partial(failing, users)):
            sent_s[number] = at_s
        until, before = time.monotonic() + LIMIT_S, -1
        while time.monotonic() < until and (not delays or len(delays) > before):
            before = len(delays)
            await asyncio.sleep(10)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await sender.stop()
    return sorted(delays)


async def _read_alerts(prepared_topics: KafkaParameters, sent_s: dict[int, float], delays: list[float]) -> None:
    consumer = AIOKafkaConsumer(
        Topics(prepared_topics.topic_prefix).alerts, bootstrap_servers=prepared_topics.bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            decided = (parse_time(json.loads(record.value)["as_of"]) - START_US) // (WINDOW_S * SECOND_US)
            if decided + 1 in sent_s:
                delays.append(time.monotonic() - sent_s[decided + 1])
    finally:
        await consumer.stop()


async def _ready(log: Path) -> None:
    """Waits until a worker holds all partitions and correlates."""
    until = time.monotonic() + LIMIT_S
    while log.read_text().count("goes on at") < PARTITIONS + 1:
        if time.monotonic() > until:
            raise RuntimeError(f"the worker does not start: {log.read_text()[-2000:]}")
        await asyncio.sleep(0.2)


def takeover_s(broker: Broker, log: Path) -> float:
    """Seconds from when the group may notice a `kill -9` to the first window of the last partition taken over; 10,000 series each."""
    prepared_topics = prepared(broker.bootstrap, "takeover")
    parts = series(PARTITIONS * 10_000 // 12, 12)
    events = asyncio.run(fill(broker.bootstrap, Topics("takeover."), PARTITIONS, parts, 40, 1))
    with worker(prepared_topics, log, 2) as crew, closing(Followed(prepared_topics)) as followed:
        until = time.monotonic() + LIMIT_S
        while followed.look() < events * 0.4:
            still(crew, until, log)
        before = dict(followed.claimed)
        crew[0].kill()
        killed_s = time.monotonic()
        while not (taken := _first_ticks(followed, before)):
            followed.look()
            still(crew[1:], until, log)
        return max(taken) - killed_s - SESSION_S


def _first_ticks(followed: Followed, before: dict[int, tuple[int, float]]) -> list[float]:
    """When the first windows came of each partition that has another owner now; empty while some are missing."""
    replaced = {number: generation for number, (generation, _) in followed.claimed.items() if generation > before[number][0]}
    ticks = [followed.first_tick.get((number, generation)) for number, generation in replaced.items()]
    prepared_topics = [tick for tick in ticks if tick is not None]
    return prepared_topics if len(prepared_topics) == len(ticks) else []


@dataclass(frozen=True)
class Steady:
    """A worker under a steady load."""

    seconds: float
    per_s: float
    cpu_share: float
    """Of one core, by the worker."""
    rss_mb: tuple[float, ...]
    """At the end of each tenth of the time."""


async def steady(broker: Broker, users: int, each: int, seconds: float, per_s: float, log: Path) -> Steady:
    """One worker, `per_s` events a second for `seconds`."""
    prepared_topics = prepared(broker.bootstrap, "steady")
    parts, windows = series(users, each, WINDOW_S), max(20, int(seconds * per_s / (users * each)))
    nobody: Callable[[int], Set[bytes]] = lambda _: frozenset()  # noqa: E731
    with worker(prepared_topics, log) as crew:
        await _ready(log)
        sender = sender_to(broker.bootstrap)
        await sender.start()
        filler = Filler(sender, Topics(prepared_topics.topic_prefix).rates, PARTITIONS, 1)
        began_s, cpu, rss = time.monotonic(), cpu_s(crew[0].pid), list[float]()
        async for number, _ in paced(filler, parts, range(1, windows + 1), per_s, WINDOW_S, nobody):
            if number * 10 // windows > len(rss):
                rss.append(_rss_mb(crew[0].pid))
        seconds = time.monotonic() - began_s
        spent = cpu_s(crew[0].pid) - cpu
        await sender.stop()
    return Steady(seconds, windows * len(parts) / seconds, spent / seconds, tuple(rss))


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / _MB


def part_of(delays: list[float], share: float) -> float:
    """The value below which `share` of sorted `delays` lie."""
    return delays[min(len(delays) - 1, int(len(delays) * share))]
