from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.queues import Passed, Queues
from simulator.world import World, build_world


@cache
def world() -> World:
    return build_world(3, users=2, window_s=60, days=1)


def some_arrivals(seed: int, windows: int, scale: float = 1.0) -> np.ndarray:
    rates = world().mean_per_s * 60 * scale
    return np.random.default_rng(seed).poisson(rates, (windows, len(rates)))


def passed(arrivals: np.ndarray, closed: np.ndarray | None, cuts: list[int]) -> Passed:
    """Send arrivals through in pieces."""
    queues, draw = Queues(world(), 60), np.random.default_rng(9)
    edges = [0, *sorted(set(cuts)), len(arrivals)]
    pieces = [queues.pass_on(arrivals[a:b], None if closed is None else closed[a:b], a, draw) for a, b in pairwise(edges) if a < b]
    return Passed(*(np.vstack([getattr(piece, name) for piece in pieces]) for name in Passed.__slots__))


@given(
    st.integers(0, 999), st.integers(0, 50), st.integers(0, 50), st.sampled_from([0.3, 1.0, 6.0]), st.lists(st.integers(1, 59), max_size=3)
)
@settings(max_examples=60, deadline=None)
def test_what_waits_is_what_waited_plus_what_came_less_what_went(seed: int, begin: int, length: int, scale: float, cuts: list[int]) -> None:
    arrivals = some_arrivals(seed, 60, scale)
    closed = np.zeros(arrivals.shape, dtype=np.bool_)
    closed[begin : begin + length, np.random.default_rng(seed).random(arrivals.shape[1]) < 0.5] = True
    through = passed(arrivals, closed, cuts)
    before = np.vstack([np.zeros((1, through.depth.shape[1]), dtype=np.int64), through.depth[:-1]])
    assert np.array_equal(through.depth, before + through.enqueued - through.delivered)
    assert min(through.depth.min(), through.delivered.min(), through.by_series.min()) >= 0
    by_queue = np.stack([through.by_series[:, world().queue_of == queue].sum(axis=1) for queue in range(through.depth.shape[1])], axis=1)
    assert np.array_equal(by_queue, through.delivered)
    assert (through.depth <= world().depth_limit).all()
    assert (through.delivered <= np.ceil(world().capacity_per_s * 60) + np.maximum(before, 1)).all()


def test_a_closed_route_delivers_nothing_and_its_oldest_message_ages_with_the_clock() -> None:
    arrivals = some_arrivals(1, 40)
    closed = np.zeros(arrivals.shape, dtype=np.bool_)
    queue = next(index for index, key in enumerate(world().queues) if key.queue == "to_user")
    closed[10:30, world().queue_of == queue] = True
    through = passed(arrivals, closed, [])
    assert through.delivered[10:30, queue].sum() == 0
    ages = through.oldest_age_s[10:30, queue]
    assert ages[-1] == pytest.approx(20 * 60, abs=60)
    assert np.allclose(np.diff(ages), 60)
    assert through.depth[29, queue] == pytest.approx(arrivals[10:30, world().queue_of == queue].sum(), rel=0.01)


def test_a_reopened_route_drains_at_its_capacity_and_is_then_as_before() -> None:
    arrivals = some_arrivals(1, 60)
    closed = np.zeros(arrivals.shape, dtype=np.bool_)
    queue = next(index for index, key in enumerate(world().queues) if key.queue == "to_user")
    closed[5:20, world().queue_of == queue] = True
    through = passed(arrivals, closed, [])
    capacity = int(np.ceil(world().capacity_per_s[queue] * 60))
    assert through.delivered[20:24, queue].tolist() == [capacity] * 4
    assert through.depth[-1, queue] < 0.1 * arrivals[-1].sum()
    assert through.oldest_age_s[-1, queue] < 60


def test_undelivered_messages_are_dropped_after_two_days() -> None:
    small = build_world(3, users=1, window_s=3600, days=4)
    queues, draw = Queues(small, 3600), np.random.default_rng(1)
    arrivals = np.full((60, len(small.traffic)), 5)
    through = queues.pass_on(arrivals, np.ones(arrivals.shape, dtype=np.bool_), 0, draw)
    series = int((small.queue_of == 1).sum())
    assert through.depth[:, 1].max() == 5 * series * 49
    assert through.oldest_age_s.max() == 49 * 3600


def test_cutting_the_time_into_pieces_keeps_what_waits() -> None:
    arrivals = some_arrivals(2, 30)
    closed = np.zeros(arrivals.shape, dtype=np.bool_)
    closed[8:25] = True
    whole, pieces = passed(arrivals, closed, []), passed(arrivals, closed, [9, 10, 20])
    assert np.array_equal(whole.depth[8:25] - whole.depth[7], pieces.depth[8:25] - pieces.depth[7])
