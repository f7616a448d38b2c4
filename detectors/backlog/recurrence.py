"""Recurrence: backlogs that came as often, as large and as long before, such as those of a batch job's answers."""

import numpy as np

from models.columns import Columns, Flags, Floats, Ints

RING = 8
TIMES, FACTOR = 4, 1.5
"""How many earlier backlogs make the next one a habit, up to this many times the fourth largest and the fourth longest of them."""
KEPT_S = 28 * 86_400
COLUMNS = ("ring_s", "ring_depth", "ring_run_s", "ring_age_s")


def fresh(series: int) -> Columns:
    """The last backlogs: when they ended (s since 1970, 0: none), how deep they were, how long they went on, and the greatest age."""
    state: Columns = {"ring_s": np.zeros((RING, series), np.uint32), "oldest_s": np.zeros(series)}
    return state | {name: np.zeros((RING, series), np.float32) for name in COLUMNS[1:]}


def remember(state: Columns, rows: Ints, at_s: int) -> None:
    """Stores backlogs that are over in the place of the oldest."""
    index = state["ring_s"][:, rows].argmin(axis=0)
    values = (at_s, state["peak"][rows], state["open_s"][rows], state["oldest_s"][rows])
    for name, each in zip(COLUMNS, values, strict=True):
        state[name][index, rows] = each


def habitual(state: Columns, rows: Ints, depth: Floats, run_s: Floats, age_s: Floats, at_s: int) -> Flags:
    """Whether open backlogs are so far as deep, as long and as old as earlier ones."""
    ended_s = state["ring_s"][:, rows].astype(np.int64)
    kept = (ended_s > 0) & (at_s - ended_s < KEPT_S)
    usual = np.ones(len(rows), np.bool_)
    for name, now in (("ring_depth", depth), ("ring_run_s", run_s), ("ring_age_s", age_s)):
        fourth = np.sort(np.where(kept, state[name][:, rows], -1.0), axis=0)[-TIMES]
        usual &= (fourth >= 0) & (now <= FACTOR * fourth)
    return usual
