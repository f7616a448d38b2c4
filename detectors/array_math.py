"""Array functions for the few hundred series of a window, where a call of `numpy.clip` costs more than the computation."""

import numpy as np

from models.columns import Floats


def clip_small(values: Floats, low: Floats | float, high: Floats | float) -> Floats:
    """`values` limited to `low` and `high`; a NaN stays NaN."""
    result: Floats = np.minimum(np.maximum(values, low), high)
    return result


def nan_to_zero(values: Floats) -> Floats:
    """`values` with 0 for missing values (NaN)."""
    result: Floats = np.where(np.isnan(values), 0.0, values)
    return result
