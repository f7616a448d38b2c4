import re

import numpy as np
import pytest

from models.errors import HighwaterError
from models.times import DAY_US, MINUTE_US, parse_time
from simulator.profiles import FAMILIES, MINUTES_A_WEEK, weekly_profiles
from simulator.timeline import Timeline
from simulator.world import build_world
from tests.simulator.builders import simulated

WEEK = Timeline.of_days(parse_time("2026-01-05T00:00:00Z"), days=7, window_s=3600)


def test_sixty_users_make_some_720_series_at_the_rate_of_late_2022() -> None:
    world = build_world(1, users=60, window_s=60, days=3)
    assert len(world.users) == 60
    assert 680 <= len(world.traffic) + len(world.queues) <= 760
    assert 900 <= world.mean_per_s.sum() <= 1600


def test_user_ids_are_what_the_contract_allows_and_all_different() -> None:
    names = [user.name for user in build_world(1, users=500, window_s=60, days=1).users]
    assert len(set(names)) == 500
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name) for name in names)


def test_even_a_few_users_are_of_different_roles() -> None:
    assert len({user.role.name for user in build_world(1, users=4, window_s=60, days=1).users}) == 4


def test_series_and_queues_are_in_canonical_order_and_distinct() -> None:
    world = build_world(5, users=20, window_s=60, days=1)
    assert list(world.traffic) == sorted(set(world.traffic))
    assert list(world.queues) == sorted(set(world.queues))
    assert (np.diff(world.queue_of) >= 0).all()


def test_a_world_without_users_is_refused_in_one_line() -> None:
    with pytest.raises(HighwaterError, match="1 to 100000 Users, not 0"):
        build_world(1, users=0, window_s=60, days=1)


def test_profiles_have_mean_one() -> None:
    assert weekly_profiles().shape == (len(FAMILIES), MINUTES_A_WEEK)
    assert np.allclose(weekly_profiles().mean(axis=1), 1)


def test_reads_come_in_the_night_installs_on_working_days_and_vends_in_the_evening() -> None:
    profile = dict(zip(FAMILIES, weekly_profiles(), strict=True))

    def at(family: str, day: int, hour: float) -> float:
        return float(profile[family][round((day * 24 + hour) * 60)])

    assert at("reads", 2, 3) > 10 * at("reads", 2, 14)
    assert at("installs", 2, 12) > 20 * at("installs", 2, 3)
    assert at("installs", 6, 12) < 0.05 * at("installs", 2, 12)
    assert at("vends", 2, 18.7) > 1.5 * at("vends", 2, 14)


def test_nothing_jumps_within_a_minute() -> None:
    profiles = weekly_profiles()
    assert (np.abs(np.diff(profiles, axis=1)).max(axis=1) < 0.05 * profiles.max(axis=1)).all()


def test_people_move_with_the_clock_and_schedules_do_not() -> None:
    world = build_world(1, users=6, window_s=3600, days=7)
    winter = world.rates(WEEK, 0, 168)
    summer = world.rates(Timeline(WEEK.start_us + 26 * 7 * DAY_US, 168, 3600), 0, 168)
    assert np.allclose(summer[:, world.keeps_utc], winter[:, world.keeps_utc])
    assert np.allclose(summer[30:100, ~world.keeps_utc], winter[31:101, ~world.keeps_utc], rtol=0.2, atol=1)
    assert not np.allclose(summer[30:100, ~world.keeps_utc], winter[30:100, ~world.keeps_utc], rtol=0.2, atol=1)


def test_every_seed_is_another_world_of_the_same_size() -> None:
    first, second = build_world(1, users=12, window_s=60, days=1), build_world(2, users=12, window_s=60, days=1)
    assert len(first.users) == len(second.users)
    assert not np.array_equal(first.mean_per_s[: len(second.mean_per_s)], second.mean_per_s[: len(first.mean_per_s)])


def test_counts_scatter_more_than_a_poisson_count_and_as_much_as_reported() -> None:
    from simulator.traffic import negative_binomial

    draw = np.random.default_rng(4)
    counts = negative_binomial(draw, np.full((200_000, 1), 40.0), np.array([2.5]))
    assert counts.mean() == pytest.approx(40, rel=0.01)
    assert counts.var() / counts.mean() == pytest.approx(2.5, rel=0.03)


def test_a_start_off_the_grid_begins_at_the_next_window() -> None:
    simulation = simulated(start="2026-01-05T00:00:30Z")
    assert simulation.timeline.start_us == parse_time("2026-01-05T00:01:00Z")
    assert simulation.timeline.start_us % MINUTE_US == 0
