"""Recovery: what was held back while a route was blocked comes all at once when it opens; that is owed, not a storm."""

import numpy as np

from models.columns import Columns, Expected, Flags, TrafficTick

SLACK = 1.5
"""Retries and replies come with what waited: this much of the debt may be paid back."""
FORGIVEN_S = 21_600.0
"""What is not paid within hours of the opening never will be."""


def fresh(series: int) -> Columns:
    """Messages that were due and did not come."""
    return {"owed": np.zeros(series)}


def recovering(state: Columns) -> Flags:
    """Whether more than expected is owed."""
    flags: Flags = state["owed"] > 1.0
    return flags


def update_debt(state: Columns, tick: TrafficTick, expected: Expected, blocked: Flags) -> None:
    """Adds what did not come while the series was blocked (or evidence for it builds), takes off what came on top; shape (series,)."""
    missing = (expected.mean - tick.messages) * (tick.reported & expected.known)
    owed = state["owed"]
    owed *= 1.0 - ~blocked * (tick.window_s / FORGIVEN_S)
    owed += blocked * SLACK * np.maximum(missing, 0.0)
    owed -= np.maximum(-missing, 0.0)
    np.maximum(owed, 0.0, out=owed)
