"""Backlog: in queueing terms, from depth alone or with ages, capacity and deliveries."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from detectors.backlog import growth
from models.columns import Detected, Floats
from tests.detectors.cohorts import DAY, MONDAY_US, Cohort, queue_key, queues


def in_flight(window: int, peak: float = 1.0) -> Floats:
    """What is on its way in three queues: much at night, little by day."""
    generator = np.random.default_rng([11, window])
    shape = np.array([3.0, 40.0, 400.0]) * (17.0 if window % DAY < 6 * 60 else 1.0) * peak
    return generator.poisson(shape).astype(np.float64)


def watch(cohort: Cohort, windows: int, depth: Callable[[int], Floats], **columns: Callable[[int], Floats]) -> Detected:
    for _ in range(windows):
        records = {name: column(cohort.window) for name, column in columns.items()}
        detected = cohort.step(queue_tick=queues(cohort.at_us, depth(cohort.window), **records))
    return detected


@cache
def watched_for_two_days() -> Cohort:
    cohort = Cohort(queue_keys=tuple(queue_key(number) for number in range(3)))
    watch(cohort, 2 * DAY + 720, in_flight)
    assert cohort.records == []
    return cohort


def quiet_days() -> Cohort:
    """Two days and a half without trouble; each test goes on from a copy of its own."""
    return watched_for_two_days().copy()


def test_a_queue_that_swings_over_its_daily_peak_is_normal_even_when_a_day_is_busier():
    cohort = Cohort(queue_keys=tuple(queue_key(number) for number in range(3)))
    busy = np.random.default_rng(12).uniform(0.75, 1.3, 8)
    watch(cohort, 8 * DAY, lambda window: in_flight(window, busy[window // DAY]))
    assert cohort.records == []


def test_a_blocked_route_is_found_within_four_windows_and_lasts_until_all_is_drained():
    cohort = quiet_days()
    begins = cohort.window
    watch(cohort, 60, lambda window: in_flight(window) + 30.0 * (window - begins + 1))
    assert sorted(series for _, series in cohort.began("backlog")) == [0, 1, 2]
    delay = {series: window - begins for window, series in cohort.began("backlog")}
    assert delay[0] <= 3
    assert delay[1] <= 8
    opens, full = cohort.window, 30.0 * 60
    result = watch(cohort, 20, lambda window: in_flight(window) + np.maximum(full - 60.0 * (window - opens + 1), 0.0))
    assert cohort.ended("backlog") == []
    assert result.queues.evidence["growth_per_s"] == pytest.approx(-1.0, abs=0.3)
    assert np.isnan(result.queues.evidence["capacity_eta_s"]).all()
    assert result.queues.evidence["drain_eta_s"][0] == pytest.approx(600, rel=0.3)
    watch(cohort, 30, lambda window: in_flight(window) + np.maximum(full - 60.0 * (window - opens + 1), 0.0))
    assert len(cohort.ended("backlog")) == 3


def test_one_lucky_decrease_does_not_hide_a_growing_queue():
    cohort = quiet_days()
    begins = cohort.window
    watch(cohort, 30, lambda window: in_flight(window) + 12.0 * (window - begins + 1) - 25.0 * (window % 4 == 0))
    assert 0 in [series for _, series in cohort.began("backlog")]


def test_time_to_capacity_is_an_interval_and_absent_while_the_queue_may_not_be_filling():
    cohort = quiet_days()
    begins = cohort.window
    room = {"capacity": lambda _: np.array([100_000.0, 1e7, 1e7])}
    result = watch(cohort, 20, lambda window: in_flight(window) + np.array([600.0, 0.0, 0.0]) * (window - begins + 1), **room).queues
    assert result.series.tolist() == [0]
    eta, low, high = (result.evidence[f"capacity_eta{name}_s"][0] for name in ("", "_low", "_high"))
    assert low < eta < high
    assert eta == pytest.approx((100_000 - 20 * 600) / 10.0, rel=0.1)
    full = cohort.window
    swings = np.random.default_rng(13).normal(0, 600, 100)
    result = watch(cohort, 20, lambda window: in_flight(window) + np.array([12_000.0 + swings[window - full], 0, 0]), **room).queues
    assert np.isnan(result.evidence["capacity_eta_s"][0])


def test_a_stalled_drain_is_found_by_its_deliveries():
    cohort = Cohort(queue_keys=(queue_key(0),))
    draw = np.random.default_rng(14)
    watch(
        cohort,
        2 * DAY,
        lambda _: np.array([float(draw.poisson(60))]),
        delivered=lambda _: np.array([float(draw.poisson(50))]),
        oldest_age_s=lambda _: np.array([20.0]),
    )
    assert cohort.records == []
    begins = cohort.window
    watch(
        cohort,
        3,
        lambda _: np.array([60.0]),
        delivered=lambda _: np.zeros(1),
        oldest_age_s=lambda w: np.array([20.0 + 60.0 * (w - begins)]),
    )
    assert len(cohort.began("backlog")) == 1


def test_a_few_messages_that_grow_old_by_the_clock_are_reported_however_few_they_are():
    cohort = quiet_days()
    watch(cohort, 60, lambda _: np.full(3, 8.0), oldest_age_s=lambda _: np.full(3, 12.0))
    assert cohort.records == []
    begins = cohort.window
    watch(cohort, 8, lambda _: np.full(3, 8.0), oldest_age_s=lambda w: np.array([12.0 + 60.0 * (w - begins), 12.0, 12.0]))
    assert [series for _, series in cohort.began("backlog")] == [0]


def test_messages_older_than_the_retries_allow_are_reported_with_what_will_be_lost():
    cohort = quiet_days()
    watch(cohort, 60, in_flight, oldest_age_s=lambda _: np.full(3, 30.0))
    begins = cohort.window
    aging = {"oldest_age_s": lambda window: np.array([30.0 + 60.0 * (window - begins), 30.0, 30.0])}
    result = watch(cohort, 30, lambda window: in_flight(window) + np.array([4.0 * (window - begins), 0, 0]), **aging).queues
    assert result.series.tolist() == [0]
    assert result.evidence["oldest_age_s"][0] == 30.0 + 60.0 * 29
    assert result.evidence["age_limit_eta_s"][0] == pytest.approx(172_800 - 30 - 60 * 29)
    assert result.evidence["predicted_loss"][0] == result.observed[0]


def test_a_queue_that_stops_reporting_keeps_its_finding():
    cohort = quiet_days()
    begins = cohort.window
    watch(cohort, 20, lambda window: in_flight(window) + 50.0 * (window - begins + 1))
    records = list(cohort.records)
    for _ in range(30):
        detected = cohort.step(queue_tick=queues(cohort.at_us, np.zeros(3), reported=[False] * 3))
    assert cohort.records == records
    assert len(detected.queues) == 3


def test_a_lasting_depth_becomes_the_normal_one_after_a_day():
    cohort = quiet_days()
    watch(cohort, DAY + 120, lambda window: in_flight(window) + 5000.0)
    assert {series for _, series in cohort.began("backlog")} >= {0, 1}
    assert {series for _, series in cohort.ended("backlog")} >= {0, 1}
    cohort.records.clear()
    watch(cohort, DAY, lambda window: in_flight(window) + np.array([5000.0, 5000.0, 0.0]))
    assert {series for _, series in cohort.began("backlog")} <= {2}


def test_growth_takes_on_a_new_pace_within_four_windows_and_one_lucky_window_is_no_pace():
    state = growth.fresh(1)
    generator = np.random.default_rng(3)
    at_us = MONDAY_US

    def window(change: float) -> float:
        tick = queues(at_us, np.zeros(1))
        growth.learn(state, np.array([change + generator.normal(0, 6)]), tick, np.ones(1, np.bool_))
        return float(state["growth"][0])

    for _ in range(60):
        window(0.0)
    for _ in range(4):
        pace = window(600.0)
    assert 7.0 < pace < 11.0
    for _ in range(20):
        window(600.0)
    assert window(-200.0) > 5.0
