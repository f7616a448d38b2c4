"""Silence of a count series: zeros in a row, and their joint probability where messages are expected."""

from dataclasses import dataclass
from math import log, log1p

_LEAST_EXCESS = 1e-3
_UNUSUAL = 1.5
"""How many times the largest earlier silence a new one must be."""
_FORGET = 1e-4
"""Decay of the largest silence, per value."""


@dataclass(slots=True)
class CountSilence:
    """Sums -log10 P(0) of the negative binomial over zeros in a row, as the fleet's silence does; any other value resets it.

    Zeros that are part of the daily course add nothing, because nothing is expected then.
    """

    _decades: float = 0.0
    _greatest: float = 0.0
    """The largest earlier silence, with slow decay."""

    def process_value(self, value: float, mean: float, dispersion: float) -> float:
        """Decades of the zeros up to this value; 0 unless they exceed all earlier silences."""
        self._greatest *= 1.0 - _FORGET
        if value != 0.0:
            self._greatest = max(self._greatest, self._decades)
            self._decades = 0.0
            return 0.0
        self._decades += minus_log_p_zero(mean, dispersion) / log(10.0)
        return self._decades if self._decades > _UNUSUAL * self._greatest else 0.0


def minus_log_p_zero(mean: float, dispersion: float) -> float:
    """-ln P(no message) of a negative binomial with this mean and variance / mean, nats."""
    excess = max(dispersion - 1.0, _LEAST_EXCESS)
    return mean * log1p(excess) / excess
