"""Spill: messages of one window that were counted in the next. They are one count, not a drop and a storm."""

import numpy as np

from models.columns import Columns, Floats, TrafficTick


def fresh(series: int) -> Columns:
    """Messages missing in the last window."""
    return {"missing": np.zeros(series)}


def slid(state: Columns, tick: TrafficTick, low: Floats, high: Floats) -> Floats:
    """The excess over `high` in this window, at most the shortage below `low` in the last one; stores this window's shortage."""
    spilt: Floats = np.minimum(state["missing"], np.maximum(tick.messages - high, 0.0))
    state["missing"][:] = np.maximum(low - tick.messages, 0.0) * tick.reported
    return spilt
