"""What a window costs by its number of series, with the share of each stage; of one flow (`replay`) and of a worker's partitions.

python -m benchmarks.windows [--sizes 8,38,200] [--partitions 1,4,24]

Everything runs in this process and is measured in its CPU time: the stages of `replay`, `serve` and a worker are these, and the processes
or the broker between them come on top. Partitions share the series by User, and each decodes, assembles and judges its own part.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from changes.calendar import Calendar
from correlation.parameters import CorrelationParameters
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import Detected, QueueTick, SeriesKey, TrafficTick
from models.state_bytes import pack
from models.times import MINUTE_US, SECOND_US, format_time, parse_time
from streams.decode import decode_ndjson
from streams.flow import DecisionFlow, DetectionFlow
from streams.windowing.assembler import TimeParameters

WINDOW_S, HOUR_S = 60, 3600
START_US = parse_time("2026-03-02T00:00:00Z")
SIZES = (8, 38, 200, 1_000, 10_000, 100_000)
PARTITIONS = (1, 4, 24)
SERIES_A_USER = 8
STAGES = ("decode", "assemble", "detect", "correlate", "pack")
EVENTS, LEAST_WINDOWS, MOST_WINDOWS = 400_000, 6, 600
WINDOWS_A_BATCH, WINDOWS_A_CHECKPOINT = 20, 60


@dataclass
class Spent:
    """CPU seconds by stage."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    wall_s: float = 0.0
    windows: int = 0
    detect_s: dict[int, float] = field(default_factory=dict)
    """End of a window → wall time of its detection in all partitions: a busy machine disturbs some of them, and the lower tenth hardly."""

    def since(self, stage: str, began: float) -> float:
        """Books what has passed since `began` on `stage`; the time now."""
        now = time.process_time()
        self.seconds[stage] += now - began
        return now


