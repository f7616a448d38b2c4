"""Same time of day: the values of this slot on each of the last seven days that had it."""

from dataclasses import dataclass, field
from math import nan

DAY_S = 86_400
_DAYS = 7
_BESIDE = 2
"""Slots on either side that count as the same time for the usual error: traffic is not punctual to a minute."""


@dataclass(slots=True)
class SameTime:
    """One value by slot of a day (`slots` of them); today's value joins the earlier ones when the next day reaches the slot."""

    slots: int
    _earlier: list[list[float]] = field(init=False)
    """Means of earlier days by slot, oldest first."""
    _totals: list[float] = field(init=False)
    """Their sums."""
    _today: list[tuple[float, float, int]] = field(init=False)
    """Day, mean and number of values of the day that reached the slot last."""

    def __post_init__(self) -> None:
        self._earlier = [[] for _ in range(self.slots)]
        self._totals = [0.0] * self.slots
        self._today = [(nan, 0.0, 0)] * self.slots

    def on_earlier_days(self, day: float, slot: int) -> list[float]:
        """Means of this slot on up to seven days before `day`."""
        last_day, mean, count = self._today[slot]
        if count and last_day != day:
            earlier = self._earlier[slot]
            earlier.append(mean)
            del earlier[:-_DAYS]
            self._totals[slot] = sum(earlier)
            self._today[slot] = (day, 0.0, 0)
        return self._earlier[slot]

    def usual(self, day: float, slot: int) -> float | None:
        """Mean of this slot and the two on either side over their earlier days; None before there is one."""
        self.on_earlier_days(day, slot)
        around = slice(max(slot - _BESIDE, 0), slot + _BESIDE + 1)
        count = sum(map(len, self._earlier[around]))
        return sum(self._totals[around]) / count if count else None

    def keep(self, day: float, slot: int, value: float) -> None:
        """Adds the current value; read the earlier days before."""
        _, mean, count = self._today[slot]
        self._today[slot] = (day, mean + (value - mean) / (count + 1), count + 1)
