"""Storm, drop and silence: what is found, how soon, and what is left alone."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import ALERT_KINDS, SeriesKey
from models.state_bytes import pack, unpack
from tests.detectors.cohorts import DAY, Cohort, counts, key, traffic

MEANS = np.array([10.0, 50.0, 400.0])
NOON = 12 * 60


@cache
def two_days(seed: int) -> bytes:
    cohort = Cohort(tuple(key(number) for number in range(len(MEANS))))
    cohort.run(2 * DAY + NOON, counts(seed, MEANS))
    assert cohort.records == []
    return pack(cohort.detection.pack(), 1)


def after_two_days(seed: int = 1) -> tuple[Cohort, Callable[..., np.ndarray]]:
    cohort = Cohort(tuple(key(number) for number in range(len(MEANS))), window=2 * DAY + NOON)
    cohort.detection = Detection.unpack(cohort.parameters, cohort.window_s, unpack(two_days(seed), 1))
    return cohort, counts(seed, MEANS)


@pytest.mark.parametrize(("factor", "windows"), [(4.0, 5), (20.0, 3)])
def test_a_storm_is_found_within_windows_after_two_days(factor, windows):
    cohort, draw = after_two_days()
    begins = cohort.window
    cohort.run(windows, lambda window: draw(window, factor))
    assert sorted(series for _, series in cohort.began("storm")) == [0, 1, 2]
    assert {kind for _, kind, _, _ in cohort.records} == {"storm"}
    assert all(window <= begins + windows for window, _ in cohort.began("storm"))


def test_ten_messages_a_window_are_missed_within_four_windows():
    cohort, draw = after_two_days()
    begins = cohort.window
    cohort.run(4, lambda window: draw(window) * np.array([0.0, 1.0, 1.0]))
    assert [series for _, series in cohort.began("silence")] == [0]
    assert cohort.began("silence")[0][0] <= begins + 4


def test_a_user_of_many_small_series_is_missed_as_a_whole():
    keys = tuple(SeriesKey("USER-001", "to_user", "service_response", f"4.{n}", "north", "", 60) for n in range(12))
    cohort = Cohort(keys)
    draw = counts(3, np.full(12, 0.9))
    cohort.run(2 * DAY + NOON, draw)
    cohort.run(5, lambda window: np.zeros(12))
    assert sorted(series for _, series in cohort.began("silence")) == list(range(12))


def test_a_drop_is_found_and_silence_is_reported_apart_from_it():
    cohort, draw = after_two_days()
    cohort.run(30, lambda window: draw(window, np.array([1.0, 0.2, 0.2])))
    assert sorted(series for _, series in cohort.began("drop")) == [1, 2]
    assert cohort.began("silence") == []


def test_silence_is_not_reported_as_a_drop_too():
    cohort, _ = after_two_days()
    cohort.run(60, lambda window: np.zeros(3))
    assert len(cohort.began("silence")) == 3
    assert cohort.began("drop") == []


def test_a_finding_ends_once_the_traffic_is_normal_again_and_not_before():
    cohort, draw = after_two_days()
    cohort.run(20, lambda window: draw(window, 5.0))
    assert cohort.ended("storm") == []
    stops = cohort.window
    cohort.run(30, draw)
    assert sorted(series for _, series in cohort.ended("storm")) == [0, 1, 2]
    assert all(window <= stops + 10 for window, _ in cohort.ended("storm"))


def test_the_onset_is_estimated_from_the_counts():
    cohort, draw = after_two_days()
    begins_us = cohort.at_us - 60_000_000
    result = cohort.run(15, lambda window: draw(window, np.array([1.0, 2.0, 2.0]))).traffic
    assert set(result.series.tolist()) >= {1, 2}
    assert np.all(np.abs(result.began_us - begins_us) <= 3 * 60_000_000)


def test_a_gap_is_neither_silence_nor_a_burst_afterwards():
    cohort, draw = after_two_days()
    for _ in range(120):
        cohort.step(traffic(cohort.at_us, np.zeros(3), reported=[False] * 3))
    cohort.step(traffic(cohort.at_us, draw(cohort.window) * 120))
    cohort.run(60, draw)
    assert {kind for _, kind, _, _ in cohort.records} == {"stale"}
    assert len(cohort.ended("stale")) == 3


def test_the_surge_after_a_silence_is_owed_and_no_storm():
    cohort, draw = after_two_days()
    cohort.run(60, lambda window: np.zeros(3))
    cohort.run(30, lambda window: draw(window, 3.0))
    cohort.run(30, draw)
    assert cohort.began("storm") == []
    assert len(cohort.ended("silence")) == 3


def test_a_storm_that_no_silence_went_before_is_one():
    cohort, draw = after_two_days()
    cohort.run(90, lambda window: draw(window, 3.0))
    assert len(cohort.began("storm")) == 3


def test_rare_messages_and_their_bursts_stay_quiet():
    generator = np.random.default_rng(5)
    bursts = (generator.random((3 * DAY, 40)) < 1 / 700) * generator.integers(1, 30, (3 * DAY, 40))
    cohort = Cohort(tuple(key(number) for number in range(40)))
    cohort.run(3 * DAY, lambda window: bursts[window].astype(float))
    assert cohort.records == []


def test_a_step_at_midnight_is_expected_once_it_was_seen_and_breaks_nothing_before():
    steps = np.where(np.arange(DAY) < 6 * 60, 17.0, 1.0)
    cohort = Cohort(tuple(key(number) for number in range(30)))
    draw = counts(6, np.geomspace(0.5, 200, 30))
    cohort.run(4 * DAY, lambda window: draw(window, steps[window % DAY]))
    assert cohort.records == []


def test_nothing_is_said_on_the_first_day_whatever_it_brings():
    cohort = Cohort(tuple(key(number) for number in range(20)))
    draw = counts(7, np.full(20, 30.0))
    shape = np.repeat([0.0, 5.0, 1.0, 0.0, 30.0, 0.2], DAY // 6)
    cohort.run(DAY, lambda window: draw(window, shape[window]))
    assert cohort.records == []


def test_a_lasting_new_level_is_accepted_after_a_day_and_reported_as_drift():
    cohort, draw = after_two_days()
    cohort.run(2 * DAY, lambda window: draw(window, 3.0))
    assert len(cohort.began("storm")) == 3
    assert sorted(series for _, series in cohort.began("drift")) == [0, 1, 2]
    assert len(cohort.ended("storm")) == 3
    cohort.records.clear()
    cohort.run(60, lambda window: draw(window, 12.0))
    assert len(cohort.began("storm")) == 3


def test_a_series_that_ended_for_good_is_let_go_and_judged_again_when_it_comes_back():
    cohort, draw = after_two_days()
    cohort.run(DAY + 60, lambda window: np.zeros(3))
    assert len(cohort.ended("silence")) == 3
    cohort.records.clear()
    cohort.run(120, draw)
    assert {kind for _, kind, _, _ in cohort.records} <= {"drift"}
    cohort.run(20, lambda window: np.zeros(3))
    assert len(cohort.began("silence")) == 3


def test_a_declared_change_is_watched_but_teaches_nothing():
    cohort, draw = after_two_days()
    cohort.run(180, lambda window: draw(window, 3.0), declared=True)
    assert len(cohort.began("storm")) == 3
    cohort.run(30, draw)
    assert len(cohort.ended("storm")) == 3
    before = cohort.run(1, draw).pulse.expected
    # Three times as many would be learned as 3.0; half an hour of ten messages a window says no more than a fifth.
    assert np.all(np.abs(before / MEANS - 1.0) < np.array([0.25, 0.15, 0.15]))


@pytest.mark.parametrize("way", ["restart", "learn"])
def test_a_smaller_budget_asks_for_more_evidence_whatever_the_budget_was_before(way):
    draw, times = counts(8, np.array([20.0])), []
    trained = learned_under(100.0)
    for budget in (0.01, 1000.0):
        cohort = Cohort((key(0),), parameters=DetectionParameters(false_alarms_per_day=budget), window=trained.window)
        if way == "restart":
            cohort.detection = Detection.unpack(cohort.parameters, cohort.window_s, unpack(pack(trained.detection.pack(), 1), 1))
        else:
            cohort.detection.learn_from(unpack(pack(trained.detection.learned(), 1), 1))
        cohort.run(120, lambda window: draw(window, 2.0))
        times.append(cohort.began("storm")[0][0] - trained.window)
    assert times[1] < times[0]


@cache
def learned_under(budget: float) -> Cohort:
    cohort = Cohort((key(0),), parameters=DetectionParameters(false_alarms_per_day=budget))
    cohort.run(2 * DAY + NOON, counts(8, np.array([20.0])))
    return cohort


def test_every_finding_begins_once_goes_on_in_every_window_and_ends_once():
    cohort, draw = after_two_days()
    open_now: set[tuple[int, int]] = set()
    generator = np.random.default_rng(9)
    factor = np.ones(3)
    for _ in range(600):
        if generator.random() < 0.02:
            factor = generator.choice([0.0, 0.1, 1.0, 1.0, 8.0], 3)
        detected = cohort.step(traffic(cohort.at_us, draw(cohort.window, factor))).traffic
        rows = list(zip(detected.kind.tolist(), detected.series.tolist(), detected.phase.tolist(), strict=True))
        assert len({(kind, series) for kind, series, _ in rows}) == len(rows)
        began = {(kind, series) for kind, series, phase in rows if phase == 0}
        goes_on = {(kind, series) for kind, series, phase in rows if phase == 1}
        ended = {(kind, series) for kind, series, phase in rows if phase == 2}
        assert not began & open_now
        assert goes_on | ended == open_now
        assert np.all(detected.began_us < detected.detected_us)
        assert np.all(detected.detected_us <= cohort.at_us)
        open_now = began | goes_on
    assert {ALERT_KINDS[kind] for kind, _ in began | goes_on} <= set(ALERT_KINDS)
