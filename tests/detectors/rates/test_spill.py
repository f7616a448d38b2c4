"""Spill: what slid into the next window is taken off it, and no more."""

import numpy as np

from detectors.rates import spill
from models.columns import Expected, TrafficTick

LOW, HIGH = np.full(3, 80.0), np.full(3, 125.0)
USUAL = np.zeros(3, np.bool_)
"""A day of a kind that was seen before."""
EXPECTED = Expected(np.full(3, 100.0), np.full(3, 1.0), np.full(3, 0.05), np.ones(3, np.bool_))


def window(*messages: float) -> TrafficTick:
    nothing = np.zeros(3)
    return TrafficTick(0, 60, np.ones(3, np.bool_), np.array(messages), nothing, nothing, nothing)


def test_two_windows_are_one_count_against_the_mean_of_both():
    state = spill.fresh(3)
    assert not spill.slid(state, window(30.0, 85.0, 30.0), EXPECTED, LOW, HIGH, USUAL).any()
    slid = spill.slid(state, window(195.0, 195.0, 500.0), EXPECTED, LOW, HIGH, USUAL)
    assert slid.tolist() == [70.0, 0.0, 70.0], "a window that lacks no more than chance explains gives nothing away"
    assert not spill.slid(state, window(195.0, 195.0, 500.0), EXPECTED, LOW, HIGH, USUAL).any(), "the window before lacked nothing"


def test_beside_a_step_a_window_that_is_clearly_below_its_mean_lacks_messages_too() -> None:
    state = spill.fresh(3)
    wide = np.full(3, 10.0)
    spill.slid(state, window(30.0, 85.0, 30.0), EXPECTED, wide, HIGH, USUAL)
    assert spill.slid(state, window(170.0, 170.0, 170.0), EXPECTED, wide, HIGH, USUAL).tolist() == [45.0, 0.0, 45.0]


def test_of_two_windows_that_slide_the_third_brings_the_messages_of_both() -> None:
    state = spill.fresh(3)
    spill.slid(state, window(40.0, 100.0, 40.0), EXPECTED, LOW, HIGH, USUAL)
    assert not spill.slid(state, window(110.0, 110.0, 30.0), EXPECTED, LOW, HIGH, USUAL).any()
    assert spill.slid(state, window(150.0, 150.0, 240.0), EXPECTED, LOW, HIGH, USUAL).tolist() == [25.0, 0.0, 115.0]


def test_on_a_day_of_an_unseen_kind_less_than_the_mean_is_not_owed() -> None:
    wide, foreign = np.full(3, 5.0), np.array([True, True, False])
    state = spill.fresh(3)
    spill.slid(state, window(30.0, 4.0, 30.0), EXPECTED, wide, HIGH, foreign)
    assert (state["missing"] > 0).tolist() == [False, True, True]
