"""Daylight saving: when the clocks change, some series follow local time and some stay with UTC. Each shows which within hours."""

import numpy as np

from detectors.expectation.week_clock import HOURS_A_DAY
from detectors.expectation.week_profile import Profile
from models.columns import Columns, Flags, Floats

DECIDED_NATS = 7.0
REMEMBERED_NATS = 4.0
"""Head start of the choice that a series made at the last change."""
WAIT_HOURS = 8 * HOURS_A_DAY
"""A series that shows no difference within a week of hours is assumed to have none."""
MOST_NATS = 1.2
"""Share of ten minutes: a step may be spread over them in an unknown way, so several must agree."""
DIFFERENT = 1.1
ROWS = ("rival_before", "rival_now", "rival_after", "rival_least", "rival_most")
LEARNED = ("keeps",)


def fresh(series: int) -> Columns:
    """Hours that a series may have moved by, how long this is unknown, evidence that it moved (nats), and its choice at the last change."""
    state: Columns = {name: np.zeros(series, np.int8) for name in ("rival", "keeps")}
    state |= {name: np.zeros(series, np.float32) for name in ROWS}
    return state | {"rival_nats": np.zeros(series, np.float32), "rival_hours": np.zeros(series, np.int16)}


def change(state: Columns, hours: int) -> None:
    """The clocks changed: from now on people come `hours` earlier in UTC."""
    has_history = state["hours"] >= HOURS_A_DAY - 0.5
    # Two changes are half a year apart: everything about the last one is decided by now.
    state["rival"][:] = np.where(has_history, hours, 0)
    state["rival_nats"][:] = REMEMBERED_NATS * state["keeps"]
    state["rival_hours"][:] = 0


def decide(state: Columns, profile: Profile) -> None:
    """At the end of an hour: series that showed which clock they follow, or had enough time to."""
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
    """Where the two clocks give different expectations now."""
    own, other = state["now"], state["rival_now"]
    differing: Flags = (np.maximum(own, other) > DIFFERENT * np.minimum(own, other)) & (state["rival"] != 0)
    return differing


def update_clock_evidence(state: Columns, counts: Floats, own: Floats, other: Floats, dispersion: Floats, use: Flags, share: float) -> None:
    """The evidence of one window for a move: a Poisson log-likelihood ratio over the dispersion; `share` of ten minutes that it covers."""
    inside = np.clip(counts, np.minimum(own, other), np.maximum(own, other))
    nats = (inside * np.log(other / own) - (other - own)) / dispersion
    state["rival_nats"] += use * np.clip(nats, -MOST_NATS * share, MOST_NATS * share)
