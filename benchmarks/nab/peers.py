"""Peers: other detectors that score each value online, with the settings that they are known by."""

import math
import random
from collections.abc import Iterator

import numpy as np

from benchmarks.nab.corpus import Labelled
from models.columns import Floats

GAUSSIAN_ROWS, GAUSSIAN_STEP = 6400, 100
EWMA_WEIGHTS = (0.2, 0.01)
"""Of the smoothed value, and of the level and the deviation that it is held against."""
TREES, TREE_ROWS, SHINGLE = 10, 256, 4
"""Few trees, for each costs two minutes of one core on these files."""


def windowed_gaussian(series: Labelled) -> Floats:
    """The benchmark's own baseline: 1 - Q(|z|) against mean and deviation of the last 6,400 values, moved 100 at a time."""
    scores, window, waiting = np.zeros(len(series.values)), np.zeros(0), []
    mean, deviation = 0.0, 1.0
    for row, value in enumerate(series.values.tolist()):
        if len(window):
            scores[row] = 1 - 0.5 * math.erfc(abs(value - mean) / deviation / math.sqrt(2))
        waiting.append(value)
        if len(window) >= GAUSSIAN_ROWS and len(waiting) < GAUSSIAN_STEP:
            continue
        window = np.concatenate([window, waiting])[-GAUSSIAN_ROWS:]
        waiting = []
        mean, deviation = float(window.mean()), float(window.std()) or 1e-6
    return scores


def ewma(series: Labelled) -> Floats:
    """An EWMA chart: the smoothed value in deviations off a slow level (Roberts, Technometrics 1959), nothing fitted."""
    quick, slow = EWMA_WEIGHTS
    scores = np.zeros(len(series.values))
    level = smooth = float(series.values[0])
    variance = 0.0
    for row, value in enumerate(series.values.tolist()):
        smooth += quick * (value - smooth)
        if variance > 0.0:
            scores[row] = abs(smooth - level) / math.sqrt(variance * quick / (2 - quick))
        weight = max(slow, 1.0 / (row + 2))
        variance += weight * ((value - level) ** 2 - variance)
        level += weight * (value - level)
    return scores


def random_cut_forest(series: Labelled, seed: int = 1) -> Floats:
    """`rrcf`: mean collusive displacement of a shingle of four values in ten trees of the last 256 (Guha et al., ICML 2016)."""
    import rrcf

    np.random.seed(seed)
    random.seed(seed)
    forest = [rrcf.RCTree() for _ in range(TREES)]
    scores = np.zeros(len(series.values))
    for row, shingle in _shingles(series.values):
        total = 0.0
        for tree in forest:
            if len(tree.leaves) >= TREE_ROWS:
                tree.forget_point(row - TREE_ROWS)
            tree.insert_point(shingle, index=row)
            total += tree.codisp(row)
        scores[row] = total / TREES
    return scores


def _shingles(values: Floats) -> Iterator[tuple[int, Floats]]:
    return ((row, values[row - SHINGLE + 1 : row + 1]) for row in range(SHINGLE - 1, len(values)))
