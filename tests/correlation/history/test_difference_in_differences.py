import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.history.difference_in_differences import difference_in_differences, running, shift


def traffic(bins: int = 120, units: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    expected = np.full((bins, units), 100.0)
    return np.random.default_rng(seed).poisson(expected).astype(np.float64), expected


def test_a_unit_that_doubles_moves_by_ln_2_and_is_affected_alone() -> None:
    observed, expected = traffic()
    observed[110:, 3] *= 2
    moves = shift(running(observed, expected), 110, 120, 20)
    assert moves.moved[3] == pytest.approx(np.log(2), abs=0.05)
    assert np.flatnonzero(moves.affected(up=True)).tolist() == [3]
    assert not moves.affected(up=False).any()


def test_silence_moves_further_than_any_noise() -> None:
    observed, expected = traffic()
    observed[110:, 0] = 0
    moves = shift(running(observed, expected), 110, 120, 20)
    assert moves.affected(up=False)[0]
    estimate = difference_in_differences(np.eye(10, dtype=np.float32), moves, up=False)
    assert estimate.delta[0] < -5
    assert estimate.p_value[0] == pytest.approx(1 / (1 + len(moves.placebo)))
    assert estimate.p_value[1:].min() > 0.01


def test_what_moved_everyone_is_no_difference() -> None:
    observed, expected = traffic()
    observed[110:] = np.round(expected[110:] * 0.6)
    moves = shift(running(observed, expected), 110, 120, 20)
    estimate = difference_in_differences(np.eye(10, dtype=np.float32), moves, up=False)
    assert estimate.outside_share.min() == 1.0
    assert np.abs(estimate.delta).max() < 0.1 < np.abs(moves.moved).min()


def test_one_control_with_an_incident_of_its_own_hardly_counts() -> None:
    observed, expected = traffic()
    observed[110:, 0] *= 3
    observed[110:, 1] *= 50
    scopes = np.zeros((1, 10), np.float32)
    scopes[0, 0] = 1
    estimate = difference_in_differences(scopes, shift(running(observed, expected), 110, 120, 20), up=True)
    assert estimate.delta[0] == pytest.approx(np.log(3), abs=0.1)


def test_a_scope_without_traffic_says_nothing() -> None:
    observed, expected = traffic(units=2)
    observed[:, 0], expected[:, 0] = 0, 0
    estimate = difference_in_differences(np.eye(2, dtype=np.float32), shift(running(observed, expected), 110, 120, 20), up=True)
    assert np.isnan(estimate.delta[0])
    assert np.isnan(estimate.p_value[0])


def test_without_any_expectation_the_own_mean_is_it() -> None:
    observed, expected = traffic()
    observed[110:, 2] *= 3
    moves = shift(running(observed, np.zeros_like(expected)), 110, 120, 20)
    assert np.flatnonzero(moves.affected(up=True)).tolist() == [2]


def test_alone_its_own_history_is_the_control() -> None:
    observed, expected = traffic(units=1)
    observed[110:] *= 2
    estimate = difference_in_differences(np.ones((1, 1), np.float32), shift(running(observed, expected), 110, 120, 20), up=True)
    assert estimate.delta[0] == pytest.approx(np.log(2), abs=0.1)
    assert estimate.p_value[0] < 0.05


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), first=st.integers(30, 100), span=st.integers(1, 15))
def test_the_placebo_p_value_of_noise_is_seldom_small(seed: int, first: int, span: int) -> None:
    observed, expected = traffic(units=40, seed=seed)
    moves = shift(running(observed, expected), first, first + span, min(2 * span + 1, first))
    estimate = difference_in_differences(np.eye(40, dtype=np.float32), moves, up=True)
    if len(moves.placebo) >= 20:
        assert (estimate.p_value <= 0.05).mean() <= 0.3
    assert not moves.affected(up=True).sum() > 2
