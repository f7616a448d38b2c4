"""Noise: alerts of `highwater detect` on series in which nothing happens, whatever their distribution."""

from collections.abc import Callable

import numpy as np

from detectors.any_series.any_series import AnySeries
from models.columns import Floats

ROWS, STEP_S, START_S = 8000, 300.0, 1_700_438_400
"""Values of a series, seconds between them, and when it begins: a Monday at midnight."""


def _week(dice: np.random.Generator) -> Floats:
    rows = np.arange(ROWS)
    mean = 100 * (1 + 0.7 * np.sin(2 * np.pi * rows / 288)) * np.where(rows // 288 % 7 < 5, 1.0, 0.5)
    return dice.poisson(mean).astype(float)


def _sticky(dice: np.random.Generator) -> Floats:
    values, drawn = np.zeros(ROWS), dice.normal(0, 1, ROWS)
    for row in range(1, ROWS):
        values[row] = 0.8 * values[row - 1] + drawn[row]
    return values


SHAPES: dict[str, Callable[[np.random.Generator], Floats]] = {
    "normal": lambda dice: dice.normal(100, 5, ROWS),
    "heavy tail (t, 3 degrees)": lambda dice: dice.standard_t(3, ROWS),
    "bursty counts (phi 20)": lambda dice: dice.negative_binomial(1, 0.05, ROWS).astype(float),
    "counts by day and week": _week,
    "negative, skewed": lambda dice: -dice.exponential(3, ROWS),
    "autocorrelation 0.8": _sticky,
    "random walk": lambda dice: np.cumsum(dice.normal(0, 1, ROWS)),
    "rising counter": lambda dice: np.cumsum(dice.poisson(5, ROWS)).astype(float),
    "zero but for 1 %": lambda dice: (dice.random(ROWS) < 0.01) * dice.poisson(3, ROWS).astype(float),
}


def alerts(values: Floats) -> int:
    """How many alerts a series brings."""
    judge = AnySeries()
    return sum(judge.process_value(START_S + STEP_S * row, value).alert for row, value in enumerate(values.tolist()))


def print_noise(seeds: range = range(1, 4)) -> None:
    """Alerts in a thousand values by shape, each over all seeds."""
    print(f"\nalerts in a thousand values where nothing happens; {len(seeds)} series of {ROWS:,} values each")
    for name, draw in SHAPES.items():
        counts = [alerts(draw(np.random.default_rng(seed))) for seed in seeds]
        print(f"{name:<26} {1000 * sum(counts) / (ROWS * len(seeds)):.2f}", flush=True)
