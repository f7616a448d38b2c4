"""Ratios: beta-binomial evidence, for shares that vary more from window to window than drawing alone would make them."""

import numpy as np

from models.columns import Floats

_SHIFT = 8
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680)


def ln_gamma(x: Floats) -> Floats:
    """The logarithm of the gamma function for x > 0; relative error below 1e-13 (Stirling's series eight places further up)."""
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

    The share itself is drawn anew in each window from a beta distribution with this mean and `concentration` (its two parameters together).
    """
    null = _ln_weight(failed, tried, share, concentration)
    ratios = np.empty((len(factors), len(failed)))
    odds = share / (1.0 - share)
    for row, factor in enumerate(factors):
        raised = factor * odds
        ratios[row] = _ln_weight(failed, tried, raised / (1.0 + raised), concentration) - null
    return ratios


def _ln_weight(failed: Floats, tried: Floats, share: Floats, concentration: Floats) -> Floats:
    """Log-probability up to what does not depend on the share."""
    a = share * concentration
    b = concentration - a
    weight: Floats = ln_gamma(failed + a) + ln_gamma(tried - failed + b) - ln_gamma(a) - ln_gamma(b)
    return weight
