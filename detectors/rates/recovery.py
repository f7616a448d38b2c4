"""Recovery: messages that a blocked route held back arrive together when it opens. They are owed, not a storm."""

import numpy as np

from models.columns import Columns, Expected, Flags, TrafficTick

SLACK = 1.5
"""Retries and replies come with the waiting messages: the repayment may exceed the debt by this factor."""
FORGIVEN_S = 21_600.0
"""A debt that is not repaid within hours of the opening expires."""


def fresh(series: int) -> Columns:
    """Messages that were due and did not arrive."""
    return {"owed": np.zeros(series)}


def recovering(state: Columns) -> Flags:
    """Whether an excess is owed."""
    flags: Flags = state["owed"] > 1.0
    return flags


def update_debt(state: Columns, tick: TrafficTick, expected: Expected, blocked: Flags) -> None:
    """Adds the missing messages while the series is blocked (or evidence for it rises), subtracts excess ones; shape (series,)."""
    missing = (expected.mean - tick.messages) * (tick.reported & expected.known)
    owed = state["owed"]
    owed *= 1.0 - ~blocked * (tick.window_s / FORGIVEN_S)
    owed += blocked * SLACK * np.maximum(missing, 0.0)
    owed -= np.maximum(-missing, 0.0)
    np.maximum(owed, 0.0, out=owed)
