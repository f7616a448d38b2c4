"""A bank of CUSUMs: how well each of several factors explains the counts since its best starting point."""

import numpy as np

from detectors.contract import Signal, TrafficWindow, run_started_us
from detectors.counts import log_ratio
from models.columns import Columns, Flags, Floats

CALM_NATS = 7.0
"""Evidence for normal traffic against the factor's root that ends a finding: 1 in 1,100 for one that goes on."""
LEAST_CALM_WINDOWS = 3
LEAST_MEAN = 1e-6


class Bank:
    """One-sided CUSUMs W = max(0, W + l) with the exact negative-binomial log-likelihood ratio l, one a factor (Page 1954; Lorden 1971).

    The null hypothesis is the far end of what the expectation can explain (`TrafficWindow.low`, `high`): while it is uncertain, a small
    factor finds nothing.
    """

    def __init__(self, factors: tuple[float, ...], threshold: float) -> None:
        self._factors = np.array(factors)
        self._upward = bool(factors[0] > 1.0)
        self._threshold = threshold
        # Evidence that it is over compares with about the root of the factor: halfway back is not normal.
        self._calm_row = np.maximum(np.arange(len(factors)) - 1, 0)

    def fresh(self, series: int) -> Columns:
        """Evidence by factor (nats), windows in its run, evidence that it is over, windows of that."""
        shape = (len(self._factors), series)
        return {"nats": np.zeros(shape), "run": np.zeros(shape), "calm": np.zeros(series), "calm_windows": np.zeros(series)}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, judged: Flags) -> Signal:
        """One window; series that are not `judged` keep their state."""
        tick, null = window.tick, np.maximum(window.high if self._upward else window.low, LEAST_MEAN)
        ratios = log_ratio(tick.messages, null, window.expected.dispersion, self._factors)
        ratios *= judged
        nats, run = state["nats"], state["run"]
        nats += ratios
        np.maximum(nats, 0.0, out=nats)
        run += judged
        run *= nats > 0.0
        score = nats.max(axis=0)
        over = score > self._threshold
        calm = self._calm(state, ratios, is_open, judged)
        winner = self._winning(nats, over | is_open)
        return Signal(
            score=score,
            over=over,
            calm=calm,
            building=score > 0.5 * self._threshold,
            began_us=run_started_us(tick.at_us, tick.window_s, np.take_along_axis(run, winner[None], axis=0)[0]),
            observed=tick.messages,
            expected=window.expected.mean,
            serious=over,
            evidence={"ratio": tick.messages / np.maximum(window.expected.mean, 1e-9)},
        )

    def _calm(self, state: Columns, ratios: Floats, is_open: Flags, judged: Flags) -> Flags:
        ended = np.zeros(len(is_open), np.bool_)
        places = np.flatnonzero(is_open & judged)
        if len(places):
            row = self._calm_row[state["nats"][:, places].argmax(axis=0)]
            calm = np.maximum(state["calm"][places] - ratios[row, places], 0.0)
            windows = (state["calm_windows"][places] + 1) * (calm > 0)
            ended[places] = (calm > CALM_NATS) & (windows >= LEAST_CALM_WINDOWS)
            state["calm"][places], state["calm_windows"][places] = calm, windows
        over = np.flatnonzero(ended)
        if len(over):
            for name in state:
                state[name][..., over] = 0.0
        return ended

    def _winning(self, nats: Floats, wanted: Flags) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        winner = np.zeros(nats.shape[1], np.int64)
        places = np.flatnonzero(wanted)
        if len(places):
            winner[places] = nats[:, places].argmax(axis=0)
        return winner
