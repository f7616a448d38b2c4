"""Any series: an online verdict on each value of a numeric series of which nothing else is known."""

import math
from collections import deque
from dataclasses import dataclass, field

from detectors.any_series.tail_rank import TailRank
from models.rounding import round_significant

_DAY_S, _WEEK_S = 86_400, 604_800
_SHADED = 3.0
"""Score at most in the shadow of a greater surprise."""
_LARGEST = 1e150
"""Larger values count as this, so that no sum overflows."""


@dataclass(frozen=True, slots=True)
class SeriesParameters:
    """What tunes the verdicts; benchmarks/nab varies some of it."""

    alert_at: float = 3.2
    """Score from which a value is an alert: one look sees the like once in some 1,600 values."""
    remembered: int = 6000
    """Values that a new one is held against: three weeks at five minutes."""
    top: int = 10
    """Greatest of them, from which the tail is drawn."""
    warm: int = 100
    """Values before the first verdict."""
    run: int = 6
    """Values that a lasting deviation is averaged over; twice as many that do not move are still."""
    suppress_for: int = 300
    """Values for which a surprise overshadows lesser ones."""
    calm: int = 10
    """Values without a surprise of alert size that end an alert."""
    slot_s: int = 1800
    """What counts as the same time of a day or week."""
    level_weight: float = 0.0005
    """Of a new value in the usual level, at least; until then it is the plain mean."""
    recent_weight: float = 0.5
    """Of a new value in the level of the last two or three."""
    day_weight: float = 0.1
    """Of a new value in what is usual at this time of the day."""
    week_weight: float = 0.3
    """Of a new value in what is usual at this time of the week."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one value says."""

    score: float
    """-log10 of the chance that the most surprised look gives it; at most half of that in the shadow of a greater surprise."""
    alert: bool
    """Whether something abnormal begins with this value."""


@dataclass(slots=True)
class _Season:
    """Usual value by time of a day or a week; knows one only from an earlier day or week than the value's own."""

    period_s: int
    slot_s: int
    weight: float
    _usual: dict[int, tuple[float, int, float]] = field(default_factory=dict)
    """Slot → usual value, number of values, the day or week that the first of them came in."""

    def step(self, at_s: float, value: float) -> float | None:
        """Deviation of `value` from what was usual at this time, None where that is not known yet."""
        period, rest_s = divmod(at_s, self.period_s)
        slot = int(rest_s // self.slot_s)
        usual, count, first = self._usual.get(slot, (0.0, 0, period))
        self._usual[slot] = usual + max(self.weight, 1.0 / (count + 1)) * (value - usual), count + 1, first
        return value - usual if count and period != first else None


class AnySeries:
    """Seven looks at a value, each surprised by its own history: off the usual level, off the last few values, off this time of the
    week; the last few values together off the usual level, off this time of the week, and off this time of the day; and how long it
    has not moved at all (a feed that stopped, a sensor that is stuck), which deviations of bursty counts would never show.

    The time of day and week counts only where it was seen on an earlier day or in an earlier week. A value never depends on a
    later one, nor on how many there are.
    """

    def __init__(self, parameters: SeriesParameters | None = None) -> None:
        self._parameters = tuned = parameters or SeriesParameters()
        self._count = 0
        self._level = self._recent = self._last = 0.0
        self._still = 0
        """Values in a row that repeated the one before."""
        self._day = _Season(_DAY_S, tuned.slot_s, tuned.day_weight)
        self._week = _Season(_WEEK_S, tuned.slot_s, tuned.week_weight)
        self._runs: tuple[deque[float], ...] = tuple(deque(maxlen=tuned.run) for _ in range(3))
        self._looks = tuple(TailRank(tuned.remembered, tuned.top, tuned.warm) for _ in range(7))
        self._recent_peaks: deque[tuple[int, float]] = deque()
        """Place and size of the surprises that still overshadow others, greatest first."""
        self._alarmed = -tuned.calm
        """Place of the last value that began an alert or went on with it."""

    def step(self, at_s: float, value: float) -> Verdict:
        """One value (`at_s`: seconds since the epoch) in the file's order; one that is no number leaves everything as it is."""
        if not math.isfinite(value):
            return Verdict(0, alert=False)
        value = max(-_LARGEST, min(_LARGEST, value))
        deviations = self._deviations(at_s, value)
        self._count += 1
        return self._judge(max(look.step(abs(off)) for look, off in zip(self._looks, deviations, strict=True) if off is not None))

    def _deviations(self, at_s: float, value: float) -> tuple[float | None, ...]:
        """One a look, None where it has nothing to hold the value against."""
        tuned = self._parameters
        if not self._count:
            self._level = self._recent = value
        off_level, off_recent = value - self._level, value - self._recent
        self._level += max(tuned.level_weight, 1.0 / (self._count + 1)) * off_level
        self._recent += max(tuned.recent_weight, 1.0 / (self._count + 1)) * off_recent
        off_day, off_week = self._day.step(at_s, value), self._week.step(at_s, value)
        runs = (self._mean(run, off) for run, off in zip(self._runs, (off_level, off_week, off_day), strict=True))
        return off_level, off_recent, off_week, *runs, self._stillness(value)

    def _stillness(self, value: float) -> float:
        """Values beyond two runs for which nothing moved; four more runs are as long as it gets, so that a constant becomes usual."""
        run = self._parameters.run
        self._still = self._still + 1 if value == self._last and self._count else 0
        self._last = value
        return float(min(max(self._still - 2 * run + 1, 0), 4 * run))

    def _mean(self, run: deque[float], off: float | None) -> float | None:
        """Mean of the last few deviations with this one, None until there are enough."""
        if off is None:
            return None
        run.append(off)
        return sum(run) / len(run) if len(run) == self._parameters.run else None

    def _judge(self, surprise: float) -> Verdict:
        """What begins gets its surprise in full; what goes on, and what is less than a surprise shortly before, does not."""
        tuned = self._parameters
        while self._recent_peaks and self._recent_peaks[0][0] < self._count - tuned.suppress_for:
            self._recent_peaks.popleft()
        calm = self._count - self._alarmed > tuned.calm
        clear = calm and (not self._recent_peaks or surprise > self._recent_peaks[0][1])
        shown = round_significant(surprise if clear else min(surprise / 2, _SHADED))
        alert = clear and shown >= tuned.alert_at
        if alert or (surprise >= tuned.alert_at and not calm):
            self._alarmed = self._count
        while self._recent_peaks and self._recent_peaks[-1][1] <= surprise:
            self._recent_peaks.pop()
        self._recent_peaks.append((self._count, surprise))
        return Verdict(shown, alert)
