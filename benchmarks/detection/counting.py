"""Counting: how sure a number of false alarms is."""

import math
from collections import Counter

Z_95 = 1.959964


def poisson_interval(events: int) -> tuple[float, float]:
    """95 % interval of the mean of a Poisson count (Byar's approximation, within 1 % of the exact one from a count of 1 on)."""
    low = 0.0 if events == 0 else events * (1 - 1 / (9 * events) - Z_95 / (3 * math.sqrt(events))) ** 3
    after = events + 1
    return low, after * (1 - 1 / (9 * after) + Z_95 / (3 * math.sqrt(after))) ** 3


def rate(events: int, days: float) -> str:
    """Events a day with their interval."""
    low, high = poisson_interval(events)
    return f"{events / days:6.2f} ({low / days:5.2f} to {high / days:5.2f})"


def kinds(counted: Counter[str]) -> str:
    """How many of each kind."""
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counted.items())) or "none"
