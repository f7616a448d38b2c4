"""Silence of a count series: zeros in a row, and how unlikely they are together where messages are due."""

from dataclasses import dataclass
from math import log, log1p

_LEAST_EXCESS = 1e-3
_UNUSUAL = 1.5
"""Times the greatest silence before that one must be."""
_FORGET = 1e-4
"""Of the greatest silence, a value."""


@dataclass(slots=True)
class CountSilence:
    """Sums -log10 P(0) of the negative binomial over zeros in a row, as the fleet's silence does; any other value begins anew.

    Zeros that belong to the course of a day add nothing, for nothing is due then.
    """

    _decades: float = 0.0
    _greatest: float = 0.0
    """Of the silences before, slowly forgotten."""

    def process_value(self, value: float, mean: float, dispersion: float) -> float:
        """Decades of the zeros up to this value, 0 unless they are more than was ever seen before."""
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
