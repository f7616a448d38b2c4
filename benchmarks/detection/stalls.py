"""Stalls: how soon a queue that lets nothing go is found, beside Burrow's rule for a consumer that stands still."""

import numpy as np

from benchmarks.detection.asked import Asked
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import BEGAN, Floats, QueueTick, SeriesKey, TrafficTick
from models.times import SECOND_US

BURROW_WINDOWS = 10
"""Burrow looks at the last ten commits: it calls a partition stalled once its offset did not move in any of them."""
RATES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Messages delivered a window."""
QUEUES_EACH = 50
WINDOW_S = 60
MONDAY_US = 1_767_571_200 * SECOND_US
LATENCY_WINDOWS = 0.2
MOST = 200


def print_stalls(asked: Asked) -> None:
    """Mean and 95th percentile of the delay by messages a window, and the findings before the stall."""
    days = 2 if asked.quick else 7
    rates = np.repeat(RATES, QUEUES_EACH)
    keys = tuple(SeriesKey(f"USER-{index:05d}", "", "", "", "", "to_user", WINDOW_S) for index in range(len(rates)))
    detection = Detection(DetectionParameters(), WINDOW_S)
    draw, before = np.random.default_rng([asked.seed, 6]), 0
    delays, depth = np.full(len(rates), float(MOST)), np.zeros(len(rates))
    quiet = days * 86_400 // WINDOW_S
    for window in range(quiet + MOST):
        arrived = draw.poisson(draw.gamma(rates, 1.0)).astype(np.float64)
        stalled = window >= quiet
        waits = depth + arrived if stalled else draw.poisson(LATENCY_WINDOWS * rates).astype(np.float64)
        delivered = np.zeros(len(rates)) if stalled else np.maximum(depth + arrived - waits, 0.0)
        depth = waits
        age_s = (window - quiet + 1.0) * WINDOW_S if stalled else LATENCY_WINDOWS * WINDOW_S
        began = _began(detection, keys, MONDAY_US + (window + 1) * WINDOW_S * SECOND_US, depth, age_s, arrived, delivered)
        if stalled:
            delays[began] = np.minimum(delays[began], window - quiet + 1.0)
        else:
            before += len(began)
    print(f"Stalled queues: windows of {WINDOW_S} s until the alert after {days} days of history, budget by default; seed {asked.seed}")
    print(f"{'messages a window':>18} {'mean':>6} {'95 %':>6} {'Burrow':>7}   ({before} alerts before the stall in {len(rates)} queues)")
    for rate in RATES:
        each = delays[rates == rate]
        print(f"{rate:>18g} {each.mean():>6.1f} {np.quantile(each, 0.95):>6.0f} {BURROW_WINDOWS:>7}")


def _began(
    detection: Detection, keys: tuple[SeriesKey, ...], at_us: int, depth: Floats, age_s: float, enqueued: Floats, delivered: Floats
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Queues whose finding begins in this window."""
    none, no = np.zeros(0), np.zeros(0, np.bool_)
    size = len(keys)
    tick = QueueTick(at_us, WINDOW_S, np.ones(size, np.bool_), depth, np.full(size, age_s), np.full(size, np.nan), enqueued, delivered)
    traffic = TrafficTick(at_us, WINDOW_S, no, none, none, none, none)
    stalled = detection.step(at_us, traffic, (), tick, keys, no, np.zeros(size, np.bool_)).queues
    return stalled.series[(stalled.phase == BEGAN) & stalled.serious]
