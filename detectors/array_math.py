"""Bounded: `numpy.clip` and its like for the few hundred series of a window, where a call costs more than its numbers."""

import numpy as np

from models.columns import Floats


def clip_small(values: Floats, low: Floats | float, high: Floats | float) -> Floats:
    """`values` within `low` and `high`; a NaN stays one."""
    found: Floats = np.minimum(np.maximum(values, low), high)
    return found


def nan_to_zero(values: Floats) -> Floats:
    """`values` with 0 where nothing was told (NaN)."""
    found: Floats = np.where(np.isnan(values), 0.0, values)
    return found
