"""Peers: what is usually put on a rate, given the product's own expectation, each at the same false-alarm rate."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from river import anomaly, drift

from models.columns import Floats


class Peer(Protocol):
    """A score of standardised counts, the higher the stranger; keeps its state."""

    def score(self, z: Floats) -> Floats:
        """One window of all series, shape (series,)."""


class Shewhart:
    """Each window by itself, in standard deviations."""

    def score(self, z: Floats) -> Floats:
        """As `Peer`."""
        return np.abs(z)


class Ewma:
    """An exponentially weighted mean of the windows (Roberts 1959), in its own standard deviations."""

    def __init__(self, weight: float = 0.2) -> None:
        self._weight = weight
        self._mean: Floats | float = 0.0

    def score(self, z: Floats) -> Floats:
        """As `Peer`."""
        self._mean = self._mean + self._weight * (z - self._mean)
        return np.abs(np.asarray(self._mean)) / np.sqrt(self._weight / (2.0 - self._weight))


class Each:
    """One detector object a series, in a loop."""

    def __init__(self, make: Callable[[], Any], series: int, ask: Callable[[Any, float], float]) -> None:
        self._detectors = [make() for _ in range(series)]
        self._ask = ask

    def score(self, z: Floats) -> Floats:
        """As `Peer`."""
        return np.array([self._ask(each, float(value)) for each, value in zip(self._detectors, z, strict=True)])


def gaussian(series: int) -> Peer:
    """river.anomaly.GaussianScorer: how far out of a running normal distribution."""

    def ask(detector: Any, z: float) -> float:
        score = float(detector.score_one(None, z))
        detector.learn_one(None, z)
        # Its score is 1 minus a tail probability: on a log scale, or its best values are all 1.
        return -float(np.log(max(1.0 - score, 1e-16)))

    return Each(lambda: anomaly.GaussianScorer(window_size=None, grace_period=100), series, ask)


def half_space_trees(series: int) -> Peer:
    """river.anomaly.HalfSpaceTrees over the value and the mean of the last ten."""

    class Trees:
        def __init__(self) -> None:
            self.trees = anomaly.HalfSpaceTrees(
                n_trees=10, height=8, window_size=250, seed=1, limits={"z": (-5.0, 20.0), "mean": (-3.0, 10.0)}
            )
            self.mean = 0.0

    def ask(detector: Trees, z: float) -> float:
        detector.mean += 0.1 * (z - detector.mean)
        seen = {"z": z, "mean": detector.mean}
        score = float(detector.trees.score_one(seen))
        detector.trees.learn_one(seen)
        return score

    return Each(Trees, series, ask)


def page_hinkley(series: int) -> Peer:
    """river.drift.PageHinkley: its own statistic, read before it decides."""

    def ask(detector: Any, z: float) -> float:
        detector.update(z)
        return float(max(detector._sum_increase - detector._min_increase, detector._max_decrease - detector._sum_decrease))

    return Each(lambda: drift.PageHinkley(min_instances=100, delta=0.25, threshold=1e9), series, ask)


def random_cut_forest(series: int) -> Peer:
    """rrcf: collusive displacement in 40 trees of 256 points, shingles of 4 windows."""
    import rrcf

    class Forest:
        def __init__(self) -> None:
            self.trees = [rrcf.RCTree(random_state=number) for number in range(40)]  # without a state of its own it can't be copied
            self.last: list[float] = []
            self.number = 0

    def ask(forest: Forest, z: float) -> float:
        forest.last = [*forest.last[-3:], z]
        if len(forest.last) < 4:
            return 0.0
        total = 0.0
        for tree in forest.trees:
            if len(tree.leaves) >= 256:
                tree.forget_point(forest.number - 256)
            tree.insert_point(np.array(forest.last), index=forest.number)
            total += tree.codisp(forest.number)
        forest.number += 1
        return total / len(forest.trees)

    return Each(Forest, series, ask)


def threshold(scores: Sequence[Floats], most_alarms: float, *, least: float = 0.0) -> float:
    """The lowest threshold at which `scores` (windows of (series,)) cross it from below `most_alarms` times at most."""
    values = np.stack(scores)
    before = np.vstack([np.full((1, values.shape[1]), -np.inf), values[:-1]])
    rises = (values > before) & (values > least)
    tops, bottoms = np.sort(values[rises])[::-1], before[rises]
    low, high = 0, len(tops) - 1
    while low < high:
        middle = (low + high + 1) // 2
        crossings = int(((values[rises] > tops[middle]) & (bottoms <= tops[middle])).sum())
        low, high = (middle, high) if crossings <= most_alarms else (low, middle - 1)
    return float(tops[low])


def delays(peer: Peer, limit: float, standardised: Iterable[Floats], series: int, most: int) -> Floats:
    """Windows until each series' score is over the limit, `most` where it never is."""
    peer = copy.deepcopy(peer)
    delays = np.full(series, float(most))
    for after, z in enumerate(standardised):
        delays = np.where(peer.score(z) > limit, np.minimum(delays, after + 1.0), delays)
        if np.all(delays <= after + 1.0):
            break
    return delays
