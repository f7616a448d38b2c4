"""Lasting deviations: seven statistics of spans of five minutes or one value, each compared with its own history."""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from math import inf, log10

from detectors.any_series.same_time import DAY_S
from detectors.any_series.tail_rank import TailRank

_WEEK_S = 7 * DAY_S
_SPAN_S = 300.0
_SLOT_S = 1800
"""Differences of time that count as the same time of a day or week."""
_LEVEL_WEIGHT, _RECENT_WEIGHT, _DAY_WEIGHT, _WEEK_WEIGHT = 0.0005, 0.5, 0.1, 0.3
"""Weight of a new span in the usual level (as a minimum; until then the plain mean), in that of the last two or three spans, in the usual
value of this time of the day, and of the week."""
_RUN = 6
"""Spans over which a lasting deviation is averaged; twice as many spans without movement count as still."""
_OF_RUNS, _OF_TIMES, _STILL = (3, 4, 5), (2, 4, 5), 6
"""Indexes of the statistics of runs, of those of times of the day or week, and of the one of stillness."""
_WIDE = (0.1, 0.9)
"""Quantiles of the remembered spans between which the usual range is."""
_RARE_DAYS, _LASTING_S = 30.0, 1800.0
"""A deviation of only half the usual range must be a deviation from this time of earlier days or weeks, must last this long, and must be
so rare that it occurs less than once a month."""


@dataclass(frozen=True, slots=True)
class LookParameters:
    """The history of the statistics."""

    remembered: int = 6000
    """Number of earlier spans that a new one is compared with: three weeks of five minutes."""
    top: int = 10
    """Number of the largest of them, from which the tail is estimated."""
    warm: int = 100
    """Spans before the first surprise."""


@dataclass(slots=True)
class _Season:
    """Usual value by time of a day or a week; it is known only from an earlier day or week than the value's own."""

    period_s: int
    weight: float
    _usual: dict[int, tuple[float, int, float]] = field(default_factory=dict)
    """Slot → usual value, number of values, the day or week of the first of them."""

    def deviation(self, at_s: float, value: float) -> float | None:
        """Deviation of `value` from the usual value at this time, None if that is unknown; afterwards the value is learned."""
        period, rest_s = divmod(at_s, self.period_s)
        slot = int(rest_s // _SLOT_S)
        usual, count, first = self._usual.get(slot, (0.0, 0, period))
        self._usual[slot] = usual + max(self.weight, 1.0 / (count + 1)) * (value - usual), count + 1, first
        return value - usual if count and period != first else None


@dataclass(slots=True)
class _Range:
    """Usual range of the remembered values."""

    remembered: int
    _sorted: list[float] = field(default_factory=list)
    _arrived: deque[float] = field(default_factory=deque)

    def process_value(self, value: float) -> float:
        """The range before this value; the value is remembered afterwards."""
        low, high = (int(share * (len(self._sorted) - 1)) for share in _WIDE)
        width = self._sorted[high] - self._sorted[low] if self._sorted else 0.0
        insort(self._sorted, value)
        self._arrived.append(value)
        if len(self._arrived) > self.remembered:
            del self._sorted[bisect_left(self._sorted, self._arrived.popleft())]
        return width


class LastingDeviations:
    """Deviations from the usual level, from the last few spans, from this time of the week; for the last six spans together from the usual
    level, from this time of the week, and from this time of the day; and how long nothing has moved at all (a feed that stopped, a sensor
    that is stuck), which deviations of bursty counts would never show.

    A rare deviation counts if it is as large as the usual range of the series; one of half that range must occur less than once a
    month. By rank alone, the largest deviation of every regular week would be an alert.
    """

    def __init__(self, distance_s: float, rare: float, parameters: LookParameters | None = None) -> None:
        """`distance_s`: between values, 0 if unknown; `rare`: surprise (decades) of an alert."""
        tuned = parameters or LookParameters()
        self._span_s = max(distance_s, _SPAN_S)
        self.values_a_span = max(1, round(_SPAN_S / distance_s)) if distance_s > 0.0 else 1
        self._rare = rare
        spans = _RARE_DAYS * DAY_S / (self.values_a_span * distance_s) if distance_s > 0.0 else inf
        self._very_rare = max(rare, log10(spans))
        self._span: list[float] = []
        self._began_s = 0.0
        self._count = 0
        self._level = self._recent = self._last = 0.0
        self._still = 0
        """Spans in a row that are equal to the one before."""
        self._day, self._week = _Season(DAY_S, _DAY_WEIGHT), _Season(_WEEK_S, _WEEK_WEIGHT)
        self._runs: tuple[deque[float], ...] = tuple(deque(maxlen=_RUN) for _ in range(3))
        self._looks = tuple(TailRank(tuned.remembered, tuned.top, tuned.warm) for _ in range(_STILL + 1))
        self._range = _Range(tuned.remembered)

    def process_value(self, at_s: float, value: float) -> float | None:
        """Surprise (decades) of the span that ends with this value; None within a span."""
        if not self._span:
            self._began_s = at_s
        self._span.append(value)
        if len(self._span) < self.values_a_span:
            return None
        mean = sum(self._span) / len(self._span)
        self._span.clear()
        return self._process_span(self._began_s, mean)

    def _process_span(self, at_s: float, value: float) -> float:
        deviations = self._deviations(at_s, value)
        width = self._range.process_value(value)
        self._count += 1
        greatest = 0.0
        for index, (look, off) in enumerate(zip(self._looks, deviations, strict=True)):
            if off is not None:
                surprise = look.process_size(abs(off))
                greatest = max(greatest, self._weighed(index, surprise, abs(off), width))
        return greatest

    def _weighed(self, index: int, surprise: float, size: float, width: float) -> float:
        """The size of a deviation limits its surprise: a deviation that is too small stays just below an alert; stillness has no size."""
        lasting = index in _OF_TIMES and self._span_s * (_RUN if index in _OF_RUNS else 1) >= _LASTING_S
        if index == _STILL or size >= width or (lasting and 2.0 * size >= width and surprise >= self._very_rare):
            return surprise
        return min(surprise, 0.9 * self._rare)

    def _deviations(self, at_s: float, value: float) -> tuple[float | None, ...]:
        """One per statistic, None if there is nothing to compare the value with."""
        if not self._count:
            self._level = self._recent = value
        off_level, off_recent = value - self._level, value - self._recent
        self._level += max(_LEVEL_WEIGHT, 1.0 / (self._count + 1)) * off_level
        self._recent += max(_RECENT_WEIGHT, 1.0 / (self._count + 1)) * off_recent
        off_day, off_week = self._day.deviation(at_s, value), self._week.deviation(at_s, value)
        runs = (_mean(run, off) for run, off in zip(self._runs, (off_level, off_week, off_day), strict=True))
        return off_level, off_recent, off_week, *runs, self._stillness(value)

    def _stillness(self, value: float) -> float:
        """Spans beyond two runs in which nothing moved, limited to four more runs, so that a constant becomes usual."""
        self._still = self._still + 1 if value == self._last and self._count else 0
        self._last = value
        return float(min(max(self._still - 2 * _RUN + 1, 0), 4 * _RUN))


def _mean(run: deque[float], off: float | None) -> float | None:
    """Mean of the last few deviations including this one, None until there are enough."""
    if off is None:
        return None
    run.append(off)
    return sum(run) / len(run) if len(run) == _RUN else None
