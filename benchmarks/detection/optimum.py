"""Optimum: the test that nobody can beat, a CUSUM that knows the true mean, dispersion and factor of every window (Moustakides 1986)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.fleet import Fleet
from detectors.distributions.negative_binomial import log_ratio_each, minus_log_p_zero
from models.columns import Floats

FREQUENT_NATS = 5.0
"""Where false alarms are frequent enough to be counted; their rate falls as exp(-h) from there on."""


@dataclass(frozen=True, slots=True)
class Optimum:
    """Evidence for exactly the change that comes: `factor` times the traffic, 0 for silence."""

    factor: float
    threshold: float

    def delays(self, fleet: Fleet, first: int, counts: Callable[[int], Floats], most: int) -> Floats:
        """Windows from `first` to the alarm of each series, `most` where there was none. `counts(window)`: what comes, (series,)."""
        nats, delays = np.zeros(fleet.series), np.full(fleet.series, float(most))
        for after in range(most):
            nats = step(nats, counts(first + after), fleet.rates(first + after), fleet.condition.dispersion, self.factor)
            delays = np.where(nats > self.threshold, np.minimum(delays, after + 1.0), delays)
            if np.all(delays <= after + 1.0):
                break
        return delays


def step(nats: Floats, counts: Floats, mean: Floats, dispersion: float, factor: float) -> Floats:
    """One window of the CUSUM, in nats; silence is refuted by one message."""
    phi = np.full(len(mean), dispersion)
    if factor == 0.0:
        return np.where(counts == 0, nats + minus_log_p_zero(mean, phi), 0.0)
    grown: Floats = np.maximum(nats + log_ratio_each(counts, mean, phi, np.full(len(mean), factor)), 0.0)
    return grown


def optimum(fleet: Fleet, factor: float, alarms_a_day: float, *, first: int, windows: int) -> Optimum:
    """The test for `factor` at `alarms_a_day` over the whole fleet: h so that the rate counted at `FREQUENT_NATS` falls to that."""
    nats, alarms = np.zeros(fleet.series), 0
    for window in range(first, first + windows):
        nats = step(nats, fleet.counts(window), fleet.rates(window), fleet.condition.dispersion, factor)
        over = nats > FREQUENT_NATS
        alarms += int(over.sum())
        nats = np.where(over, 0.0, nats)
    a_day = max(alarms, 1) / windows * fleet.windows_a_day
    return Optimum(factor, FREQUENT_NATS + math.log(a_day / alarms_a_day))
