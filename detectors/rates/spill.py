"""Spill: messages of one window that were counted in the next. They are one count, not a drop and a storm."""

import numpy as np

from models.columns import Columns, Expected, Flags, Floats, TrafficTick

CLEAR = 3.0
"""Standard deviations of the count below its mean from which a window lacks messages."""
KEPT = 0.8
"""Share of what is still missing after one more window: where two windows in a row slide, the messages of both arrive in the third."""


def fresh(series: int) -> Columns:
    """Messages missing in the last windows."""
    return {"missing": np.zeros(series)}


def slid(state: Columns, tick: TrafficTick, expected: Expected, low: Floats, high: Floats, foreign: Flags) -> Floats:
    """The excess over `high` in this window, at most what the last ones lacked; stores what is missing after this one.

    A window lacks something if it is below `low`, or clearly below the mean: beside a step `low` allows for the step to come at another
    time, and there too a window may slide. On a `foreign` day, of a kind that was not seen before, less than the mean is usual and only
    `low` says what lacks: otherwise a first Saturday would owe what later hides a storm.
    """
    mean = expected.mean
    missing = state["missing"]
    spilt: Floats = np.minimum(missing, np.maximum(tick.messages - high, 0.0))
    lacks = tick.messages < np.where(foreign, low, np.maximum(low, mean - CLEAR * np.sqrt(mean * expected.dispersion)))
    off = np.where(lacks, mean - tick.messages, np.minimum(mean - tick.messages, 0.0))
    missing[:] = np.where(tick.reported, np.maximum(KEPT * missing + off, 0.0), 0.0)
    return spilt
