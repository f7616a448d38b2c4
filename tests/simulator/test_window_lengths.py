"""Several window lengths in one fleet: longer windows hold what the short ones of the same time would have held."""

import numpy as np
import pytest

from models.errors import HighwaterError
from models.times import parse_time
from simulator.memory import batches, ticks_by_length
from simulator.simulation import Simulation, find_scenario, simulate
from simulator.traffic import stretches

START_US = parse_time("2026-03-02T00:00:00Z")


def of_two_lengths(seed: int = 3) -> Simulation:
    return simulate(find_scenario("quiet"), seed, users=2, days=1, start_us=START_US, window_s=10, longer_window_s=60)


def test_every_second_user_is_measured_in_longer_windows():
    lengths = {key.user: key.window_s for key in (*of_two_lengths().world.traffic, *of_two_lengths().world.queues)}
    assert sorted(lengths.values()) == [10, 60]


def test_a_longer_window_holds_the_messages_of_its_short_ones():
    simulation = of_two_lengths()
    short = stretches(simulation.world, simulation.timeline, simulation.effects, simulation.seed)
    longer = np.array([key.window_s == 60 for key in simulation.world.traffic])
    for drawn, measured in zip(short, simulation.stretches(), strict=True):
        assert measured.traffic_reported[:, ~longer].all()
        seen = measured.traffic_reported[:, longer]
        assert (seen[5::6]).all()
        assert seen.sum() == seen[5::6].size
        wanted = drawn.messages[:, longer].reshape(-1, 6, longer.sum()).sum(axis=1)
        assert np.array_equal(measured.messages[5::6][:, longer], wanted)


def test_lines_and_columns_say_the_same():
    simulation = of_two_lengths()
    events = sum(len(batch) for batch in batches(simulation))
    closed = [part for ends in ticks_by_length(simulation) for part in ends]
    assert {part.length.window_s for part in closed} == {10, 60}
    assert events == sum(part.traffic.reported.sum() + part.queues.reported.sum() for part in closed)
    assert sum(block.count(b"\n") for block in simulation.blocks()) == events
    of_batches = sum(int(batch.value[[not batch.keys[key].is_queue for key in batch.key]].sum()) for batch in batches(simulation))
    assert of_batches == sum(part.traffic.messages.sum() for part in closed)


@pytest.mark.parametrize("longer_window_s", [5, 25, 7200])
def test_a_length_that_does_not_fit_is_refused(longer_window_s: int):
    with pytest.raises(HighwaterError, match="longer window"):
        simulate(find_scenario("quiet"), 1, users=2, days=1, start_us=START_US, window_s=10, longer_window_s=longer_window_s)
