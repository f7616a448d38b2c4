"""Recurrence: backlogs that came as often, as large and as long before, such as those of a batch job's answers.

The same job leaves a backlog many times as deep at noon as at night. While the job itself is as usual, the largest backlog so far says
what is usual; otherwise the fourth largest.
"""

import numpy as np

from models.columns import Columns, Flags, Floats, Ints

RING = 8
TIMES, FACTOR = 4, 1.5
"""How many earlier backlogs make the next one a habit, up to this many times the fourth largest and the fourth longest of them."""
TIMES_AFTER_BURST = 2
"""The same, of the largest of them, while the User's storm itself is a habit: what comes for the third time is no news."""
KEPT_S = 28 * 86_400
BURST_S = 3600
"""How long after a storm that is a habit of its User a backlog may be what it left."""
SAME_S = 6 * 3600
"""Backlogs that end so soon after an earlier one are one with it: a queue that fills again and again in an afternoon has no habit."""
COLUMNS = ("ring_s", "ring_depth", "ring_run_s", "ring_age_s")
LEARNED = (*COLUMNS, "refused")


def fresh(series: int) -> Columns:
    """The last backlogs: when they ended (s since 1970, 0: none), how deep they were, how long they went on, and the greatest age; and
    whether people refused them as a habit. When the User's last storm was a habit.
    """
    state: Columns = {"ring_s": np.zeros((RING, series), np.uint32), "oldest_s": np.zeros(series), "refused": np.zeros(series, np.bool_)}
    state["burst_s"] = np.zeros(series, np.uint32)
    return state | {name: np.zeros((RING, series), np.float32) for name in COLUMNS[1:]}


def remember(state: Columns, rows: Ints, at_s: int) -> None:
    """Stores backlogs that are over, as parts of the last one or in the place of the oldest."""
    ended_s = state["ring_s"][:, rows].astype(np.int64)
    goes_on = at_s - ended_s.max(axis=0) < SAME_S
    index = np.where(goes_on, ended_s.argmax(axis=0), ended_s.argmin(axis=0))
    state["ring_s"][index, rows] = np.where(goes_on, ended_s.max(axis=0), at_s)
    values = (state["peak"][rows], state["open_s"][rows], state["oldest_s"][rows])
    for name, each in zip(COLUMNS[1:], values, strict=True):
        state[name][index, rows] = np.where(goes_on, np.maximum(state[name][index, rows], each), each)


def remembered(state: Columns, at_s: int) -> Flags:
    """(RING, series) which backlogs are young enough to count."""
    ended_s = state["ring_s"].astype(np.int64)
    kept: Flags = (ended_s > 0) & (at_s - ended_s < KEPT_S)
    return kept


def habitual(state: Columns, rows: Ints, depth: Floats, run_s: Floats, age_s: Floats, at_s: int) -> Flags:
    """Whether open backlogs are so far as deep, as long and as old as earlier ones, and people did not refuse that."""
    kept = remembered(state, at_s)[:, rows]
    after_burst = at_s - state["burst_s"][rows].astype(np.int64) <= BURST_S
    usual: Flags = ~state["refused"][rows] & (kept.sum(axis=0) >= np.where(after_burst, TIMES_AFTER_BURST, TIMES))
    for name, now in (("ring_depth", depth), ("ring_run_s", run_s), ("ring_age_s", age_s)):
        earlier = np.sort(np.where(kept, state[name][:, rows], -1.0), axis=0)
        usual &= now <= FACTOR * np.where(after_burst, earlier[-1], earlier[-TIMES])
    return usual
