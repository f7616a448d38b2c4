"""The simulated stretch of time, cut into windows on the grid that counts from the epoch."""

from dataclasses import dataclass

import numpy as np

from models.columns import Floats, Ints
from models.times import DAY_US, SECOND_US, round_up


@dataclass(frozen=True, slots=True)
class Timeline:
    """`windows` windows of `window_s` seconds from `start_us`; window i ends at `start_us` + (i + 1) windows."""

    start_us: int
    windows: int
    window_s: int

    @classmethod
    def of_days(cls, start_us: int, *, days: int, window_s: int) -> "Timeline":
        """`days` whole days from the first grid point at or after `start_us`."""
        return cls(round_up(start_us, window_s), days * DAY_US // (window_s * SECOND_US), window_s)

    @property
    def window_us(self) -> int:
        """Length of a window, µs."""
        return self.window_s * SECOND_US

    @property
    def end_us(self) -> int:
        """End of the last window."""
        return self.start_us + self.windows * self.window_us

    @property
    def last_day_us(self) -> int:
        """Start of the last 24 hours, in which scenarios take place."""
        return self.last_us(1)

    def last_us(self, days: int) -> int:
        """Start of the last `days` days; everything before is history to learn from."""
        return max(self.start_us, self.end_us - days * DAY_US)

    def ends_us(self, first: int, last: int) -> Ints:
        """Ends of the windows `first` ≤ i < `last`, shape (last - first,)."""
        return self.start_us + (np.arange(first, last, dtype=np.int64) + 1) * self.window_us

    def starts_us(self, window: int) -> int:
        """Start of a window."""
        return self.start_us + window * self.window_us

    def index(self, at_us: int) -> int:
        """The window that contains `at_us`, limited to the simulated time (`windows` means after it)."""
        return min(max((at_us - self.start_us) // self.window_us, 0), self.windows)

    def curve(self, start_us: int, end_us: int, *, factor: float, ramp_s: float = 0.0) -> tuple[int, Floats]:
        """First window, and a factor for each from `start_us` to `end_us`: it rises and falls linearly over `ramp_s`."""
        first, last = self.index(start_us), max(self.index(end_us), self.index(start_us))
        centres = (np.arange(first, last) + 0.5) * self.window_us + self.start_us
        if ramp_s <= 0:
            return first, np.full(last - first, factor)
        ramp_us = ramp_s * SECOND_US
        share = np.clip(np.minimum((centres - start_us) / ramp_us, (end_us - centres) / ramp_us), 0.0, 1.0)
        return first, 1.0 + (factor - 1.0) * share
