"""KPI impact: whether a single series moved after a change, judged by its own past.

The time after the change is compared with the same time of earlier days, scaled to today's level; the day that fits best counts, so that
one bad day of history does not matter. The distance, over a minute and over five, is compared with the same statistic at earlier moments
of the series (placebos): their highest tenth is the yardstick. There is no training and no assumption on the shape of the series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.columns import Floats, Ints

SPAN_S = 7200
"""Deviations within two hours of a change are attributed to it."""
_DAY_S = 86_400
_LAGS_DAYS = (1, 2, 3, 4, 5, 6, 7, 14)
_BEFORE_S = 3600
_FINEST_S = 60
_LEAST_AFTER, _LEAST_BEFORE, _MOST_AFTER = 3, 10, 240
_LEAST_SPAN = 6
"""Steps after the change that count if two hours hold fewer."""
_PLACEBOS, _STRIDE, _ENOUGH = 200, 40, 50
"""Maximum number of placebo moments, maximum bins between them, and the number that should exist before they may be further apart."""
_STEEPNESS = 2.5
"""Parameters of the score as a function of the log of the excess over the yardstick."""

KpiOutcome = Literal["impact", "no_impact", "inconclusive"]


@dataclass(frozen=True, slots=True)
class ImpactParameters:
    """The parameters of the verdict; benchmarks/change_impact.py selects others inside each fold."""

    spans_s: tuple[float, ...] = (60.0, 300.0)
    """A short storm shows in a minute; a lasting effect shows in every five minutes of it."""
    placebo_quantile: float = 0.9
    """Share of the placebos below the yardstick."""
    above: float = 1.33
    """Multiple of the yardstick from which it is an impact."""


@dataclass(frozen=True, slots=True)
class KpiVerdict:
    """Whether a series moved after a change."""

    verdict: KpiOutcome
    score: float
    """0 to 1; from 0.5 on it is an impact."""


_PARAMETERS = ImpactParameters()
INCONCLUSIVE = KpiVerdict("inconclusive", 0.0)


def judge_series(at_s: Floats, values: Floats, change_s: float, parameters: ImpactParameters = _PARAMETERS) -> KpiVerdict:
    """The verdict on one series: `at_s` (n,) seconds since the epoch in any order, `values` (n,) with NaN for missing ones."""
    grid = _regular(at_s, values, change_s)
    if grid is None:
        return INCONCLUSIVE
    series, step_s, change, after = grid
    distance = _Distance(series, step_s, after, parameters.spans_s)
    latest = change - after - 1
    stride = max(1, min(_STRIDE, (latest - distance.least) // _ENOUGH))
    anchors = np.arange(latest, distance.least, -stride)[:_PLACEBOS]
    floor = max(1e-6 * float(np.ptp(series)), 1e-12)
    here = distance.at(np.array([change])) + floor
    enough = len(anchors) >= _LEAST_BEFORE
    quantile = parameters.placebo_quantile
    if enough:
        excess = _beyond(here, distance.at(anchors) + floor, quantile)
    else:
        excess = float(np.log(here.max() / (_noise(series[:change], quantile) + floor)))
    score = round(1.0 / (1.0 + float(np.exp(-_STEEPNESS * (excess - np.log(parameters.above))))), 4)
    return KpiVerdict("impact" if score >= 0.5 else "no_impact", score)


def _beyond(here: Floats, placebos: Floats, quantile: float) -> float:
    """Log of the greatest of `here` (1, spans), in usual ones, over the yardstick of `placebos` (n, spans)."""
    usual = np.median(placebos, axis=0)
    return float(np.log((here / usual).max() / np.quantile((placebos / usual).max(axis=1), quantile)))


def _regular(at_s: Floats, values: Floats, change_s: float) -> tuple[Floats, float, int, int] | None:
    """The series on an even grid with an edge at the change, step in seconds, index of the change, bins after it; None if too short."""
    known = np.isfinite(values) & np.isfinite(at_s)
    gaps = np.diff(np.unique(at_s[known]))
    if not len(gaps):
        return None
    step_s = max(float(np.median(gaps)), _FINEST_S)
    known &= at_s < change_s + max(SPAN_S, _LEAST_SPAN * step_s)
    at_s, values = at_s[known], values[known]
    step = np.floor((at_s - change_s) / step_s).astype(np.int64)
    if (step >= 0).sum() < _LEAST_AFTER or (step < 0).sum() < _LEAST_BEFORE:
        return None
    first = max(int(step.min()), -int(22 * _DAY_S / step_s))
    step, values = step[step >= first] - first, values[step >= first]
    change = -first
    return _filled(step, values), step_s, change, min(int(step.max()) + 1 - change, _MOST_AFTER)


def _filled(step: Ints, values: Floats) -> Floats:
    """Mean of each bin; empty bins are interpolated linearly between their neighbours."""
    counts = np.bincount(step)
    sums = np.bincount(step, weights=values)
    seen = np.flatnonzero(counts)
    return np.interp(np.arange(len(counts)), seen, sums[seen] / counts[seen])


class _Distance:
    """The distance of the `after` bins from an anchor on from the expectation by earlier days, or by the hour before."""

    def __init__(self, series: Floats, step_s: float, after: int, spans_s: Sequence[float]) -> None:
        self._after = after
        self._before = max(_LEAST_AFTER, int(_BEFORE_S / step_s))
        self._spans = sorted({min(max(1, round(span_s / step_s)), after) for span_s in spans_s})
        self._series = series
        self._windows = sliding_window_view(series, after)
        self._middle = np.median(sliding_window_view(np.concatenate([np.full(self._before, series[0]), series]), self._before), axis=1)
        """Median of the `before` bins ahead of each bin."""
        self._lags = [round(days * _DAY_S / step_s) for days in _LAGS_DAYS] if step_s <= _DAY_S / 12 else []
        daily = bool(self._lags) and len(series) - after - self._before > self._lags[0] + 2 * after
        self.least = self._before + (self._lags[0] if daily else 0)
        """Anchors up to this one have too few bins before them."""
        self._lags = self._lags if daily else []

    def at(self, anchors: Ints) -> Floats:
        """(anchors, spans) the greatest shift over each span, of the earlier day that fits best."""
        best = np.full((len(anchors), len(self._spans)), np.inf)
        for lag in self._lags:
            reach = anchors - lag >= self._before
            if reach.any():
                own, then = anchors[reach], anchors[reach] - lag
                level = self._middle[own] - self._middle[then]
                best[reach] = np.minimum(best[reach], self._greatest(self._windows[own] - self._windows[then] - level[:, None]))
        rest = ~np.isfinite(best[:, 0])
        if rest.any():
            best[rest] = self._greatest(self._windows[anchors[rest]] - self._middle[anchors[rest]][:, None])
        return best

    def _greatest(self, error: Floats) -> Floats:
        sums = np.concatenate([np.zeros((len(error), 1)), np.cumsum(error, axis=1)], axis=1)
        return np.stack([np.abs(sums[:, span:] - sums[:, :-span]).max(axis=1) / span for span in self._spans], axis=1)


def _noise(before: Floats, quantile: float) -> float:
    """Yardstick of a series too short for placebos: the random sum of its steps."""
    spread = 3.0 * 1.4826 * float(np.median(np.abs(before - np.median(before))))
    return max(spread, 2.0 * float(np.quantile(np.abs(np.diff(before)), quantile)))
