"""Drop: fewer messages than the expectation and its uncertainty can explain, but not none."""

from dataclasses import replace

from detectors.interface import Signal, TrafficWindow
from detectors.rates.cusum_bank import Bank
from detectors.rates.habits import LEARNED as HABITS
from models.columns import Columns, Flags

FACTORS = (0.85, 0.6, 0.3)


class Drop:
    """Three CUSUMs downward. Empty windows count too; `silence` covers the case without any message."""

    kind = "drop"
    learned = HABITS

    def __init__(self, threshold: float) -> None:
        self._bank = Bank(FACTORS, threshold)

    def fresh(self, series: int) -> Columns:
        """State of `series` new series."""
        return self._bank.fresh(series)

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """Processes one window for all series of a block."""
        silent = window.silent
        if silent.any():
            self._bank.reset(state, silent & ~is_open)
        signal = self._bank.step(state, window, is_open, window.tick.reported & window.expected.known & ~(silent & ~is_open))
        return replace(signal, over=signal.over & (is_open | (window.tick.messages > 0)))
