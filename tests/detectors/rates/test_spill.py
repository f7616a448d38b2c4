"""Spill: what slid into the next window is taken off it, and no more."""

import numpy as np

from detectors.rates import spill
from models.columns import TrafficTick

MEAN, LOW, HIGH = np.full(3, 100.0), np.full(3, 80.0), np.full(3, 125.0)


def window(*messages: float) -> TrafficTick:
    nothing = np.zeros(3)
    return TrafficTick(0, 60, np.ones(3, np.bool_), np.array(messages), nothing, nothing, nothing)


def test_two_windows_are_one_count_against_the_mean_of_both():
    state = spill.fresh(3)
    assert not spill.slid(state, window(30.0, 85.0, 30.0), MEAN, LOW, HIGH).any()
    slid = spill.slid(state, window(195.0, 195.0, 500.0), MEAN, LOW, HIGH)
    assert slid.tolist() == [70.0, 0.0, 70.0], "a window that lacks no more than chance explains gives nothing away"
    assert not spill.slid(state, window(195.0, 195.0, 500.0), MEAN, LOW, HIGH).any(), "the window before lacked nothing"