@dataclass(frozen=True)
class Fleet:
    """Series of some Users, and what they send."""

    keys: tuple[SeriesKey, ...]
    rates: np.ndarray

    @classmethod
    def of(cls, size: int, seed: int) -> "Fleet":
        """`size` series of as many Users as there are eights of them."""
        users, draw = max(2, size // SERIES_A_USER), np.random.default_rng(seed)
        keys = [_key(number % users, number // users) for number in range(size)]
        return cls(tuple(sorted(keys)), np.exp(draw.normal(2.5, 1.0, size)))

    def part(self, number: int, parts: int) -> "Fleet":
        """The series of one partition: those of every so many Users."""
        own = [index for index, key in enumerate(self.keys) if int(key.user[1:]) % parts == number]
        return Fleet(tuple(self.keys[index] for index in own), self.rates[own])

    def tick(self, at_us: int, draw: np.random.Generator) -> TrafficTick:
        """A window as it is assembled."""
        counts = draw.poisson(self.rates).astype(np.float64)
        failed = draw.binomial(counts.astype(np.int64), 0.01).astype(np.float64)
        none = np.zeros(len(counts))
        return TrafficTick(at_us, WINDOW_S, np.ones(len(counts), np.bool_), counts, failed, none, none)

    def text(self, first: int, windows: int, draw: np.random.Generator) -> bytes:
        """NDJSON of some windows, one event a series and window."""
        heads = [
            f'"user":"{key.user}","direction":"{key.direction}","message_class":"{key.message_class}","service":"{key.service}"'
            for key in self.keys
        ]
        lines = []
        for number in range(first, first + windows):
            tick = self.tick(START_US + (number + 1) * MINUTE_US, draw)
            at = format_time(tick.at_us)
            values = zip(heads, tick.messages.astype(int).tolist(), tick.failures.astype(int).tolist(), strict=True)
            lines += [
                f'{{"kind":"traffic","observed_at":"{at}","window_s":{WINDOW_S},{head},"messages":{messages},"failures":{failures}}}'
                for head, messages, failures in values
            ]
        return ("\n".join(lines) + "\n").encode() if lines else b""


def _key(user: int, number: int) -> SeriesKey:
    direction, message_class = ("to_dsp", "service_request") if number % 2 == 0 else ("to_user", "service_response")
    return SeriesKey(f"U{user}", direction, message_class, f"{number % 9 + 1}.{number // 9 + 1}", "", "", WINDOW_S)


def history(fleet: Fleet, seed: int) -> dict[str, object]:
    """What is usual after a day and two hours, learned from the mean window of each hour: the detectors judge by it."""
    detection, draw, none = Detection(DetectionParameters(), HOUR_S), np.random.default_rng(seed), np.zeros(0)
    flags, nothing = np.zeros(0, np.bool_), np.zeros(len(fleet.keys), np.bool_)
    for hour in range(-26, 0):
        at_us = START_US + (hour + 1) * HOUR_S * SECOND_US
        queues = QueueTick(at_us, HOUR_S, flags, none, none, none, none, none)
        windows = HOUR_S // WINDOW_S
        sums = Fleet(fleet.keys, fleet.rates * windows).tick(at_us, draw)
        mean = replace(sums, window_s=HOUR_S, messages=sums.messages / windows, failures=sums.failures / windows)
        detection.step(at_us, mean, fleet.keys, queues, (), nothing, flags)
    return {str(WINDOW_S): detection.learned()}


def measure(size: int, partitions: int, seed: int = 1) -> Spent:
    """Every stage of a fleet of `size` series over `partitions`."""
    fleet, calendar, draw = Fleet.of(size, seed), Calendar(), np.random.default_rng(seed + 1)
    parts = [part for number in range(partitions) if (part := fleet.part(number, partitions)).keys]
    flows = [DetectionFlow(TimeParameters(), DetectionParameters(), calendar) for _ in parts]
    learned = history(fleet, seed)
    for flow in flows:
        flow.detection.learn_from(learned)
    decision, spent = DecisionFlow(CorrelationParameters(), calendar), Spent()
    windows = min(max(EVENTS // size, LEAST_WINDOWS), MOST_WINDOWS)
    # The first windows make the series; they are not counted.
    for first, count, counted in _batches(windows):
        texts = [part.text(first, count, draw) for part in parts]
        _step(flows, decision, texts, spent if counted else Spent())
    return spent


def _batches(windows: int) -> Iterator[tuple[int, int, bool]]:
    yield 0, 2, False
    for first in range(2, 2 + windows, WINDOWS_A_BATCH):
        yield first, min(WINDOWS_A_BATCH, 2 + windows - first), True


def _step(flows: Sequence[DetectionFlow], decision: DecisionFlow, texts: Sequence[bytes], spent: Spent) -> None:
    by_window: dict[int, list[Detected]] = {}
    wall_s, now = time.perf_counter(), time.process_time()
    for flow, text in zip(flows, texts, strict=True):
        batch = decode_ndjson(text, "events", 1)
        now = spent.since("decode", now)
        assembled = flow.assembler.feed(batch)
        now = spent.since("assemble", now)
        began_s = time.perf_counter()
        for at_us, detected in flow.detect(assembled):
            spent.detect_s[at_us] = spent.detect_s.get(at_us, 0.0) + time.perf_counter() - began_s
            by_window.setdefault(at_us, []).extend(detected)
            began_s = time.perf_counter()
        now = spent.since("detect", now)
    for at_us in sorted(by_window):
        decision.decide(at_us, by_window[at_us])
    now = spent.since("correlate", now)
    before, spent.windows = spent.windows, spent.windows + len(by_window)
    if spent.windows // WINDOWS_A_CHECKPOINT > before // WINDOWS_A_CHECKPOINT:
        for flow in flows:
            pack({"assembler": flow.assembler.pack(), "cohorts": flow.detection.pack()}, 1)
        spent.since("pack", now)
    spent.wall_s += time.perf_counter() - wall_s


def main() -> None:
    """Prints the matrix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="series a window")
    parser.add_argument("--partitions", default=",".join(map(str, PARTITIONS)))
    parser.add_argument("--quick", action="store_true", help="sizes up to 1,000")
    asked = parser.parse_args()
    sizes = [int(size) for size in asked.sizes.split(",")]
    print(f"A window of {WINDOW_S} s by its series; CPU time of one process; a checkpoint every {WINDOWS_A_CHECKPOINT} windows")
    print(
        f"{'series':>8} {'parts':>5} {'ms/window':>9} {'wall':>7} {'detect p10':>10} {'p50':>6} {'events/CPU s':>12}  "
        + " ".join(f"{stage:>9}" for stage in STAGES)
    )
    for size in [size for size in sizes if size <= 1_000 or not asked.quick]:
        for partitions in [int(number) for number in asked.partitions.split(",")]:
            spent = measure(size, partitions)
            total = sum(spent.seconds.values())
            shares = " ".join(f"{spent.seconds[stage] / total:>9.0%}" for stage in STAGES)
            wall_ms, cpu_ms = (1000 * seconds / spent.windows for seconds in (spent.wall_s, total))
            rate = size * spent.windows / total
            low, middle = 1000 * np.quantile(list(spent.detect_s.values()), (0.1, 0.5))
            row = f"{size:>8,} {partitions:>5} {cpu_ms:>9.3f} {wall_ms:>7.2f} {low:>10.3f} {middle:>6.2f} {rate:>12,.0f}"
            print(f"{row}  {shares}", flush=True)


if __name__ == "__main__":
    main()
