"""Slow peers: detectors of `river` and `rrcf`, one object a series, at a false-alarm rate that they can be calibrated to."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.detection.asked import Asked
from benchmarks.detection.delays import Start
from benchmarks.detection.fleet import Condition, Fleet
from benchmarks.detection.online import Online, begun
from benchmarks.detection.peers import Ewma, Peer, Shewhart, delays, gaussian, half_space_trees, page_hinkley, random_cut_forest, threshold
from detectors.parameters import DetectionParameters
from models.columns import Floats

SERIES, FEW = 40, 6
DUE = 20.0
"""Messages a window of every series: no seasons, so that only noise can hide the change."""
HISTORY_DAYS, QUIET_DAYS = 7, 3
"""The change comes on a Thursday: a day of a kind that was never seen may carry almost anything."""
ALARMS_A_SERIES_DAY = 1.0
"""Far too many for any fleet, but rrcf looks at a hundred values a second: rarer ones can't be counted."""
FACTORS = (1.2, 1.5, 2.0, 4.0)
MOST = 300
REPEATS = 3
PEERS: dict[str, tuple[Callable[[int], Peer], int]] = {
    "Shewhart": (lambda _: Shewhart(), SERIES),
    "EWMA 0.2": (lambda _: Ewma(), SERIES),
    "river GaussianScorer": (gaussian, SERIES),
    "river HalfSpaceTrees": (half_space_trees, SERIES),
    "river PageHinkley": (page_hinkley, SERIES),
    "rrcf 40 trees × 256": (random_cut_forest, FEW),
}


def print_slow_peers(asked: Asked) -> None:
    """Mean delay by factor, and values a second."""
    fleet = Fleet(Condition("phi 2", flat=True), SERIES, asked.seed, days=HISTORY_DAYS + QUIET_DAYS + 1)
    fleet.mean = np.full(SERIES, DUE)
    online = Online(fleet, DetectionParameters(false_alarms_per_day=ALARMS_A_SERIES_DAY * SERIES, fleet_series=SERIES))
    online.run(HISTORY_DAYS * fleet.windows_a_day)
    online.alarms.clear()
    quiet = [online.standardised(online.step()) for _ in range(QUIET_DAYS * fleet.windows_a_day)]
    a_day = sum(online.alarms.values()) / QUIET_DAYS / SERIES
    packed, window = online.detection.pack(), online.window
    print(f"At {ALARMS_A_SERIES_DAY:g} false alarm a series-day, {DUE:g} messages a window, phi 2, no seasons; seed {asked.seed}")
    print(f"{'mean delay, windows':<22} " + " ".join(f"{f'×{factor:g}':>7}" for factor in FACTORS) + "  values/s")
    ours, changed = [], {}
    for factor in FACTORS:
        waited, seen = [], []
        for repeat in range(REPEATS):
            fleet.branch = 2 + repeat
            after, z = _product(online, packed, window, factor)
            waited.append(after)
            seen.append(z)
        ours.append(float(np.mean(waited)))
        changed[factor] = seen
    print(f"{'Highwater':<22} " + " ".join(f"{mean:>7.1f}" for mean in ours) + f"  raised {a_day:.2f} a series-day itself")
    for name, (make, series) in PEERS.items():
        if asked.quick and name.startswith("rrcf"):
            continue
        peer, began_s = make(series), time.process_time()
        days = QUIET_DAYS if series == SERIES else 1
        scores = [peer.score(z[:series]) for z in quiet[: days * fleet.windows_a_day]]
        speed = len(scores) * series / (time.process_time() - began_s)
        settled = scores[400:]
        limit = threshold(settled, ALARMS_A_SERIES_DAY * series * len(settled) / fleet.windows_a_day)
        means = [np.mean([delays(peer, limit, (z[:series] for z in each), series, MOST) for each in changed[factor]]) for factor in FACTORS]
        print(f"{name:<22} " + " ".join(f"{mean:>7.1f}" for mean in means) + f"  {speed:,.0f}", flush=True)


def _product(online: Online, packed: dict[str, Any], window: int, factor: float) -> tuple[Floats, list[Floats]]:
    """The product's delays, and the standardised counts that the others get."""
    branch = Start(window, packed).online(online.fleet, online.parameters)
    waited, seen = np.full(SERIES, float(MOST)), []
    for after in range(MOST):
        detected = branch.step(factor)
        seen.append(branch.standardised(detected))
        for kind, series in begun(detected.traffic):
            if kind == "storm":
                waited[series] = min(waited[series], after + 1.0)
    return waited, seen
