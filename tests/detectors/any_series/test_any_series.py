"""Any series: what the looks notice, how often they are wrong, and what must never matter."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.nab.noise import ROWS, SHAPES
from benchmarks.nab.noise import alerts as alerts_on
from detectors.any_series.any_series import AnySeries, SeriesParameters, Verdict
from detectors.any_series.tail_rank import TailRank

MONDAY_S = 1_700_438_400
"""2023-11-20T00:00:00Z."""


def verdicts(values: Sequence[float], step_s: float = 300.0, start_s: float = MONDAY_S) -> list[Verdict]:
    judge = AnySeries()
    return [judge.process_value(start_s + step_s * index, value) for index, value in enumerate(values)]


def alerts(result: Sequence[Verdict]) -> list[int]:
    return [index for index, verdict in enumerate(result) if verdict.alert]


def daily(days: int, seed: int) -> list[float]:
    """Counts every five minutes: busy by day, half of it at the weekend."""
    dice = np.random.default_rng(seed)
    rows = np.arange(days * 288)
    mean = 100 * (1 + 0.7 * np.sin(2 * np.pi * rows / 288)) * np.where(rows // 288 % 7 < 5, 1.0, 0.5)
    return [float(value) for value in dice.poisson(mean)]


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_the_noise_two_or_three_alerts_come_in_a_thousand_values_at_most(shape: str) -> None:
    assert alerts_on(SHAPES[shape](np.random.default_rng(5))) <= 0.003 * ROWS


@pytest.mark.parametrize("kind", ["day", "night"])
def test_what_is_usual_by_day_is_noticed_at_night_and_the_other_way_round(kind: str) -> None:
    values = daily(21, 3)
    begins = 17 * 288 + (72 if kind == "day" else 216)
    values[begins : begins + 12] = values[begins + 144 : begins + 156]
    assert any(begins <= index < begins + 12 for index in alerts(verdicts(values)))


def test_a_lasting_drop_is_one_alert() -> None:
    values = daily(21, 4)
    begins = 16 * 288 + 60
    values[begins : begins + 36] = [0.5 * value for value in values[begins : begins + 36]]
    assert len([index for index in alerts(verdicts(values)) if begins <= index < begins + 36]) == 1


def test_a_bursty_feed_that_stops_is_noticed_within_half_a_dozen_values_and_reported_once() -> None:
    values = np.random.default_rng(11).negative_binomial(1, 0.02, 3000).astype(float).tolist()
    values[2000:2030] = [0.0] * 30
    assert [index - 2000 for index in alerts(verdicts(values)) if 2000 <= index < 2030] == [6]


def test_a_constant_is_quiet_and_the_first_departure_from_it_is_an_alert() -> None:
    judgement = verdicts([7.0] * 400 + [7.1] + [7.0] * 50)
    assert alerts(judgement) == [400]
    assert max(verdict.score for verdict in judgement[:400]) < 0.2


def test_nothing_is_said_before_there_is_something_to_compare_with() -> None:
    dice = random.Random(2)
    assert {verdict.score for verdict in verdicts([dice.gauss(0, 1) for _ in range(100)])} == {0}


def test_a_value_that_is_no_number_leaves_everything_as_it_is() -> None:
    values = daily(3, 6)
    holes = [value for pair in zip(values, [math.nan, math.inf, -math.inf] * 288, strict=True) for value in pair]
    judge = AnySeries()
    listed = [judge.process_value(MONDAY_S + 300 * (index // 2), value) for index, value in enumerate(holes)]
    assert listed[::2] == verdicts(values)
    assert {(verdict.score, verdict.alert) for verdict in listed[1::2]} == {(0, False)}


def test_irregular_repeated_and_unsorted_times_get_a_verdict_each() -> None:
    dice = random.Random(7)
    judge = AnySeries()
    times = [dice.choice((MONDAY_S, MONDAY_S + 86_400 * dice.random() * 30, -1e9, 1e12)) for _ in range(1000)]
    assert all(math.isfinite(judge.process_value(at_s, dice.gauss(0, 1)).score) for at_s in times)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(width=64), min_size=1, max_size=300), st.integers(0, 10**6))
def test_any_floats_get_a_finite_score_and_never_depend_on_later_ones(values: list[float], step_s: int) -> None:
    judgement = verdicts(values, float(step_s))
    assert all(0 <= verdict.score <= 12 for verdict in judgement)
    assert judgement[: len(values) // 2] == verdicts(values[: len(values) // 2], float(step_s))


def test_a_higher_bar_gives_fewer_alerts_and_none_below_it() -> None:
    values = np.random.default_rng(8).standard_t(3, 6000).tolist()
    counts = []
    for alert_at in (2.5, 3.2, 4.0, 5.0):
        judge = AnySeries(SeriesParameters(alert_at=alert_at))
        listed = [judge.process_value(300.0 * index, value) for index, value in enumerate(values)]
        assert all(verdict.score >= alert_at for verdict in listed if verdict.alert)
        counts.append(len(alerts(listed)))
    assert all(more > fewer for more, fewer in pairwise(counts))


def test_surprise_is_the_rank_among_what_came_before_and_goes_on_beyond_it() -> None:
    dice = random.Random(9)
    surprise = TailRank(remembered=1000, top=10, warm=100)
    for _ in range(1000):
        surprise.process_size(dice.paretovariate(2))
    assert surprise.process_size(1.0) == pytest.approx(0.0, abs=0.001)
    assert surprise.process_size(math.sqrt(2)) == pytest.approx(math.log10(2), abs=0.05)
    assert surprise.process_size(100.0) == pytest.approx(4.0, abs=0.8)


def test_surprise_forgets() -> None:
    surprise = TailRank(remembered=200, top=10, warm=100)
    for _ in range(200):
        surprise.process_size(1000.0)
    for size in range(200):
        surprise.process_size(1.0 + size / 1000)
    assert surprise.process_size(500.0) > 4


def minutes(days: int, seed: int) -> list[float]:
    """Counts a minute: a daily course whose level doubles at six within one minute."""
    rows = np.arange(days * 1440)
    mean = 2000 * (1 + 0.3 * np.sin(2 * np.pi * rows / 1440)) * np.where(rows % 1440 < 360, 0.5, 1.0)
    noise = np.random.default_rng(seed).normal(0, 0.05, len(rows))
    return [float(value) for value in np.round(mean * (1 + noise))]


def test_a_total_outage_scores_far_above_the_noise_of_the_week_and_a_second_one_300_values_later_too() -> None:
    values = minutes(5, 3)
    outages = (4 * 1440 + 700, 4 * 1440 + 1000)
    for begins in outages:
        values[begins : begins + 3] = [0.0] * 3
    judgement = verdicts(values, step_s=60.0)
    noise = max(verdict.score for verdict in judgement[2 * 1440 : outages[0]])
    assert [index for index in alerts(judgement) if index > 2 * 1440] == list(outages)
    assert all(judgement[begins].score > 2 * noise for begins in outages)


def test_a_level_that_jumps_each_morning_is_expected_to() -> None:
    assert [index for index in alerts(verdicts(minutes(6, 4), step_s=60.0)) if index > 2 * 1440] == []


def test_zeros_out_of_office_hours_are_quiet_and_zeros_within_them_are_reported_at_once() -> None:
    hours = np.arange(14 * 96) / 4 % 24
    values = np.random.default_rng(5).poisson(np.where((hours >= 8) & (hours < 18), 40, 0)).astype(float).tolist()
    begins = 12 * 96 + 48
    values[begins : begins + 8] = [0.0] * 8
    listed = [index for index in alerts(verdicts(values, step_s=900.0)) if index > 3 * 96]
    assert begins in listed
    assert all(8 <= hours[index] < 18 for index in listed)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 1e6))
def test_the_unit_of_a_series_that_is_no_count_hardly_matters(seed: int, unit: float) -> None:
    values = np.random.default_rng(seed).normal(-50, 1, 400)
    values[300:303] = -80
    assert alerts(verdicts((values * unit).tolist()))[-1] >= 290


def test_a_counter_that_is_reset_is_an_alert_and_counting_is_none() -> None:
    values = np.cumsum(np.random.default_rng(6).poisson(5, 3000)).astype(float)
    values[2500:] -= values[2500]
    listed = [index for index in alerts(verdicts(values.tolist())) if index > 300]
    assert listed[-1] == 2500
    assert len(listed) <= 2


def test_after_a_clock_change_a_jump_is_reported_once_a_day_until_most_of_the_last_days_have_it() -> None:
    local = minutes(9, 8)
    shifted = local[: 5 * 1440] + local[5 * 1440 + 60 :]
    assert len([index for index in alerts(verdicts(shifted, step_s=60.0)) if index > 2 * 1440]) <= 4
