from functools import cache

import numpy as np
import pytest

from changes.calendar import Calendar
from models.times import HOUR_US, MINUTE_US, us
from simulator.scenarios import SCENARIOS
from simulator.simulation import Simulation
from simulator.truth import Anomaly
from tests.simulator.builders import simulated

KINDS = {"storm", "backlog", "silence", "drop", "failures", "drift", "stale"}
SEEDS = range(4)


@cache
def columns(scenario: str, seed: int, users: int = 8) -> tuple[Simulation, dict[str, np.ndarray]]:
    """A simulation of one day with its columns over all windows."""
    simulation = simulated(scenario, seed=seed, users=users)
    names = ("messages", "failures", "depth", "oldest_age_s", "ends_us", "traffic_reported")
    parts = list(simulation.stretches())
    return simulation, {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}


def usual(simulation: Simulation) -> np.ndarray:
    """Expected messages on an ordinary day, (windows, series)."""
    return simulation.world.rates(simulation.timeline, 0, simulation.timeline.windows)


def during(simulation: Simulation, start_us: int, end_us: int) -> slice:
    return slice(simulation.timeline.index(start_us), simulation.timeline.index(end_us))


def ratio(simulation: Simulation, result: dict[str, np.ndarray], span: slice, series: np.ndarray) -> float:
    """Messages against an ordinary day's."""
    return float(result["messages"][span, series].sum() / usual(simulation)[span, series].sum())


def main(simulation: Simulation) -> Anomaly:
    return next(anomaly for anomaly in simulation.truth.anomalies if not anomaly.collateral)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_of_any_seed_is_in_order(scenario: str, seed: int) -> None:
    simulation = simulated(scenario, seed=seed, users=8)
    truth, ids = simulation.truth, {change.change_id for change in simulation.changes}
    users = {user.name for user in simulation.world.users}
    assert len({anomaly.id for anomaly in truth.anomalies}) == len(truth.anomalies)
    for anomaly in truth.anomalies:
        assert truth.judged_from_us <= anomaly.onset_us < anomaly.ends_us <= simulation.timeline.end_us
        assert set(anomaly.kinds) <= KINDS
        assert {anomaly.user, anomaly.origin_user} <= users | {None}
        assert {anomaly.caused_by, *anomaly.threatens} <= ids | {None}
    # What happens as declared may cause what others miss, as maintenance of a service does.
    causes = {anomaly.caused_by for anomaly in truth.anomalies} - {None, *truth.as_expected}
    named = [*truth.harmless, *truth.as_expected, *causes]
    assert len(named) == len(set(named)), "a change is harmless, or as expected, or a cause"
    assert set(named) == ids


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_changes_can_be_declared_and_belong_to_somebody(scenario: str) -> None:
    simulation = simulated(scenario, users=8)
    calendar = Calendar()
    for change in simulation.changes:
        calendar.declare(change, None)
        assert change.owner in {user.name for user in simulation.world.users} | {"DCC"} or change.source == "service_provider"
    assert {change.change_id for change in calendar.view(simulation.timeline.end_us).changes} == {c.change_id for c in simulation.changes}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_firewall_piles_up_one_and_a_half_million_messages_and_the_others_feel_it(seed: int) -> None:
    simulation, rates = columns("firewall", seed)
    shut = main(simulation)
    world = simulation.world
    own = world.select(user=str(shut.user), direction="to_user")
    queue = next(index for index, key in enumerate(world.queues) if (key.user, key.queue) == (shut.user, "to_user"))
    assert 1_450_000 <= rates["depth"][:, queue].max() <= 1_600_000
    opens = int(rates["depth"][:, queue].argmax()) + 1
    assert rates["messages"][during(simulation, shut.onset_us, simulation.timeline.starts_us(opens)), own].sum() == 0
    assert (
        rates["depth"][simulation.timeline.index(shut.ends_us) - 10 if shut.ends_us < simulation.timeline.end_us else -1, queue] < 400_000
    )
    others = world.select(message_class="service_response") & ~world.select(user=str(shut.user))
    assert ratio(simulation, rates, slice(opens - 5, opens), others) < 0.65
    assert ratio(simulation, rates, slice(0, simulation.timeline.index(shut.onset_us)), others) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_firewall_threatens_the_disaster_recovery_test_of_that_day(seed: int) -> None:
    simulation = simulated("firewall", seed=seed, users=8)
    shut = main(simulation)
    (threatened,) = [change for change in simulation.changes if change.change_id in shut.threatens]
    assert threatened.category == "bcdr_test"
    assert shut.onset_us < us(threatened.planned_start) < simulation.timeline.end_us


@pytest.mark.parametrize("seed", SEEDS)
def test_the_storm_is_20_to_100_times_the_usual_and_stops_everyones_commissioning(seed: int) -> None:
    simulation, rates = columns("message-storm", seed)
    storm, world = main(simulation), simulation.world
    span = during(simulation, storm.onset_us + 5 * MINUTE_US, storm.ends_us - 5 * MINUTE_US)
    asked = world.select(user=str(storm.user), direction="to_dsp", service=frozenset({"4.6.1", "4.8.1"}))
    assert 15 < ratio(simulation, rates, span, asked) < 120
    assert rates["failures"][span, asked].sum() > 0.85 * rates["messages"][span, asked].sum()
    commissioning = world.select(message_class="service_response", service=frozenset({"8.1.1", "8.2"}))
    assert ratio(simulation, rates, span, commissioning) < 0.45
    vends = world.select(service="2.2")
    assert ratio(simulation, rates, span, vends) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_day_holds_both_incidents_at_different_users_and_four_harmless_changes(seed: int) -> None:
    truth = simulated("day", seed=seed, users=60).truth
    first, second = (anomaly for anomaly in truth.anomalies if not anomaly.collateral)
    assert first.user != second.user
    assert first.caused_by != second.caused_by
    assert len(truth.harmless) == 4


