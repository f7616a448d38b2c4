"""Silence: windows without a message where messages were due."""

import numpy as np

from detectors.contract import Signal, TrafficWindow, run_started_us
from detectors.counts import minus_log_p_zero
from models.columns import Columns, Flags

CALM_WINDOWS = 2
CALM_SHARE = 0.25
"""Of what is expected must come again, in `CALM_WINDOWS` windows in a row, before silence is over: a retry that slips through is none."""


class Silence:
    """Adds up how unlikely each empty window was (-ln P(0) of the expected negative binomial, in nats); a message clears it."""

    kind = "silence"
    learned: tuple[str, ...] = ()

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Evidence (nats), empty windows in a row, windows in a row with traffic again."""
        return {"nats": np.zeros(series), "empty_windows": np.zeros(series), "calm_windows": np.zeros(series)}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """One window. A series that did not report keeps its state: that is `stale`, not silence."""
        tick, expected = window.tick, window.expected
        judged = tick.reported & expected.known
        empty = judged & (tick.messages == 0)
        nats, run, calm = state["nats"], state["empty_windows"], state["calm_windows"]
        due = window.low
        keeps = ~judged | empty
        nats *= keeps
        run *= keeps
        nats += minus_log_p_zero(due, expected.dispersion) * empty
        run += empty
        back = judged & (tick.messages >= np.maximum(1.0, CALM_SHARE * due))
        calm *= ~judged | back
        calm += back
        accepted = is_open & (window.accepted > 0)
        over = (nats > self._threshold) & ~accepted
        nats *= ~accepted
        return Signal(
            score=nats.copy(),
            over=over,
            calm=(calm >= CALM_WINDOWS) | accepted,
            building=nats > 0.5 * self._threshold,
            began_us=run_started_us(tick.at_us, tick.window_s, run),
            observed=tick.messages,
            expected=expected.mean,
            serious=over,
            evidence={"ratio": tick.messages / np.maximum(expected.mean, 1e-9), "empty_windows": run.copy()},
        )
