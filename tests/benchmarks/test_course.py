"""Course: what incidents state after their first minute, over seeds (minutes each): relapse, depth, and quiet days."""

from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.campaign import DecidedWindow, decide
from models.incident import Incident
from models.times import DAY_US, MINUTE_US, parse_time, us
from simulator.flood import flood_dsp, some_flood
from simulator.scenarios import Scenario
from simulator.simulation import Simulation, find_scenario, simulate
from simulator.story import Stage, Story

FIRST_SEED, USERS = 720, 20
PAUSE_US = 10 * MINUTE_US


def simulated(scenario: Scenario, seed: int, days: int | None = None) -> Simulation:
    return simulate(scenario, seed, users=USERS, days=days or scenario.days, start_us=parse_time(scenario.start), window_s=60)


def records(windows: Iterator[DecidedWindow]) -> list[Incident]:
    return [record for window in windows for record in window.decisions.incidents]


def twice(stage: Stage) -> Story:
    """A storm of half an hour, ten quiet minutes, and half an hour of the same storm."""
    user, onset = stage.choose("large supplier"), stage.between(9, 14)
    spans = [(onset, onset + 3 * PAUSE_US), (onset + 4 * PAUSE_US, onset + 7 * PAUSE_US)]
    story = Story()
    for number, span in enumerate(spans):
        story += flood_dsp(stage, user, some_flood(stage, *span), cause=None, name=f"storm-{number}")
    return story


RELAPSE = Scenario("relapse", "A storm comes back ten minutes after it ended.", twice)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 20))
def test_a_relapse_after_ten_minutes_is_not_missed(seed: int) -> None:
    simulation = simulated(RELAPSE, seed)
    first, second = (anomaly for anomaly in simulation.truth.anomalies if not anomaly.collateral)
    last: dict[str, Incident] = {}
    open_in_second = False
    for window in decide(simulation):
        last |= {record.incident_id: record for record in window.decisions.incidents if record.origin_user == first.user}
        open_in_second |= second.onset_us + 5 * MINUTE_US < window.queues.at_us < second.ends_us and any(
            record.status != "resolved" for record in last.values()
        )
    assert open_in_second
    ends = [us(record.ended_at) for record in last.values() if record.ended_at is not None]
    assert abs(max(ends) - second.ends_us) <= 5 * MINUTE_US


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + 10))
def test_the_depth_of_each_revision_is_that_of_its_window(seed: int) -> None:
    simulation = simulated(find_scenario("firewall"), seed)
    (origin,) = {anomaly.origin_user for anomaly in simulation.truth.anomalies if not anomaly.collateral}
    own = np.array([key.user == origin and key.queue == "to_user" for key in simulation.world.queues], np.bool_)
    compared = 0
    for window in decide(simulation):
        waiting = float(window.queues.depth[own].sum())
        for record in window.decisions.incidents:
            if record.origin_user == origin and record.depth is not None and record.status != "resolved" and waiting >= 1000:
                assert record.depth == pytest.approx(waiting, rel=0.1), record.as_of
                compared += 1
    assert compared >= 5


@pytest.mark.soak
def test_ten_quiet_days_have_at_most_one_false_pulse() -> None:
    """After two days to learn from."""
    scenario = find_scenario("quiet")
    since_us = parse_time(scenario.start) + 2 * DAY_US
    result = records(decide(simulated(scenario, FIRST_SEED, days=12)))
    pulses = {one.incident_id for one in result if one.affected_users and one.severity != "info" and us(one.as_of) > since_us}
    assert len(pulses) <= 1
