"""Ratios: beta-binomial evidence, for shares that vary more from window to window than sampling explains."""

import numpy as np

from models.columns import Floats

_SHIFT = 8
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)


def ln_gamma(x: Floats) -> Floats:
    """The logarithm of the gamma function for x > 0; relative error below 1e-13 (Stirling's series, shifted by eight)."""
    product = x.copy()
    for step in range(1, _SHIFT):
        product *= x + step
    y = x + _SHIFT
    inverse = 1.0 / y
    square = inverse * inverse
    series = np.full_like(x, _STIRLING[-1])
    for coefficient in _STIRLING[-2::-1]:
        series *= square
        series += coefficient
    series *= inverse
    series += (y - 0.5) * np.log(y) - y + 0.9189385332046727
    series -= np.log(product)
    return series


def log_ratio(failed: Floats, tried: Floats, share: Floats, concentration: Floats, factors: Floats) -> Floats:
    """Log of P(failed of tried | odds × factor) / P(failed of tried | odds), shape (factors, series), nats.

    In each window the share itself is drawn from a beta distribution with this mean and `concentration` (the sum of its two parameters).
    """
    # One call for all: for few series a call costs more than the computation.
    a = np.empty((len(factors) + 1, len(failed)))
    raised = factors[:, None] * (share / (1.0 - share))
    a[0], a[1:] = share, raised / (1.0 + raised)
    a *= concentration
    b = concentration - a
    failing, passing, no_failing, no_passing = ln_gamma(np.stack((failed + a, tried - failed + b, a, b)))
    # Log-probability up to what does not depend on the share.
    weight = failing + passing - no_failing - no_passing
    return np.asarray(weight[1:] - weight[0])
