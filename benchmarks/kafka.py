"""`make bench-kafka`: what a worker does with a broker on the same machine, beside what it should do; ratios within one run.

BENCH_PARTITIONS=24 make bench-kafka measures with as many partitions as `topics create` makes, in place of 4.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.kafka_live import alert_delays, part_of, steady, takeover_s
from benchmarks.kafka_load import fill, series
from benchmarks.kafka_peers import kafka_streams, quix_streams
from benchmarks.kafka_runs import PARTITIONS, Measured, parameters, prepared, records_in, stock_agent, whole_topic
from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.topic_names import Topics
from tests.kafka.broker import Broker


@dataclass(frozen=True)
class Row:
    """One figure of the table."""

    what: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None
    more: str = ""


class Bench:
    """All measurements on one broker, each on topics of its own."""

    def __init__(self, broker: Broker, folder: Path, chosen: argparse.Namespace) -> None:
        self._broker, self._folder, self._chosen = broker, folder, chosen
        self._parts = series(chosen.users, chosen.series)
        self._stock: Measured | None = None
        self._one: Measured | None = None

    def stock(self) -> list[Row]:
        """A stock agent on the topic that the worker reads after it."""
        run = prepared(self._broker.bootstrap, "single")
        asyncio.run(fill(self._broker.bootstrap, Topics("single."), PARTITIONS, self._parts, self._chosen.windows, 1))
        self._stock = stock_agent(run, self._broker, 15, self._folder)
        return [_speed("stock agent, one EWMA rule", self._stock), _cpu("stock agent, one EWMA rule", self._stock)]

    def streams(self) -> list[Row]:
        """Kafka Streams (Java) on the topic that the stock agent has filled, or on one of its own."""
        run = parameters(self._broker.bootstrap, "single") if self._stock else self._prepared("streams", 1)
        rows: list[Row] = []
        for exactly_once in ("off", "on"):
            for threads in (1, 2):
                measured = kafka_streams(run, self._broker, threads, exactly_once, self._events, self._folder)
                name = f"Kafka Streams, {threads} thread{'s' if threads > 1 else ''}, exactly-once {exactly_once}"
                rows += [_speed(name, measured), _cpu(name, measured)]
        return rows

    def quix(self) -> list[Row]:
        """Quix Streams likewise, for some seconds."""
        run = parameters(self._broker.bootstrap, "single") if self._stock else self._prepared("quix", 1)
        measured = quix_streams(run, self._broker, 15, self._folder)
        return [_speed("Quix Streams, one EWMA rule", measured), _cpu("Quix Streams, one EWMA rule", measured)]

    def single(self) -> list[Row]:
        """One worker over single events."""
        # The stock agent has filled the topic, where it ran.
        self._one = whole_topic(
            self._prepared("single", 0 if self._stock else 1), self._broker, self._events, self._events, self._log("single")
        )
        rows = [_speed("one worker, single events", self._one, 200_000), _cpu("one worker, single events", self._one)]
        share = self._one.checkpoint_s / self._one.worker_cpu_s
        rows.append(Row("checkpoints, of that worker's CPU time", share * 100, "%", "< 5", share < 0.05))
        return rows + self._against_stock("single events", self._one, 25.0)

    def frames(self) -> list[Row]:
        """One worker over frames of 500."""
        run = self._prepared("framed", 500)
        one = whole_topic(run, self._broker, self._events, records_in(run), self._log("framed"))
        rows = [_speed("one worker, frames of 500", one, 800_000), _cpu("one worker, frames of 500", one)]
        return rows + self._against_stock("frames of 500", one)

    def two(self) -> list[Row]:
        """Two workers over single events."""
        two = whole_topic(self._prepared("shared", 1), self._broker, self._events, self._events, self._log("shared"), 2)
        rows = [_speed("two workers, single events", two), _cpu("two workers, single events", two)]
        if self._one is not None:
            share = two.per_cpu_s / self._one.per_cpu_s
            rows.append(Row("two workers against one, by CPU time", share, "×", "≥ 0.85", share >= 0.85))
        return rows

    def delays(self) -> list[Row]:
        """From the event that closes a window to the alert."""
        chosen = self._chosen
        delays_s = asyncio.run(alert_delays(self._broker, chosen.users, chosen.series, 250, chosen.rate, self._log("delays")))
        if not delays_s:
            raise RuntimeError("no alert came")
        p99 = part_of(delays_s, 0.99)
        return [
            Row(
                "alert beyond the closing of its tick, p99",
                p99,
                "s",
                "< 1",
                p99 < 1,
                f"p50 {part_of(delays_s, 0.5):.2f} s, {len(delays_s)} alerts, {chosen.rate:,.0f} events/s",
            )
        ]

    def takeover(self) -> list[Row]:
        """`kill -9` of one of two workers."""
        seconds = takeover_s(self._broker, self._log("takeover"))
        return [
            Row("first tick after kill -9, 10,000 series a partition", seconds, "s", "< 10", seconds < 10, "beyond the session time-out")
        ]

    def steady(self) -> list[Row]:
        """Memory over time."""
        chosen = self._chosen
        run = asyncio.run(steady(self._broker, chosen.users, chosen.series, chosen.steady_s, 100_000, self._log("steady")))
        grown = run.rss_mb[-1] - run.rss_mb[len(run.rss_mb) // 2 - 1]
        sizes = " ".join(f"{size:.0f}" for size in run.rss_mb)
        return [
            Row("steady load", run.per_s, "events/s", "100,000", None, f"{run.seconds:.0f} s, {run.cpu_share:.0%} of a core"),
            Row("memory gained in the second half", grown, "MB", "flat", None, f"MB by tenths of the time: {sizes}"),
        ]

    @property
    def _events(self) -> int:
        return len(self._parts) * int(self._chosen.windows)

    def _log(self, name: str) -> Path:
        path = self._folder / f"{name}.log"
        path.touch()
        return path

    def _prepared(self, name: str, frame: int) -> KafkaParameters:
        run = prepared(self._broker.bootstrap, name)
        if frame:
            asyncio.run(fill(self._broker.bootstrap, Topics(f"{name}."), PARTITIONS, self._parts, self._chosen.windows, frame))
        return run

    def _against_stock(self, name: str, measured: Measured, target: float | None = None) -> list[Row]:
        if self._stock is None:
            return []
        wall, cpu = measured.per_s / self._stock.per_s, measured.per_cpu_s / self._stock.per_cpu_s
        met = None if target is None else wall >= target
        return [
            Row(f"{name} against the stock agent", wall, "×", "" if target is None else f"≥ {target:.0f}", met, f"by CPU time {cpu:.0f} ×")
        ]


def _speed(name: str, measured: Measured, target: float | None = None) -> Row:
    share = measured.broker_cpu_s / (measured.broker_cpu_s + measured.worker_cpu_s)
    met = None if target is None else measured.per_s >= target
    return Row(
        name, measured.per_s, "events/s", "" if target is None else f"≥ {target:,.0f}", met, f"the broker took {share:.0%} of the CPU time"
    )


def _cpu(name: str, measured: Measured) -> Row:
    return Row(name, measured.per_cpu_s, "events/CPU-s")


def show(row: Row) -> str:
    """As a line of the table."""
    value = f"{row.value:,.0f}" if abs(row.value) >= 100 else f"{row.value:,.2f}"
    met = "" if row.met is None else ("yes" if row.met else "NO")
    return f"| {row.what:<52} | {value:>9} {row.unit:<12} | {row.target:<9} | {met:<3} | {row.more}"


STEPS = ("stock", "streams", "quix", "single", "frames", "two", "delays", "takeover", "steady")


def main() -> int:
    """Measures and prints a table; 1 where a measurement could not be made."""
    parser = argparse.ArgumentParser(prog="make bench-kafka ARGS=…", description=main.__doc__)
    parser.add_argument("--users", type=int, default=800)
    parser.add_argument("--series", type=int, default=12, help="series a User")
    parser.add_argument("--windows", type=int, default=150)
    parser.add_argument("--steady-s", type=float, default=600, help="how long the steady load lasts; 3600 for an hour")
    parser.add_argument("--rate", type=float, default=50_000, help="events a second while the delay of alerts is measured")
    parser.add_argument("--only", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    chosen = parser.parse_args()
    rows: list[Row] = []
    failed = False
    with tempfile.TemporaryDirectory() as folder, Broker(heap_mb=1024) as broker:
        bench = Bench(broker, Path(folder), chosen)
        for name in STEPS:
            if name in chosen.only:
                failed |= not _measured(name, getattr(bench, name), rows)
    print(
        f"\n{chosen.users * chosen.series:,} series in {PARTITIONS} partitions, lz4, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    print("\n".join(show(row) for row in rows))
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return int(failed)


def _measured(name: str, step: Callable[[], list[Row]], rows: list[Row]) -> bool:
    """One measurement that fails does not cost the others."""
    began_s = time.monotonic()
    try:
        run = step()
    except Exception:
        traceback.print_exc()
        print(f"{name}: could not be measured", flush=True)
        return False
    rows += run
    for row in run:
        print(show(row), flush=True)
    print(f"({name} took {time.monotonic() - began_s:.0f} s)", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
