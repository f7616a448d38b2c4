"""Daylight: when the clocks change, some series move with the people and some stay with UTC; each shows which within hours."""

import numpy as np

from detectors.expectation.week_clock import HOURS_A_DAY
from detectors.expectation.week_profile import Profile
from models.columns import Columns, Flags, Floats

DECIDED_NATS = 7.0
REMEMBERED_NATS = 4.0
"""Head start of what a series did at the last change."""
WAIT_HOURS = 8 * HOURS_A_DAY
"""A series that shows no difference in a week of hours has none to show."""
MOST_NATS = 1.2
"""Of ten minutes: how a step is spread over them may be wrong, so several must agree."""
DIFFERENT = 1.1
ROWS = ("rival_before", "rival_now", "rival_after", "rival_least", "rival_most")
LEARNED = ("keeps",)


def fresh(series: int) -> Columns:
    """Hours that a series may have moved by, for how long nobody knows, evidence that it did (nats), and what it did last time."""
    state: Columns = {name: np.zeros(series, np.int8) for name in ("rival", "keeps")}
    state |= {name: np.zeros(series, np.float32) for name in ROWS}
    return state | {"rival_nats": np.zeros(series, np.float32), "rival_hours": np.zeros(series, np.int16)}


def change(state: Columns, hours: int) -> None:
    """The clocks changed: people come `hours` earlier in UTC from now on."""
    has_history = state["hours"] >= HOURS_A_DAY - 0.5
    # Two changes half a year apart: whatever was open about the last one is settled by now.
    state["rival"][:] = np.where(has_history, hours, 0)
    state["rival_nats"][:] = REMEMBERED_NATS * state["keeps"]
    state["rival_hours"][:] = 0


def decide(state: Columns, profile: Profile) -> None:
    """At the turn of an hour: series that showed which clock they keep, or had time enough to."""
    undecided = state["rival"] != 0
    state["rival_hours"] += undecided
    nats = state["rival_nats"]
    done = undecided & ((np.abs(nats) > DECIDED_NATS) | (state["rival_hours"] > WAIT_HOURS))
    for hours in (-1, 1):
        moved = done & (nats > 0) & (state["rival"] == hours)
        if moved.any():
            profile.shift(state, hours, moved)
    sure = done & (np.abs(nats) > DECIDED_NATS)
    state["keeps"][:] = np.where(sure, np.sign(nats), state["keeps"])
    state["rival"][done] = 0


def differs(state: Columns) -> Flags:
    """Where the two clocks lead to different expectations now."""
    own, other = state["now"], state["rival_now"]
    apart: Flags = (np.maximum(own, other) > DIFFERENT * np.minimum(own, other)) & (state["rival"] != 0)
    return apart


def update_clock_evidence(state: Columns, counts: Floats, own: Floats, other: Floats, dispersion: Floats, use: Flags, share: float) -> None:
    """One window's evidence for having moved: a Poisson log-likelihood ratio over the dispersion; `share` of ten minutes that it lasts."""
    inside = np.clip(counts, np.minimum(own, other), np.maximum(own, other))
    nats = (inside * np.log(other / own) - (other - own)) / dispersion
    state["rival_nats"] += use * np.clip(nats, -MOST_NATS * share, MOST_NATS * share)
