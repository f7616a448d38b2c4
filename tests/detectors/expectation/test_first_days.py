"""The first days: a rise is no noise, what lags behind is no memory, and what a day's hours share is not forgotten within the day."""

import numpy as np

from detectors.expectation import dispersion
from models.columns import Floats
from tests.detectors.cohorts import Cohort, counts, key

WINDOW_S = 300
DAY = 86_400 // WINDOW_S
HOUR = DAY // 24


def steep(window: int) -> float:
    """Twenty times as much from seven to nineteen."""
    hour = window % DAY / HOUR
    return float(np.clip(20.0 * min(hour - 6.5, 19.5 - hour), 1.0, 20.0))


def cohort() -> Cohort:
    return Cohort(tuple(key(index, window_s=WINDOW_S) for index in range(6)), window_s=WINDOW_S)


def noise(watched: Cohort, mean: float) -> tuple[Floats, Floats]:
    state = watched.detection.pack()["traffic"]["parts"]["expectation"]
    return dispersion.dispersion(state, np.full(6, mean)), dispersion.memory(state)


def test_the_first_mornings_rise_is_no_noise_and_no_memory():
    watched = cohort()
    draw = counts(21, np.full(6, 50.0))
    watched.run(DAY + 6, lambda window: draw(window, steep(window)))
    spread, memory = noise(watched, 1000.0)
    assert spread.max() < 50.0, "it was some 200 when the rise counted as noise"
    assert memory.max() < 0.3


def test_bursts_of_the_first_day_hide_none_of_the_next():
    watched = cohort()
    draw = counts(22, np.full(6, 100.0))
    watched.run(DAY, lambda window: draw(window, 6.0 if window % (3 * HOUR) < 2 else 1.0))
    watched.run(4 * HOUR + 6, draw)
    watched.run(3, lambda window: draw(window, 6.0))
    assert {series for window, series in watched.began("storm") if window > DAY + 4 * HOUR} == set(range(6))


def test_a_surplus_of_a_quarter_for_an_hour_is_found_on_the_third_day():
    watched = cohort()
    draw = counts(23, np.full(6, 2000.0))
    watched.run(2 * DAY + 12 * HOUR, draw)
    assert watched.records == []
    watched.run(HOUR, lambda window: draw(window, 1.25))
    assert {series for _, series in watched.began("storm")} == set(range(6))
