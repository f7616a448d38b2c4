"""Spill: messages of one window that were counted in the next. They are one count, not a drop and a storm."""

import numpy as np

from models.columns import Columns, Floats, TrafficTick


def fresh(series: int) -> Columns:
    """Messages missing in the last window."""
    return {"missing": np.zeros(series)}


def slid(state: Columns, tick: TrafficTick, mean: Floats, low: Floats, high: Floats) -> Floats:
    """The excess over `high` in this window, at most what the last one lacked; stores what this one lacks if it is below `low`."""
    spilt: Floats = np.minimum(state["missing"], np.maximum(tick.messages - high, 0.0))
    lacks = tick.reported & (tick.messages < low)
    state["missing"][:] = np.where(lacks, np.maximum(mean - tick.messages, 0.0), 0.0)
    return spilt
