"""Speed: what a step of the core costs a series, with all detectors on, and how much state a series keeps."""

import time

import numpy as np

from benchmarks.detection.asked import Asked
from benchmarks.detection.fleet import Condition, Fleet
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import QueueTick, TrafficTick
from models.times import SECOND_US

SIZES, QUICK_SIZES = (10_000, 100_000, 1_000_000), (10_000, 100_000)
WINDOWS_PREPARED = 24


def print_speed(asked: Asked) -> None:
    """Series-ticks a CPU-second by number of series (one core), and bytes of state a series."""
    print(f"Speed of a step, windows of 60 s, no queues, CPU time of one process; seed {asked.seed}")
    print(f"{'series':>10} {'steps':>6} {'ms a step':>10} {'M series-ticks/s':>17} {'bytes a series':>15}")
    first = 0.0
    for size in QUICK_SIZES if asked.quick else SIZES:
        rate, steps, state = measure(size, asked.seed)
        first = first or rate
        change = f"{first / rate - 1:+.0%} a series-tick"
        print(f"{size:>10,} {steps:>6} {1000 * size / rate:>10.1f} {rate / 1e6:>17.2f} {state:>15,.0f}  ({change})", flush=True)


def measure(size: int, seed: int) -> tuple[float, int, float]:
    """Series-ticks a CPU-second over an hour that all detectors judge, steps measured, bytes of state a series."""
    fleet = Fleet(Condition("phi 2"), size, seed, days=2)
    detection = Detection(DetectionParameters(), fleet.window_s)
    prepared = [fleet.traffic(window, fleet.counts(window)) for window in range(0, 1440, 1440 // WINDOWS_PREPARED)]
    nothing = np.zeros(size, np.bool_)
    steps = 60 if size > 200_000 else 240
    window, spent_s, measured = 0, 0.0, 0
    # A day in windows of an hour, then minutes: history enough to be judged, at a tenth of the cost.
    ends = [3600 * (hour + 1) for hour in range(26)]
    ends += [ends[-1] + 60 * (minute + 1) for minute in range(steps)]
    for number, end_s in enumerate(ends):
        window = (end_s - 60) // 3600 % WINDOWS_PREPARED
        tick = _at(prepared[window], fleet.at_us(-1) + end_s * SECOND_US)
        began_s = time.process_time()
        detection.step(tick.at_us, tick, fleet.keys, _no_queues(tick.at_us), (), nothing, np.zeros(0, np.bool_))
        if number >= len(ends) - steps:
            spent_s, measured = spent_s + time.process_time() - began_s, measured + 1
    return size * measured / spent_s, measured, state_bytes(detection) / size


def state_bytes(detection: Detection) -> float:
    """Bytes of all columns that `detection.pack` would keep for traffic."""
    parts = detection.pack()["traffic"]["parts"]
    return float(sum(column.nbytes for columns in parts.values() for column in columns.values()))


def _at(tick: TrafficTick, at_us: int) -> TrafficTick:
    return TrafficTick(at_us, tick.window_s, tick.reported, tick.messages, tick.failures, tick.user_side, tick.device_side)


def _no_queues(at_us: int) -> QueueTick:
    none = np.zeros(0)
    return QueueTick(at_us, 60, np.zeros(0, np.bool_), none, none, none, none, none)
