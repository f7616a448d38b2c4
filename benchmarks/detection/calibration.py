"""Calibration: how many false alarms a bank of CUSUMs really raises at a threshold, with mean and dispersion known."""

import math

import numpy as np

from benchmarks.detection.asked import Asked
from detectors.distributions.negative_binomial import log_ratio
from detectors.rates import drop, storm
from detectors.thresholds import CALIBRATED

MEANS = (0.05, 0.3, 1.0, 5.0, 15.0, 50.0, 200.0, 1000.0)
DISPERSIONS = (1.0, 2.0, 4.0, 8.0)
NATS = (6.0, 8.0)


def print_calibration(asked: Asked) -> None:
    """False alarms a window × exp(h): the K of `detectors.thresholds.threshold`."""
    series, windows = (1000, 1000) if asked.quick else (3000, 4000)
    print(f"False alarms a window × exp(h), at h = {NATS[0]:g} and {NATS[1]:g} nats; {series} series, {windows} windows; seed {asked.seed}")
    print(f"thresholds use {CALIBRATED} where the guarantee gives {len(storm.FACTORS)} (storm) and {len(drop.FACTORS)} (drop)")
    print(f"{'phi':>4} {'mean':>8} {'storm':>16} {'drop':>16}")
    for dispersion in DISPERSIONS:
        for mean in MEANS:
            by_state = [
                _rates(mean, dispersion, np.array(factors), series, windows, asked.seed) for factors in (storm.FACTORS, drop.FACTORS)
            ]
            storms, drops = (" ".join(f"{each:7.3f}" for each in rates) for rates in by_state)
            print(f"{dispersion:>4g} {mean:>8g} {storms:>16} {drops:>16}", flush=True)


def _rates(mean: float, dispersion: float, factors: np.ndarray, series: int, windows: int, seed: int) -> list[float]:
    draw = np.random.default_rng([seed, 9])
    means, dispersions = np.full(series, mean), np.full(series, dispersion)
    banks = [np.zeros((len(factors), series)) for _ in NATS]
    alarms = [0] * len(NATS)
    for _ in range(windows):
        rate = means if dispersion <= 1.0 else draw.gamma(mean / (dispersion - 1.0), dispersion - 1.0, series)
        ratios = log_ratio(draw.poisson(rate).astype(np.float64), means, dispersions, factors)
        for index, nats in enumerate(NATS):
            np.maximum(banks[index] + ratios, 0.0, out=banks[index])
            over = banks[index].max(axis=0) > nats
            alarms[index] += int(over.sum())
            banks[index][:, over] = 0.0
    return [count / (series * windows) * math.exp(nats) for count, nats in zip(alarms, NATS, strict=True)]