def test_the_usual_day_of_three_million_events_has_two_days_of_history() -> None:
    simulation = simulated("day", users=60, days=SCENARIOS["day"].days)
    assert 2_900_000 < simulation.events < 3_300_000
    assert simulation.truth.judged_from_us - simulation.timeline.start_us == 48 * HOUR_US


@pytest.mark.parametrize("seed", SEEDS)
def test_a_region_outage_touches_all_who_are_there_and_no_one_else(seed: int) -> None:
    simulation, rates = columns("region-outage", seed)
    outage = main(simulation)
    assert outage.user is None
    assert outage.origin_user is None
    span = during(simulation, outage.onset_us + MINUTE_US, outage.ends_us)
    there = simulation.world.select(region=str(outage.region), direction="to_user")
    elsewhere = ~simulation.world.select(region=str(outage.region))
    assert ratio(simulation, rates, span, there) < 0.1
    assert ratio(simulation, rates, span, elsewhere) == pytest.approx(1, abs=0.05)


def test_weather_is_bursts_of_outage_alerts_of_one_region_and_nobodys_change() -> None:
    simulation, rates = columns("weather", 1, users=30)
    cuts = simulation.truth.anomalies
    assert cuts
    assert all(anomaly.weather and anomaly.caused_by is None and anomaly.origin_user is None for anomaly in cuts)
    span = during(simulation, cuts[0].onset_us, cuts[0].ends_us)
    alerts = simulation.world.select(service=frozenset({"8F36", "AD1"}), region=str(cuts[0].region))
    assert ratio(simulation, rates, span, alerts) > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_tariff_day_does_what_was_declared_and_no_more(seed: int) -> None:
    simulation, rates = columns("tariff-day", seed)
    declared = [change for change in simulation.changes if change.change_id in simulation.truth.as_expected]
    assert declared
    for change in declared:
        prices = simulation.world.select(user=change.owner, service="1.1.1")
        grown = ratio(
            simulation,
            rates,
            during(simulation, us(change.planned_start) + 10 * MINUTE_US, us(change.planned_end) - 10 * MINUTE_US),
            prices,
        )
        assert change.expected is not None
        assert change.expected.factor is not None
        assert 4 < grown < 1.5 * change.expected.factor


def test_planned_maintenance_is_as_deep_as_declared() -> None:
    simulation, rates = columns("planned-maintenance", 1)
    (change,) = [change for change in simulation.changes if change.change_id in simulation.truth.as_expected]
    span = during(simulation, us(change.planned_start) + 3 * MINUTE_US, us(change.planned_end) - 3 * MINUTE_US)
    touched = ~simulation.world.select(message_class=frozenset({"device_alert", "dcc_alert"}))
    assert change.expected is not None
    assert ratio(simulation, rates, span, touched) == pytest.approx(change.expected.factor, rel=0.1)


def test_an_overrun_begins_when_the_window_ends() -> None:
    simulation, rates = columns("overrun", 2)
    overrun = main(simulation)
    (change,) = [change for change in simulation.changes if change.change_id == overrun.caused_by]
    assert overrun.onset_us == us(change.planned_end)
    own = simulation.world.select(user=str(overrun.user), direction="to_dsp")
    assert rates["messages"][during(simulation, us(change.planned_start) + MINUTE_US, overrun.ends_us), own].sum() == 0
    assert rates["messages"][during(simulation, overrun.ends_us + MINUTE_US, overrun.ends_us + HOUR_US), own].sum() > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_late_declaration_comes_after_the_onset(seed: int) -> None:
    simulation = simulated("late-declared", seed=seed, users=8)
    trouble = main(simulation)
    (change,) = [change for change in simulation.changes if change.change_id == trouble.caused_by]
    assert change.declared_at is not None
    assert us(change.declared_at) > trouble.onset_us >= us(change.planned_start)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cancelled_change_was_called_off_before_the_trouble_began(seed: int) -> None:
    simulation = simulated("cancelled", seed=seed, users=8)
    trouble = main(simulation)
    assert trouble.caused_by is None
    (called_off,) = [change for change in simulation.changes if change.status == "cancelled"]
    assert called_off.owner == trouble.origin_user
    assert called_off.updated_at is not None
    assert us(called_off.updated_at) < trouble.onset_us


def test_decoys_are_of_every_sort_over_the_seeds() -> None:
    listed = [simulated("decoys", seed=seed, users=12) for seed in range(30)]
    mains = [[anomaly for anomaly in simulation.truth.anomalies if not anomaly.collateral] for simulation in listed]
    assert any(anomalies[0].weather for anomalies in mains)
    assert any(anomalies[0].user is None for anomalies in mains)
    assert any(anomalies[0].caused_by for anomalies in mains)
    assert any(anomalies[0].caused_by is None and anomalies[0].origin_user for anomalies in mains)
    assert all(len(simulation.truth.harmless) >= 8 for simulation in listed)
