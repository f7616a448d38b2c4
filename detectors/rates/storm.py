"""Storm: more messages than the expectation and its uncertainty can explain."""

from detectors.interface import Signal, TrafficWindow
from detectors.rates.cusum_bank import Bank
from detectors.rates.habits import LEARNED as HABITS
from detectors.rates.user_bursts import LEARNED as BURSTS
from models.columns import Columns, Flags

FACTORS = (1.15, 1.3, 1.6, 2.2, 4.0)


class Storm:
    """Five CUSUMs upward. A route that has just opened is owed the waiting messages, so nothing counts during recovery."""

    kind = "storm"
    learned = (*HABITS, *BURSTS)

    def __init__(self, threshold: float) -> None:
        self._bank = Bank(FACTORS, threshold)

    def fresh(self, series: int) -> Columns:
        """State of `series` new series."""
        return self._bank.fresh(series)

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """Processes one window for all series of a block."""
        return self._bank.step(state, window, is_open, window.tick.reported & window.expected.known & ~window.recovering)
