"""Failures: a larger share of a series' messages fails than is usual for it."""

from dataclasses import replace

import numpy as np

from detectors.bank import Bank
from detectors.contract import Signal, TrafficWindow
from models.columns import Columns, Expected, Flags

FACTORS = (1.6, 3.0, 8.0)
MEMORY_MESSAGES = 100_000.0


class Failures:
    """CUSUMs on the number of failures against the usual share of this window's own messages."""

    kind = "failures"

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._bank = Bank(FACTORS, threshold)

    def fresh(self, series: int) -> Columns:
        """The bank's state, and messages and failures seen (fading)."""
        return {**self._bank.fresh(series), "tried": np.zeros(series), "failed": np.zeros(series)}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags) -> Signal:
        """One window; the share learns while no evidence builds."""
        tick = window.tick
        share = (state["failed"] + 1.0) / (state["tried"] + 50.0)
        error = np.sqrt(4.0 / (state["failed"] + 1.0))
        expected = Expected(np.maximum(tick.messages * share, 1e-6), np.full(len(share), 2.0), error, state["tried"] > 200)
        judged = tick.reported & expected.known & (tick.messages > 0)
        bank = {name: state[name] for name in ("nats", "run", "calm", "calm_windows")}
        seen = replace(window, tick=replace(tick, messages=tick.failures), expected=expected, high=expected.mean * np.exp(2.0 * error))
        signal = self._bank.step(bank, seen, is_open, judged)
        learning = tick.reported & ~is_open & ~signal.building
        fade = np.minimum(1.0, MEMORY_MESSAGES / np.maximum(state["tried"] + tick.messages, 1.0))
        for name, counts in (("tried", tick.messages), ("failed", tick.failures)):
            state[name] += counts * learning
            state[name] *= fade
        ratio = tick.failures / np.maximum(tick.messages, 1.0)
        return replace(signal, evidence={"failure_ratio": ratio})
