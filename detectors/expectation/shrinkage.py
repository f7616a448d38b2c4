"""Shrinkage: the mean of a quantity, drawn towards that of a similar one as far as the two are alike."""

import numpy as np

from models.columns import Floats

CLEARLY = 4.0
"""Squared standard errors from which a difference is not noise."""


def true_difference(own: Floats, other: Floats, usual: Floats, information: Floats) -> Floats:
    """The true difference of two means, squared and relative: as usual in this series, or as clear as between these two."""
    both = np.maximum(0.5 * (own + other), 1e-12)
    seen = ((own - other) / both) ** 2 - CLEARLY / np.maximum(information, 1e-9)
    return np.maximum(usual, seen)


def shrink(own: Floats, information: Floats, other: Floats, prior: Floats, other_variance: Floats) -> tuple[Floats, Floats]:
    """Mean of two by their information, and its sampling variance; `prior` limits the information of `other` about `own`."""
    total = np.maximum(information + prior, 1e-9)
    variance = (information + prior * prior * np.minimum(other_variance, 1e3)) / (total * total)
    return (information * own + prior * other) / total, variance
