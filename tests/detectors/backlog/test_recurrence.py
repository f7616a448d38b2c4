"""Backlogs that come as often, as deep and as long as before wake nobody; deeper, longer or stalled ones do."""

from functools import cache

import numpy as np
import pytest

from detectors.backlog import recurrence
from detectors.habit_list import HabitRuling
from models.columns import Columns, Floats
from tests.detectors.cohorts import Cohort, queue_key, queues

WINDOW_S = 300
DAY = 86_400 // WINDOW_S
EVERY = DAY // 3


def depth_of(window: int, deep: float = 4000.0, windows: int = 12) -> Floats:
    """Some messages on their way, and a pile of up to `deep` three times a day, after the first day."""
    since = (window - EVERY // 2) % EVERY
    pile = deep * min(since + 1, windows - since, 6) / 6 if window >= DAY + EVERY // 2 and since < windows else 0.0
    return np.full(1, 20.0 + window % 3 + pile)


def watch(cohort: Cohort, count: int, *, delivered: float = 3000.0, **size: float) -> list[bool]:
    """Whether what is open is a warning, of each window with something open."""
    serious = []
    for _ in range(count):
        depth = depth_of(cohort.window, **size)
        age = np.where(depth > 1000, 120.0, 1.0)
        tick = queues(cohort.at_us, depth, window_s=WINDOW_S, delivered=np.full(1, delivered), oldest_age_s=age, capacity=np.full(1, 1e9))
        serious += cohort.step(queue_tick=tick).queues.serious.tolist()
    return serious


@cache
def after_six_backlogs() -> Cohort:
    cohort = Cohort(queue_keys=(queue_key(0, window_s=WINDOW_S),), window_s=WINDOW_S)
    assert any(watch(cohort, 2 * DAY))
    watch(cohort, DAY)
    return cohort


def test_a_backlog_as_often_as_deep_and_as_long_as_before_is_no_warning():
    cohort = after_six_backlogs().copy()
    serious = watch(cohort, EVERY)
    assert serious
    assert not any(serious)


def test_a_backlog_twice_as_deep_is_one():
    assert any(watch(after_six_backlogs().copy(), EVERY, deep=9000.0))


def test_a_backlog_that_goes_on_is_one():
    assert any(watch(after_six_backlogs().copy(), EVERY, windows=40))


def test_a_queue_that_delivers_nothing_is_one():
    assert any(watch(after_six_backlogs().copy(), EVERY, delivered=0.0))


@pytest.mark.parametrize(("every_h", "count", "is_habit"), [(7, 4, True), (7, 3, False), (1, 9, False), (2, 12, True)])
def test_what_comes_and_goes_in_an_afternoon_is_one_backlog(every_h: int, count: int, is_habit: bool):
    rows, one, at_s = np.array([0]), np.ones(1), 400 * 86_400
    state = recurrence.fresh(1) | {"peak": 4000.0 * one, "open_s": 900.0 * one}
    for _ in range(count):
        recurrence.remember(state, rows, at_s)
        at_s += every_h * 3600
    assert recurrence.habitual(state, rows, 4000.0 * one, 900.0 * one, 0.0 * one, at_s).tolist() == [is_habit]


def test_queues_of_a_version_that_remembered_no_backlogs_go_on():
    cohort = after_six_backlogs()
    tree = cohort.detection.pack()
    parts = tree["queues"]["parts"]["backlog"]
    for name in ("ring_s", "ring_depth", "ring_run_s", "ring_age_s", "oldest_s"):
        del parts[name]
    old = cohort.copy()
    old.detection = type(cohort.detection).unpack(cohort.parameters, WINDOW_S, tree)
    assert any(watch(old, EVERY))


def test_backlogs_that_recur_are_listed_and_can_be_refused():
    cohort = after_six_backlogs().copy()
    (habit,) = cohort.detection.habits()
    assert (habit.key, habit.kind, habit.minute, habit.times, habit.refused) == (cohort.queue_keys[0], "backlog", None, 6, False)
    assert cohort.detection.rule_on_habit(HabitRuling(habit.key, habit.kind, None, refused=True))
    refused = cohort.copy()
    assert [one.refused for one in refused.detection.habits()] == [True]
    assert any(watch(refused, EVERY))
    refused.detection.rule_on_habit(HabitRuling(habit.key, habit.kind, None, refused=False))
    assert not any(watch(refused, EVERY))


def test_three_backlogs_are_no_habit_in_the_list():
    cohort = Cohort(queue_keys=(queue_key(0, window_s=WINDOW_S),), window_s=WINDOW_S)
    watch(cohort, 2 * DAY)
    assert cohort.detection.habits() == []


def remembered(depths: list[float], *, burst_ago_s: float) -> Columns:
    """A queue with earlier backlogs of these depths, a day apart; how long ago its User had a storm that is a habit."""
    state = recurrence.fresh(1)
    for number, depth in enumerate(depths):
        recurrence.remember(state | {"peak": np.full(1, depth), "open_s": np.full(1, 900.0)}, np.array([0]), NOW_S - (9 - number) * 86_400)
    state["burst_s"][0] = max(NOW_S - burst_ago_s, 0)
    return state


NOW_S = 400 * 86_400


@pytest.mark.parametrize(
    ("depths", "burst_ago_s", "is_habit"),
    [
        ([9000.0, 500.0, 500.0, 500.0], 300, True),
        ([9000.0, 500.0, 500.0, 500.0], 7200, False),
        ([9000.0, 500.0], 300, True),
        ([9000.0], 300, False),
        ([5000.0, 500.0, 500.0, 500.0], 300, False),
    ],
)
def test_what_a_usual_burst_leaves_is_usual_up_to_the_largest_so_far(depths: list[float], burst_ago_s: float, is_habit: bool):
    state = remembered(depths, burst_ago_s=burst_ago_s)
    usual = recurrence.habitual(state, np.array([0]), np.array([9000.0]), np.array([900.0]), np.zeros(1), NOW_S)
    assert usual.tolist() == [is_habit]
