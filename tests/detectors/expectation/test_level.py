"""The level: what it may be after a day of an unseen kind, which does not show it."""

import numpy as np

from detectors.expectation import level
from models.columns import Columns

DUE = 10_000.0
HOUR = np.ones(2)


def watch(state: Columns, days: int, daily: np.ndarray, *, unwatched: bool) -> None:
    """So many days on which the levels of two series step by `daily` (ln), up and down in turn."""
    real = np.ones(2)
    for hour in range(days * 24):
        if hour % 24 == 0:
            real = np.exp(daily * (hour // 24 % 2))
        flags = np.full(2, unwatched)
        level.learn(state, DUE * real, DUE * state["level"], HOUR, np.ones(2, np.bool_), flags)
        level.learn_walk(state, hour, ~flags, flags)


def test_a_holiday_leaves_the_level_as_uncertain_as_the_days_of_the_series_were_different():
    state = level.fresh(2)
    watch(state, 20, np.array([0.05, 0.0]), unwatched=False)
    assert (np.sqrt(state["level_variance"]) < 0.01).all()
    watch(state, 1, np.zeros(2), unwatched=True)
    moving, steady = np.sqrt(state["level_variance"])
    assert moving > 0.08, "twice its usual step of a day"
    assert steady < 0.025


def test_a_known_holiday_that_is_quieter_than_others_leaves_the_level_where_it_was():
    state = level.fresh(2)
    watch(state, 1, np.zeros(2), unwatched=False)
    before = state["level"].copy()
    flags = np.array([True, False])
    for _ in range(24):
        level.learn(state, 0.75 * DUE * np.ones(2), DUE * state["level"], HOUR, np.ones(2, np.bool_), flags)
    assert state["level"][0] == before[0]
    assert state["level"][1] < 0.8


def test_an_accepted_new_level_is_no_step_of_a_day():
    state = level.fresh(2)
    watch(state, 20, np.zeros(2), unwatched=False)
    state["level"] *= 3.0
    level.forget_day(state, np.array([True, False]))
    flags = np.zeros(2, np.bool_)
    level.learn_walk(state, 23, ~flags, flags)
    forgotten, kept = state["walk"]
    assert forgotten < kept
