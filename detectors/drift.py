"""Drift: a series whose level has become another for good."""

import numpy as np

from detectors.contract import Signal, TrafficWindow
from models.columns import Columns, Flags


class Drift:
    """Says when a level that lasted long enough was taken as the new normal one."""

    kind = "drift"

    def __init__(self, shown_s: int = 3600) -> None:
        self._shown_s = shown_s

    def fresh(self, series: int) -> Columns:
        """Seconds since the new level was accepted."""
        return {"age_s": np.full(series, np.inf)}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags) -> Signal:
        """One window; the finding stands for an hour."""
        age = state["age_s"]
        age += window.tick.window_s
        age[window.accepted] = 0.0
        over = window.accepted.copy()
        no = np.zeros(len(age), np.bool_)
        return Signal(
            score=np.zeros(len(age)),
            over=over,
            calm=age > self._shown_s,
            building=no,
            began_us=np.full(len(age), window.tick.at_us - window.tick.window_s * 1_000_000),
            observed=window.tick.messages,
            expected=window.expected.mean,
            serious=no,
            evidence={"ratio": window.tick.messages / np.maximum(window.expected.mean, 1e-9)},
        )
