"""Expectation: what it takes for usual, and how sure it is of it."""

import numpy as np
import pytest

from detectors.detection import Detection
from detectors.expectation.day_kinds import DayKinds
from detectors.expectation.expectation import Expectation
from detectors.expectation.slot_steps import HOUR_VARIANCE
from detectors.expectation.week_profile import NEW_WEEKDAY, SLOTS, Profile
from detectors.holidays import HolidayCalendar
from models.columns import Columns, Expected
from tests.detectors.cohorts import DAY, Cohort, counts, key, traffic

MOST_BYTES = 2700
DAYS = DayKinds(HolidayCalendar("none"))


def columns(detection: Detection) -> dict[str, np.ndarray]:
    parts = detection.pack()["traffic"]["parts"]
    return {f"{part}.{name}": column for part, rows in parts.items() for name, column in rows.items()}


def expected_next(state: Columns, at_us: int) -> Expected:
    """What the window of five minutes that ends at `at_us` should carry; turns the clock in `state`."""
    expectation = Expectation(300, "UTC", DAYS)
    expectation.turn(state, at_us, at_us - 300_000_000)
    return expectation.expect(state, at_us, at_us - 300_000_000)[0]


def test_a_series_costs_some_two_kilobytes_and_keeps_its_kinds_of_numbers():
    """Through storms, silences, failures, gaps, a level that is accepted and a clock that changes."""
    keys = tuple(key(index, window_s=300) for index in range(4))
    cohort = Cohort(keys, window_s=300, start_us=1_774_224_000_000_000)  # the week before summer time
    draw, day = counts(1, np.full(4, 40.0)), DAY // 5
    cohort.run(5, draw)
    fresh = {name: column.dtype for name, column in columns(cohort.detection).items()}
    cohort.run(3 * day, draw)
    cohort.run(day + 24, lambda window: draw(window, np.array([4.0, 0.0, 0.4, 1.0])))
    cohort.run(3 * day, draw)
    assert {kind for _, kind, _, _ in cohort.records} >= {"storm", "drop", "silence", "drift"}
    after = columns(cohort.detection)
    assert {name: column.dtype for name, column in after.items()} == fresh
    assert sum(column.nbytes for column in after.values()) <= 4 * MOST_BYTES


@pytest.mark.parametrize("deviation", [0.5, 2.0])
def test_traffic_as_the_profile_has_it_is_no_change_whatever_the_last_hours_taught(deviation):
    cohort = Cohort(tuple(key(index) for index in range(20)))
    draw = counts(2, np.full(20, 1000.0))
    cohort.run(2 * DAY + 5, draw)
    tree = cohort.detection.pack()
    state = tree["traffic"]["parts"]["expectation"]
    state["deviation"][:], state["deviation_variance"][:] = deviation, 1e-4
    cohort.detection = Detection.unpack(cohort.parameters, cohort.window_s, tree)
    cohort.run(30, draw)
    assert cohort.records == []
    cohort.run(30, lambda window: draw(window, 3.0 / deviation))
    assert {kind for _, kind, _, _ in cohort.records} == {"storm"}


def test_a_weekday_that_is_busier_all_day_is_not_learned_anew_each_hour():
    cohort = Cohort(tuple(key(index) for index in range(30)), window_s=300)
    draw = counts(3, np.full(30, 400.0))
    cohort.run(4 * DAY // 5 + 12, lambda window: draw(window, 1.18 if window >= 4 * DAY // 5 else 1.0))
    state = cohort.detection.pack()["traffic"]["parts"]["expectation"]
    before = state["deviation"].mean()
    expected_next(state, cohort.at_us)
    assert before > 1.1
    assert state["deviation"].mean() - 1.0 > 0.7 * (before - 1.0)


def test_even_hours_are_leant_on_more_than_uneven_ones():
    """One ten minutes of 06:00 to 07:00 are busy each day; nothing else is."""
    profile, series, draw = Profile(DAYS), 200, np.random.default_rng(4)
    state, spread, due = profile.fresh(series), np.full(series, 2.0), np.full(series, 50.0)
    for day in range(10):
        for slot in range(144):
            usual = 4.0 if slot == 37 else 0.4 if 36 <= slot < 42 else 1.0
            ratio = draw.poisson(usual * due) / due
            profile.learn_slot(state, day * 144 + slot, ratio, np.ones(series), due, spread)
    step, _ = profile.slot(state, 37, spread, due, profile.unevenness(state, 6))
    even, variance = profile.slot(state, 100, spread, due, profile.unevenness(state, 16))
    own = 2.0 / (10 * 50.0)
    assert np.abs(step - 4.0).mean() < 0.1
    assert SLOTS.value(state).mean() > 0.05
    assert ((even - 1.0) ** 2).mean() < variance.mean() < 0.1 * own


def test_a_new_hour_of_a_known_day_is_doubted_though_the_hour_before_was_known():
    """The first Monday's reports broke off at 15:00: what its afternoon shares with no hour before is not taken from its doubt."""
    cohort = Cohort(tuple(key(index) for index in range(10)), window_s=300)
    draw, day = counts(5, np.full(10, 400.0)), DAY // 5
    for window in range(7 * day + 15 * 12):
        seen = not 15 * 12 <= window < day
        cohort.step(traffic(cohort.at_us, draw(window), reported=[seen] * 10, window_s=300))
    state = cohort.detection.pack()["traffic"]["parts"]["expectation"]
    new = expected_next(state, cohort.at_us).relative_error
    assert (state["day_variance"] > 0.5 * NEW_WEEKDAY).all()
    assert (new > 0.1).all()


def test_what_a_rough_profile_is_off_by_is_hardly_taken_for_wander():
    """A first Friday a fifth busier all day, then a week of nothing but sampling noise: with and without a word on the profile."""
    sampling, use = np.full(1, 0.001), np.ones(1)
    wander = []
    for rough in (0.0, NEW_WEEKDAY):
        state = HOUR_VARIANCE.fresh(1)
        for hour in range(24 + 48):
            friday = hour < 24
            HOUR_VARIANCE.learn(state, np.full(1, 0.04 if friday else 0.001), sampling, use, rough=np.full(1, rough * friday))
        wander.append(float(HOUR_VARIANCE.value(state)[0]))
    assert wander[1] < 0.4 * wander[0]
