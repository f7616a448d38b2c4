"""Failures: a larger share than usual, by the side at fault, however unevenly they fall."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.distributions.beta_binomial import ln_gamma, log_ratio
from tests.detectors.cohorts import DAY, Cohort, counts, key, traffic

TRIED = np.array([4.0, 40.0, 400.0])
SHARE = np.array([0.02, 0.02, 0.005])


def watch(cohort: Cohort, windows: int, share: np.ndarray, seed: int = 1, overlap: float = 0.0) -> None:
    draw = counts(seed, TRIED)
    for _ in range(windows):
        generator = np.random.default_rng([seed, 7, cohort.window])
        count = draw(cohort.window)
        chance = share if overlap == 0 else generator.beta(share * (1 / overlap - 1), (1 - share) * (1 / overlap - 1))
        cohort.step(traffic(cohort.at_us, count, failures=generator.binomial(count.astype(int), chance).astype(float)))


@cache
def two_days() -> Cohort:
    cohort = Cohort(tuple(key(number) for number in range(3)))
    watch(cohort, 2 * DAY, SHARE)
    return cohort


def usual() -> Cohort:
    """After two days of a usual share; each caller gets a cohort of its own."""
    return two_days().copy()


def test_a_usual_share_is_quiet():
    cohort = usual()
    watch(cohort, 3 * DAY, SHARE)
    assert cohort.began("failures") == []


def test_a_share_that_swings_by_itself_is_quiet():
    cohort = Cohort(tuple(key(number) for number in range(3)))
    watch(cohort, 4 * DAY, SHARE, overlap=0.05)
    assert cohort.began("failures") == []


def test_a_broken_release_is_found_at_once_where_there_is_much_traffic_and_soon_where_there_is_little():
    cohort = usual()
    begins = cohort.window
    watch(cohort, 30, np.full(3, 0.4))
    by_key = {series: window - begins for window, series in cohort.began("failures")}
    assert by_key[2] == 1
    assert by_key[1] <= 3
    assert by_key[0] <= 15


def test_twice_the_usual_share_is_found_in_time():
    cohort = usual()
    watch(cohort, 240, SHARE * 2.5)
    assert {series for _, series in cohort.began("failures")} >= {1, 2}


def test_it_ends_when_the_share_is_usual_again():
    cohort = usual()
    watch(cohort, 20, np.full(3, 0.4))
    stops = cohort.window
    watch(cohort, 60, SHARE)
    assert len(cohort.ended("failures")) == 3
    assert min(window for window, _ in cohort.ended("failures")) > stops


def test_more_traffic_with_the_same_share_is_no_failure():
    cohort = usual()
    draw = counts(2, TRIED)
    for _ in range(30):
        count = draw(cohort.window, 8.0)
        cohort.step(
            traffic(cohort.at_us, count, failures=np.random.default_rng(cohort.window).binomial(count.astype(int), SHARE).astype(float))
        )
    assert cohort.began("failures") == []


@settings(max_examples=50)
@given(st.floats(1e-3, 1e6))
def test_ln_gamma_follows_its_recurrence(x):
    difference = ln_gamma(np.array([x + 1.0])) - ln_gamma(np.array([x]))
    assert difference[0] == pytest.approx(np.log(x), rel=1e-6, abs=1e-6)


def test_evidence_is_the_beta_binomials():
    """All outcomes of ten tries have probability one under either hypothesis."""
    outcomes, tried = np.arange(11.0), np.full(11, 10.0)
    share, concentration = np.full(11, 0.2), np.full(11, 5.0)
    exact = np.array([_beta_binomial(k, 10, 1.0, 4.0) for k in range(11)])
    ratio = np.exp(log_ratio(outcomes, tried, share, concentration, np.array([3.0]))[0])
    assert (exact * ratio).sum() == pytest.approx(1.0, rel=1e-9)


def _beta_binomial(k: int, n: int, a: float, b: float) -> float:
    from math import comb, exp, lgamma

    return comb(n, k) * exp(lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b) - lgamma(a) - lgamma(b) + lgamma(a + b))
