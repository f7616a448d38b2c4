"""Departure: the distance of a value from everything that could explain it, in mean absolute deviations.

Two explanations exist for a value: the last values, and the same time of the last seven days at today's level. A departure is what neither
of them explains. The usual error of each is learned twice, over the last values and at this time of earlier days, and the greater one
counts: a level that jumps each morning is expected to jump.
"""

from dataclasses import dataclass, field
from math import copysign, floor, sqrt
from statistics import median

from detectors.any_series.same_time import SameTime

_LEVEL_WEIGHT, _OFFSET_WEIGHT, _SCALE_WEIGHT = 0.1, 0.05, 0.01
"""Weight of a new value in the level of the last values, in today's level against earlier days, and in the usual error."""
_MOST = 3.0
"""Maximum of a value in usual deviations for learning: an outage must not change what is usual."""
_YOUNG = 20
"""Values that are learned from in full, because there is no scale yet."""
_PATIENCE = 3.0
"""For a departure that continues, the excess of each span of five minutes over this value is added to that of the next ones (a CUSUM): one
span in twenty has as much by chance, and values of the same five minutes are not separate evidence."""
_WARM = 100
"""Values before the first departure."""
_SHIFT = 0.375
_POISSON = 0.8
"""Mean absolute deviation of a Poisson count on the scale of `steady`: no count is steadier than that."""
_WHOLE_WEIGHT, _WHOLE_SHARE = 0.01, 0.9
"""A series is a count series if this share of about its last hundred values are whole numbers from 0 on."""


def steady(value: float) -> float:
    """`value` on a scale on which counts have equal variance (Anscombe, Biometrika 1948); 0 stays 0, negative values mirror."""
    return copysign(2.0 * (sqrt(abs(value) + _SHIFT) - sqrt(_SHIFT)), value)


@dataclass(slots=True)
class Explanation:
    """The usual deviation of one explanation: over the last values, and at this time of earlier days."""

    _recent: float = 0.0
    _count: int = 0
    _same_time: SameTime | None = None

    def know_slots(self, slots: int) -> None:
        """From now on times of day count too."""
        self._same_time = SameTime(slots)

    def scale(self, day: float, slot: int) -> float:
        """The mean absolute deviation that is usual now."""
        then = self._same_time.usual(day, slot) if self._same_time else None
        return self._recent if then is None else max(self._recent, then)

    def learn(self, off: float, scale: float, day: float, slot: int) -> float:
        """Learns from a deviation, limited to three times the usual one; returns the limited value."""
        if self._count >= _YOUNG:
            most = _MOST * scale
            off = max(-most, min(most, off))
        self._count += 1
        self._recent += max(_SCALE_WEIGHT, 1.0 / self._count) * (abs(off) - self._recent)
        if self._same_time:
            self._same_time.keep(day, slot, abs(off))
        return off


@dataclass(slots=True)
class Departure:
    """Online; a value never depends on a later one."""

    expected: float = 0.0
    """For the last judged value, on the scale of `steady`: the explained value that is nearest to it."""
    usual: float = 0.0
    """Mean absolute deviation from it, on the same scale."""
    _count: int = 0
    _days: SameTime | None = None
    _level: float = 0.0
    _offset: float = 0.0
    _whole: float = 1.0
    """Share of whole numbers among the last values."""
    _values_a_span: int = 1
    _carried: float = 0.0
    """The earlier departures, signed."""
    _of_last: Explanation = field(default_factory=Explanation)
    _of_days: Explanation = field(default_factory=Explanation)

    @property
    def mean(self) -> float:
        """For the last judged value, as far as it was explained; for counts."""
        return max((self.expected / 2.0 + sqrt(_SHIFT)) ** 2 - _SHIFT, 0.0) if self.expected > 0.0 else 0.0

    @property
    def dispersion(self) -> float:
        """Variance over mean that corresponds to the usual error, at least 1; for counts."""
        return max((self.usual / _POISSON) ** 2, 1.0)

    @property
    def counts(self) -> bool:
        """Whether the series is one of counts."""
        return self._whole >= _WHOLE_SHARE

    def know_spacing(self, slots: int, values_a_span: int) -> None:
        """From now on a day has this number of slots (0: no daily course), and five minutes have this number of values."""
        self._values_a_span = values_a_span
        if slots:
            self._days = SameTime(slots)
            self._of_last.know_slots(slots)
            self._of_days.know_slots(slots)

    def process_value(self, day: float, slot: int, value: float) -> float:
        """Signed departure of a finite `value`, plus that of earlier values that it continues, in mean absolute deviations; 0 while little
        is known.
        """
        self._count += 1
        self._whole += _WHOLE_WEIGHT * ((value >= 0.0 and value == floor(value)) - self._whole)
        now = steady(value)
        if self._count == 1:
            self._level = now
        of_last, scale = self._off_last(now, day, slot)
        of_days = self._off_days(now, day, slot)
        nearest, self.usual = (of_last, scale) if of_days is None or _size(of_last, scale) <= _size(*of_days) else of_days
        self.expected = now - nearest
        if self._count <= _WARM or (of_days is not None and of_days[0] * of_last <= 0.0):
            self._carried = 0.0
            return 0.0
        together = _size(nearest, self.usual) + (abs(self._carried) if self._carried * nearest > 0.0 else 0.0)
        beyond = (_size(nearest, self.usual) - _PATIENCE) / self._values_a_span
        self._carried = copysign(max(together - _size(nearest, self.usual) + beyond, 0.0), nearest)
        return copysign(together, nearest)

    def _off_last(self, now: float, day: float, slot: int) -> tuple[float, float]:
        """Deviation from the level of the last values, and the usual deviation."""
        off = now - self._level
        scale = self._least(self._of_last.scale(day, slot))
        learned = self._of_last.learn(off, scale, day, slot)
        self._level += max(_LEVEL_WEIGHT, 1.0 / self._count) * learned
        return off, scale

    def _off_days(self, now: float, day: float, slot: int) -> tuple[float, float] | None:
        """Deviation from this time of earlier days at today's level, and the usual deviation; None if this time was not seen before."""
        if self._days is None:
            return None
        earlier = self._days.on_earlier_days(day, slot)
        self._days.keep(day, slot, now)
        if not earlier:
            return None
        off = now - median(earlier) - self._offset
        scale = self._least(self._of_days.scale(day, slot))
        self._offset += _OFFSET_WEIGHT * self._of_days.learn(off, scale, day, slot)
        return off, scale

    def _least(self, scale: float) -> float:
        return max(scale, _POISSON) if self.counts else scale


def _size(off: float, scale: float) -> float:
    """Absolute deviation in usual ones; 0 if there never was an error, because the ranks judge changes of a constant."""
    return abs(off) / scale if scale > 0.0 else 0.0
