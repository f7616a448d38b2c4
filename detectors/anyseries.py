"""Any series: an online verdict on each value of a numeric series of which nothing else is known."""

import math
from dataclasses import dataclass, field

_SLOW, _SPREAD, _QUICK = 0.01, 0.01, 0.3
"""Weights of a new value in the usual level, the usual deviation, and the run of the last few."""
_LEARNING = 50
"""Values before the first verdict; until then level and deviation are plain averages."""
_CLIP = 3.0
"""Deviations that the level and the deviation learn from at most: an outlier does not become usual at once."""
_LEAST = 6.0
"""Deviations below which nothing is an alert."""
_MARGIN = 1.25
"""How far above its usual peaks a value must be; peaks of a daily course are usual."""
_FADE = 0.9995
"""What is left of a usual peak one value later."""
_CALM = 10
"""Calm values in a row that end an alert."""
_MOST = 1000.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one value says."""

    score: float
    """How many usual deviations it, or the run of the last few, lies off the usual level; 0 while learning."""
    alert: bool
    """Whether something abnormal begins with this value."""


@dataclass(slots=True)
class AnySeries:
    """A robust level with its usual deviation and its usual peaks; a value never depends on a later one.

    Exponential weights with clipped steps (Huber's idea); the run of the last few values finds small lasting shifts, as an EWMA chart does.
    """

    _count: int = 0
    _level: float = 0.0
    _spread: float = 0.0
    _run: float = 0.0
    _peak: float = 0.0
    _calm: int = field(default=_CALM)

    def step(self, value: float) -> Verdict:
        """One value in the file's order; one that is no number leaves everything as it is."""
        if not math.isfinite(value):
            return Verdict(0.0, alert=False)
        self._count += 1
        off = self._off(value)
        self._run += _QUICK * (max(-8.0, min(8.0, off)) - self._run)
        score = min(max(abs(off), abs(self._run) * math.sqrt((2 - _QUICK) / _QUICK)), _MOST)
        learning = self._count <= _LEARNING
        wild = not learning and score > max(_LEAST, _MARGIN * self._peak)
        begins = wild and self._calm >= _CALM
        self._calm = 0 if wild else self._calm + 1
        self._peak = max(self._peak * _FADE, min(score, _MARGIN * max(self._peak, _LEAST))) if not learning else 0.0
        self._learn(value, off)
        return Verdict(0.0 if learning else score, alert=begins)

    def _off(self, value: float) -> float:
        """Usual deviations between `value` and the usual level."""
        if self._count == 1:
            return 0.0
        least = 1e-9 * (1.0 + abs(self._level))
        return (value - self._level) / max(1.2533 * self._spread, least)

    def _learn(self, value: float, off: float) -> None:
        if self._count == 1:
            self._level = value
            return
        weight = max(_SLOW, 1.0 / self._count)
        clipped = value - self._level
        if self._count > _LEARNING and self._spread > 0.0:
            clipped = max(-_CLIP, min(_CLIP, off)) * 1.2533 * self._spread
        self._level += weight * clipped
        self._spread += max(_SPREAD, 1.0 / self._count) * (abs(clipped) - self._spread)
