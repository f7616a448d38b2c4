"""Failures: a larger share of a series' messages fails than usual, by the side at fault."""

import numpy as np

from detectors.distributions.beta_binomial import log_ratio
from detectors.failures import baseline as usual
from detectors.interface import FindingDetails, Signal, TrafficWindow, run_started_us
from models.columns import Columns, Flags, Floats, Ints, TrafficTick

FACTORS = np.array([1.7, 3.5, 10.0])
"""Of the odds."""
HYPOTHESES = usual.FAMILIES * len(FACTORS)
CALM_NATS = 5.0
CALM_WINDOWS = 3
SURPRISING = 1.2
"""A share that exceeds the upper end of the usual one by less than this never starts evidence."""


class Failures:
    """A bank of CUSUMs of beta-binomial log-likelihood ratios for each side at fault (Page 1954; Griffiths 1973)."""

    kind = "failures"
    learned = usual.LEARNED

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Evidence by family and factor (nats) and its run; evidence of its end and the windows of it; the usual shares."""
        state: Columns = {name: np.zeros((HYPOTHESES, series), np.float32) for name in ("nats", "run")}
        return state | {name: np.zeros(series, np.float32) for name in ("calm", "calm_windows")} | usual.fresh(series)

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """Processes one window; only series with evidence for or against failures are computed."""
        tick = window.tick
        families = usual.families(tick)
        judged = tick.reported & (tick.messages > 0) & usual.known(state)
        calm = self._weigh(state, tick.messages, families, judged, is_open)
        score = state["nats"].max(axis=0).astype(np.float64)
        over = score > self._threshold
        building = score > 0.5 * self._threshold
        ended = self._ended(state, calm, is_open & judged)
        usual.learn(state, tick, families, tick.reported & ~is_open & ~building & ~window.declared)
        return Signal(
            score=score,
            over=over,
            has_ended=ended,
            evidence_rising=building,
            serious=over,
            shown=lambda rows: self._shown(state, tick, rows),
        )

    def _shown(self, state: Columns, tick: TrafficTick, rows: Ints) -> FindingDetails:
        failures, messages = tick.failures[rows], tick.messages[rows]
        return FindingDetails(
            began_us=run_started_us(tick.at_us, tick.window_s, state["run"][state["nats"][:, rows].argmax(axis=0), rows]),
            observed=failures,
            expected=messages * np.minimum(state["share"][:, rows].sum(axis=0), 1.0),
            evidence={"failure_ratio": failures / np.maximum(messages, 1.0)},
        )

    def _weigh(self, state: Columns, tried: Floats, failed: Floats, judged: Flags, is_open: Flags) -> Floats:
        """Processes one window's failures (families, series); returns evidence that an open finding is over, nats (series,)."""
        calm = np.zeros(len(tried))
        each = (usual.FAMILIES, len(FACTORS), len(tried))
        nats, run = state["nats"].reshape(each), state["run"].reshape(each)
        family, series = (judged & ((failed > SURPRISING * tried * state["high"]) | nats.any(axis=1) | is_open)).nonzero()
        if not len(series):
            return calm
        high = state["high"][family, series].astype(np.float64)
        ratios = log_ratio(failed[family, series], tried[series], high, usual.concentration(state, family, series), FACTORS)
        # Evidence of the end compares with the next smaller factor, in the family of the finding.
        if is_open.any():
            leads = state["nats"][:, series].argmax(axis=0)
            about = (leads // len(FACTORS) == family).nonzero()[0]
            calm[series[about]] = -ratios[np.maximum(leads[about] % len(FACTORS) - 1, 0), about]
        raised = np.maximum(nats[family, :, series].T + ratios, 0.0)
        run[family, :, series] = (run[family, :, series] + 1) * (raised.T > 0)
        nats[family, :, series] = raised.T
        return calm

    def _ended(self, state: Columns, calm: Floats, asked: Flags) -> Flags:
        ended = np.zeros(len(asked), np.bool_)
        chosen = asked.nonzero()[0]
        if len(chosen):
            evidence = np.maximum(state["calm"][chosen] + calm[chosen], 0.0)
            windows = (state["calm_windows"][chosen] + 1) * (evidence > 0)
            state["calm"][chosen], state["calm_windows"][chosen] = evidence, windows
            ended[chosen] = (evidence > CALM_NATS) & (windows >= CALM_WINDOWS)
            over = np.flatnonzero(ended)
            for name in ("nats", "run", "calm", "calm_windows"):
                state[name][..., over] = 0.0
        return ended
