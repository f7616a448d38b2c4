from pathlib import Path

import numpy as np
import pytest

from models.civil_time import BRITAIN, local_us
from models.errors import HighwaterError
from models.times import DAY_US, HOUR_US, MINUTE_US, parse_time
from simulator.effects import Slide, slid
from simulator.realities import REALITIES
from simulator.recorded import read_recordings
from simulator.scenarios import SCENARIOS
from simulator.simulation import Simulation, simulate


def simulated(reality: str, *, days: int = 9, start: str = "2026-06-01T00:00:00Z", window_s: int = 300, seed: int = 3) -> Simulation:
    return simulate(
        SCENARIOS["quiet"], seed, users=6, days=days, start_us=parse_time(start), window_s=window_s, realities=(reality,) if reality else ()
    )


def messages(simulation: Simulation) -> np.ndarray:
    return np.concatenate([part.messages for part in simulation.stretches()])


def middles(simulation: Simulation) -> np.ndarray:
    return local_us(simulation.timeline.ends_us(0, simulation.timeline.windows) - simulation.timeline.window_us // 2, BRITAIN)


@pytest.mark.parametrize("reality", REALITIES)
def test_a_reality_changes_traffic_and_declares_and_claims_nothing(reality: str) -> None:
    plain, other = simulated("", start="2026-03-30T00:00:00Z"), simulated(reality, start="2026-03-30T00:00:00Z")
    assert other.changes == plain.changes
    assert other.truth == plain.truth
    assert len(other.effects) > len(plain.effects)


def test_a_holiday_runs_as_a_sunday_for_most() -> None:
    simulation = simulated("holidays", days=14, start="2026-03-30T00:00:00Z")
    counts, day = messages(simulation).astype(float), middles(simulation) // DAY_US
    office = simulation.world.select(message_class="service_request") & ~simulation.world.keeps_utc
    by_day = np.array([counts[day == one][:, office].sum() for one in np.unique(day)])
    friday, sunday, monday, usual_friday, usual_monday = by_day[4], by_day[6], by_day[7], by_day[11], by_day[0]
    assert friday < 0.97 * usual_friday
    assert abs(friday / sunday - 1) < abs(usual_friday / sunday - 1)
    assert abs(monday / sunday - 1) < abs(usual_monday / sunday - 1)


def test_office_hours_are_exactly_zero_outside_them() -> None:
    simulation = simulated("office-hours")
    counts, at = messages(simulation), middles(simulation)
    hour, weekday = at % DAY_US / HOUR_US, (at // DAY_US + 3) % 7
    shut = (weekday > 4) | (hour < 8) | (hour >= 18)
    silent = counts[shut].sum(axis=0) == 0
    assert silent.any()
    assert (counts[~shut][:, silent].sum(axis=0) > 0).all()


def test_a_nightly_surge_begins_one_week_and_keeps_its_minute() -> None:
    plain, surged = messages(simulated("")), messages(simulated("nightly-surge"))
    at = middles(simulated(""))
    first = at[np.flatnonzero((plain != surged).any(axis=1))[0]]
    assert first % DAY_US // MINUTE_US == 22 * 60 + 2
    assert (first - at[0]) // DAY_US >= 7


def test_spikes_are_punctual_to_the_minute() -> None:
    simulation = simulated("spikes", days=1, window_s=60)
    counts, minute = messages(simulation), middles(simulation) // MINUTE_US % 5
    by_minute = np.array([counts[minute == one].mean(axis=0) for one in range(5)])
    assert (by_minute.max(axis=0) > 8 * np.median(by_minute, axis=0)).any()


def test_what_slides_into_the_next_window_is_lost_nowhere_and_added_nowhere() -> None:
    rates = np.random.default_rng(1).uniform(1, 100, (12, 2))
    effects = [Slide(np.array([True, False]), window, 0.6) for window in (3, 4, 7, 7)]
    whole = slid(rates.copy(), effects, 0)
    assert whole[3, 0] == pytest.approx(0.4 * rates[3, 0])
    assert whole[4, 0] == pytest.approx(0.4 * rates[4, 0] + 0.6 * rates[3, 0])
    assert whole.sum(axis=0) == pytest.approx(rates.sum(axis=0))
    assert (whole[:, 1] == rates[:, 1]).all()
    for first in range(1, 12):
        assert slid(rates[first - 1 :].copy(), effects, first - 1)[1:] == pytest.approx(whole[first:])


def test_a_user_that_comes_late_reports_nothing_before_and_a_retired_one_nothing_after() -> None:
    parts = list(simulated("comings-and-goings").stretches())
    reported = np.concatenate([part.traffic_reported for part in parts])
    assert (~reported[0] & reported[-1]).any() or (reported[0] & ~reported[-1]).any()


def recording(folder: Path, name: str, *, days: int = 8, label_at: int = -1) -> np.ndarray:
    counts = np.random.default_rng(1).poisson(50, days * 1440)
    rows = [f"{1_780_272_000 + 60 * minute},{count},{int(minute == label_at)}" for minute, count in enumerate(counts)]
    (folder / name).write_text("timestamp,value,label\n" + "\n".join(rows) + "\n")
    return counts


def recorded(folder: Path, *, days: int = 2, start: str = "2026-06-01T00:00:00Z") -> Simulation:
    return simulate(SCENARIOS["quiet"], 1, users=2, days=days, start_us=parse_time(start), recordings=read_recordings(folder))


def test_recorded_counts_are_the_traffic_to_the_message(tmp_path: Path) -> None:
    counts = recording(tmp_path, "a.csv")
    simulation = recorded(tmp_path)
    sent = np.flatnonzero(simulation.world.select(direction="to_dsp"))
    assert (messages(simulation)[:, sent] == counts[: 2 * 1440, None]).all()


def test_recorded_counts_keep_their_time_of_the_week(tmp_path: Path) -> None:
    counts = recording(tmp_path, "a.csv")
    simulation = recorded(tmp_path, start="2026-06-10T06:00:00Z")
    sent = np.flatnonzero(simulation.world.select(direction="to_dsp"))
    begins = 2 * 1440 + 360
    assert (messages(simulation)[:, sent] == counts[begins : begins + 2 * 1440, None]).all()


def test_trouble_that_was_marked_in_the_recording_is_true_and_no_duty(tmp_path: Path) -> None:
    recording(tmp_path, "a.csv", label_at=1440 + 60)
    marked = [one for one in recorded(tmp_path).truth.anomalies if one.id.startswith("recorded-")]
    assert {one.user for one in marked} == {user.name for user in recorded(tmp_path).world.users}
    assert all(one.collateral and one.onset_us == parse_time("2026-06-02T01:00:00Z") for one in marked)


def test_a_recording_that_is_too_short_is_refused_with_what_to_do(tmp_path: Path) -> None:
    recording(tmp_path, "a.csv", days=2)
    with pytest.raises(HighwaterError, match="fewer --days"):
        recorded(tmp_path, days=3)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HighwaterError, match=r"timestamp,value"):
        read_recordings(tmp_path)
