"""Any series: an online verdict on each value of a numeric series without any other information."""

from collections import deque
from dataclasses import dataclass
from math import isfinite, log, log10

from detectors.any_series.count_silence import CountSilence
from detectors.any_series.departure import Departure
from detectors.any_series.lasting import LastingDeviations, LookParameters
from detectors.any_series.spacing import Spacing
from detectors.any_series.tail_rank import TailRank
from models.rounding import round_significant

_MOST = 12.0
"""Decades at most."""
_LARGEST = 1e150
"""Larger values count as this value, so that no sum overflows."""


@dataclass(frozen=True, slots=True)
class SeriesParameters:
    """The parameters of the verdicts; benchmarks/nab varies some of them."""

    alert_at: float = 3.2
    """Score from which a value is an alert: chance reaches it once in about 1,600 values."""
    remembered: int = 6000
    """Number of earlier rises, and of spans of lasting deviations, that a new one is compared with."""
    top: int = 10
    """Number of the largest of them, from which the tail is estimated."""
    warm: int = 100
    """Values before the first verdict."""
    shadow: int = 300
    """Spans during which a lasting deviation reduces the weight of smaller ones."""
    calm: int = 10
    """Values without a surprise of alert size that end an alert."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one value."""

    score: float
    """-log10 of the probability that five minutes (or one value, if values are further apart) bring something so surprising, 0 to 12; at
    most half of it while an alert continues."""
    alert: bool
    """Whether something abnormal begins with this value."""


class AnySeries:
    """Three tests of a value: whether it departs from what the last values and earlier days explain, whether zeros in a row are plausible,
    and whether a deviation lasts that is rare in this series.

    A fall counts by its size alone, because a series that can fall so far by chance is not steady. A rise must also be rare among earlier
    rises, because many series have bursts. A result never depends on a later value, nor on the number of values.
    """

    def __init__(self, parameters: SeriesParameters | None = None) -> None:
        self._parameters = tuned = parameters or SeriesParameters()
        self._count = 0
        self._spacing = Spacing()
        self._departure, self._silence = Departure(), CountSilence()
        self._rises = TailRank(tuned.remembered, tuned.top, tuned.warm)
        self._lasting: LastingDeviations | None = None
        self._spans = 0
        self._greater: deque[tuple[int, float]] = deque()
        """Index and size of the lasting deviations that still reduce the weight of others, largest first."""
        self._alarmed = -tuned.calm
        """Index of the last value that began or continued an alert."""

    def process_value(self, at_s: float, value: float) -> Verdict:
        """Processes one value (`at_s`: seconds since the epoch) in the file's order; a value that is not a number changes nothing."""
        if not isfinite(value):
            return Verdict(0, alert=False)
        value = max(-_LARGEST, min(_LARGEST, value))
        self._count += 1
        if self._spacing.observe(at_s):
            self._settle()
        surprise = max(self._sudden(at_s, value), self._slow(at_s, value))
        return self._judge(min(surprise, _MOST))

    def _settle(self) -> None:
        """Called when the distance of values is known."""
        tuned, spacing = self._parameters, self._spacing
        self._lasting = LastingDeviations(spacing.distance_s, tuned.alert_at, LookParameters(tuned.remembered, tuned.top, tuned.warm))
        self._departure.know_spacing(spacing.slots, self._lasting.values_a_span)

    def _sudden(self, at_s: float, value: float) -> float:
        """Decades of a departure, or of zeros in a row."""
        departure = self._departure
        off = departure.process_value(*self._spacing.position(at_s), value)
        decades = abs(off) / log(10.0)
        rare = self._rises.process_size(max(off, 0.0))
        if off > 0.0:
            decades = min(decades, rare)
        if departure.counts and self._count > self._parameters.warm:
            decades = max(decades, self._silence.process_value(value, departure.mean, departure.dispersion))
        return max(decades - log10(self._lasting.values_a_span), 0.0) if self._lasting else 0.0

    def _slow(self, at_s: float, value: float) -> float:
        """Decades of a lasting deviation; a deviation that is smaller than a recent one counts half."""
        surprise = self._lasting.process_value(at_s, value) if self._lasting else None
        if surprise is None:
            return 0.0
        self._spans += 1
        while self._greater and self._greater[0][0] < self._spans - self._parameters.shadow:
            self._greater.popleft()
        shaded = bool(self._greater) and surprise <= self._greater[0][1]
        while self._greater and self._greater[-1][1] <= surprise:
            self._greater.pop()
        self._greater.append((self._spans, surprise))
        return min(surprise / 2.0, 0.9 * self._parameters.alert_at) if shaded else surprise

    def _judge(self, surprise: float) -> Verdict:
        """A new surprise counts in full; a continuing one does not."""
        tuned = self._parameters
        calm = self._count - self._alarmed > tuned.calm
        score = round_significant(surprise if calm else min(surprise / 2.0, 0.9 * tuned.alert_at))
        alert = calm and score >= tuned.alert_at
        if alert or surprise >= tuned.alert_at:
            self._alarmed = self._count
        return Verdict(score, alert)
