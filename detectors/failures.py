"""Failures: a larger share of a series' messages fails than is usual for it, by the side at fault."""

import numpy as np

from detectors import usual_failures as usual
from detectors.contract import Signal, TrafficWindow, run_started_us
from detectors.ratios import log_ratio
from models.columns import Columns, Flags, Floats

FACTORS = np.array([1.7, 3.5, 10.0])
"""Of the odds."""
HYPOTHESES = usual.FAMILIES * len(FACTORS)
CALM_NATS = 5.0
CALM_WINDOWS = 3
SURPRISING = 1.2
"""A share that exceeds the usual one's upper end by less never raises evidence that is not there yet."""


class Failures:
    """A bank of CUSUMs of beta-binomial log-likelihood ratios for each side at fault (Page 1954; Griffiths 1973)."""

    kind = "failures"
    learned = usual.LEARNED

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Evidence by family and factor (nats) and its run; evidence that it is over and windows of it; what is usual."""
        state: Columns = {name: np.zeros((HYPOTHESES, series), np.float32) for name in ("nats", "run")}
        return state | {name: np.zeros(series) for name in ("calm", "calm_windows")} | usual.fresh(series)

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """One window; only where something speaks for or against failures is anything computed."""
        tick = window.tick
        families = usual.families(tick)
        judged = tick.reported & (tick.messages > 0) & usual.known(state)
        calm = np.zeros(len(judged))
        for family, failed in enumerate(families):
            self._weigh(state, family, tick.messages, failed, judged, is_open, calm)
        nats, run = state["nats"], state["run"]
        score = nats.max(axis=0).astype(np.float64)
        over = score > self._threshold
        building = score > 0.5 * self._threshold
        ended = self._ended(state, calm, is_open & judged)
        wanted = np.flatnonzero(over | is_open)
        windows = np.ones(len(score))
        if len(wanted):
            windows[wanted] = run[nats[:, wanted].argmax(axis=0), wanted]
        usual.learn(state, tick, families, tick.reported & ~is_open & ~building & ~window.declared)
        return Signal(
            score=score,
            over=over,
            calm=ended,
            building=building,
            began_us=run_started_us(tick.at_us, tick.window_s, windows),
            observed=tick.failures,
            expected=tick.messages * np.minimum(state["share"].sum(axis=0), 1.0),
            serious=over,
            evidence={"failure_ratio": tick.failures / np.maximum(tick.messages, 1.0)},
        )

    def _weigh(self, state: Columns, family: int, tried: Floats, failed: Floats, judged: Flags, is_open: Flags, calm: Floats) -> None:
        rows = slice(family * len(FACTORS), (family + 1) * len(FACTORS))
        nats, run = state["nats"][rows], state["run"][rows]
        high = state["high"][family].astype(np.float64)
        places = np.flatnonzero(judged & ((failed > SURPRISING * high * tried) | nats.any(axis=0) | is_open))
        if not len(places):
            return
        ratios = log_ratio(failed[places], tried[places], high[places], usual.concentration(state, family, places), FACTORS)
        raised = np.maximum(nats[:, places] + ratios, 0.0)
        # Evidence that it is over compares with the next smaller factor, in the family that the finding is about.
        leads = state["nats"][:, places].argmax(axis=0)
        against = -ratios[np.maximum(leads % len(FACTORS) - 1, 0), np.arange(len(places))]
        calm[places] += np.where(leads // len(FACTORS) == family, against, 0.0)
        run[:, places] = (run[:, places] + 1) * (raised > 0)
        nats[:, places] = raised

    def _ended(self, state: Columns, calm: Floats, asked: Flags) -> Flags:
        ended = np.zeros(len(asked), np.bool_)
        places = np.flatnonzero(asked)
        if len(places):
            evidence = np.maximum(state["calm"][places] + calm[places], 0.0)
            windows = (state["calm_windows"][places] + 1) * (evidence > 0)
            state["calm"][places], state["calm_windows"][places] = evidence, windows
            ended[places] = (evidence > CALM_NATS) & (windows >= CALM_WINDOWS)
            over = np.flatnonzero(ended)
            for name in ("nats", "run", "calm", "calm_windows"):
                state[name][..., over] = 0.0
        return ended
