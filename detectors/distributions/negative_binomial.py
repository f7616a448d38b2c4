"""Counts: negative-binomial evidence, whose variance is `dispersion` times the mean."""

import numpy as np

from models.columns import Floats

LEAST_EXCESS = 1e-3
"""Below this dispersion - 1 the negative binomial is a Poisson for our purposes (relative error of the evidence under 0.1 %)."""


def size(mean: Floats, dispersion: Floats) -> Floats:
    """Size parameter r of the negative binomial with this mean and variance / mean."""
    size_: Floats = mean / np.maximum(dispersion - 1.0, LEAST_EXCESS)
    return size_


def minus_log_p_zero(mean: Floats, dispersion: Floats) -> Floats:
    """-ln P(no message), nats: m ln(phi) / (phi - 1), and m for a Poisson."""
    excess = np.maximum(dispersion - 1.0, LEAST_EXCESS)
    nats: Floats = mean * np.log1p(excess) / excess
    return nats


def log_ratio(counts: Floats, mean: Floats, dispersion: Floats, factors: Floats) -> Floats:
    """Ln of P(counts | factor × mean) / P(counts | mean) at one size r, shape (factors, series), nats.

    l = x ln(rho) - (x + r) ln((r + rho m) / (r + m)); it tends to the Poisson's x ln(rho) - m (rho - 1) as the dispersion tends to 1.
    """
    r = size(mean, dispersion)
    share = mean / (r + mean)
    ratios: Floats = np.log1p((factors[:, None] - 1.0) * share)
    ratios *= -(counts + r)
    ratios += np.log(factors)[:, None] * counts
    return ratios


def log_ratio_each(counts: Floats, mean: Floats, dispersion: Floats, factor: Floats) -> Floats:
    """As `log_ratio`, with a factor of its own for each series; shape (series,), nats."""
    r = size(mean, dispersion)
    nats: Floats = np.log(factor) * counts - (counts + r) * np.log1p((factor - 1.0) * mean / (r + mean))
    return nats
