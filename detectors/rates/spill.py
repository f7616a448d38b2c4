"""Spill: messages of one window that were counted in the next; they are one count, not a drop and a storm."""

import numpy as np

from models.columns import Columns, Floats, TrafficTick


def fresh(series: int) -> Columns:
    """Messages that the last window lacked."""
    return {"missing": np.zeros(series)}


def slid(state: Columns, tick: TrafficTick, low: Floats, high: Floats) -> Floats:
    """Of what is above `high` in this window as much as the last one lacked below its `low`; keeps what this one lacks."""
    found: Floats = np.minimum(state["missing"], np.maximum(tick.messages - high, 0.0))
    state["missing"][:] = np.maximum(low - tick.messages, 0.0) * tick.reported
    return found
