"""Level: what a series carries as a multiple of its profile, and how far it usually moves from one day to the next."""

import numpy as np

from detectors.expectation.step_timing import LEAST
from detectors.expectation.variance_component import Excess
from detectors.expectation.week_clock import HOURS_A_DAY
from models.columns import Columns, Flags, Floats

DAILY_VARIANCE = 0.015**2
"""Squared relative change of the level that is possible in a day that was watched."""
WALK = Excess("walk", prior=DAILY_VARIANCE, prior_weight=3.0, memory=28.0)
"""How much the level moves from one day to the next, of its logarithm."""
UNWATCHED = 2.0
"""Usual changes of a day by which the level may have moved on a holiday or a day of an unseen kind: its hours hardly show the level."""
MOST_VARIANCE = 0.09
CLIP = 9.0
"""Larger squared standardised changes count as this value: an outage of a day is no habit of the level."""
LEARNED = ("level", "level_variance", "walk", "walk_weight")


def fresh(series: int) -> Columns:
    """A level of 1, its variance, how it moves, and the level at the end of the last day (0: not known)."""
    state: Columns = {"level": np.ones(series), "level_variance": np.full(series, 0.01), "day_level": np.zeros(series, np.float32)}
    return state | WALK.fresh(series)


def learn(state: Columns, counts: Floats, due: Floats, coarse: Floats, use: Flags, unwatched: Flags) -> None:
    """Learns one hour, in place. `coarse`: variance / mean of its count; `unwatched`: its day does not show the level."""
    variance = state["level_variance"]
    information = 1.0 / variance
    news = (use & ~unwatched) / np.maximum(coarse, LEAST)
    total = information + news * due
    state["level"] *= (information + news * np.clip(counts, due / 3.0, due * 3.0 + 3.0)) / total
    daily = np.where(unwatched, np.maximum(UNWATCHED * UNWATCHED * WALK.value(state), DAILY_VARIANCE), DAILY_VARIANCE)
    variance[:] = np.minimum(1.0 / total + daily / HOURS_A_DAY, MOST_VARIANCE)


def learn_walk(state: Columns, number: int, used: Flags, unwatched: Flags) -> None:
    """After hour `number`: at the end of a day, how far the level has moved since the end of the day before."""
    forget_day(state, unwatched)
    if number % HOURS_A_DAY != HOURS_A_DAY - 1:
        return
    level, before = state["level"], state["day_level"].astype(np.float64)
    known = before > 0
    squared = np.where(known, np.log(level / np.where(known, before, 1.0)) ** 2, 0.0)
    sampling = 2.0 * state["level_variance"]
    WALK.learn(state, np.minimum(squared, CLIP * (WALK.value(state) + sampling)), sampling, (known & used).astype(np.float64))
    state["day_level"][:] = np.where(unwatched, 0.0, level)


def forget_day(state: Columns, series: Flags) -> None:
    """The level of the last day says nothing about how the level of these series moves."""
    state["day_level"][series] = 0.0
