"""Whether a change kept to its window is decided by what most of its Users show."""

from dataclasses import dataclass, field

import pytest

from correlation.change_reports.timekeeping import kept_times
from models.times import MINUTE_US, us
from tests.correlation.past import change

KEY = "DCC/DCC-1"
MAINTENANCE = change("DCC-1", owner="DCC", source="dcc", category="planned_maintenance")
START_US, END_US = us(MAINTENANCE.planned_start), us(MAINTENANCE.planned_end)


@dataclass
class Trace:
    user: str
    onset_us: int = START_US
    ended_us: int | None = END_US
    kind: str = "silence"
    last_us: int = END_US
    window_s: int = 60
    at_origin: bool = True
    within: list[str] = field(default_factory=lambda: [KEY])
    beyond: list[str] = field(default_factory=list)
    alert_id: str = "A-1"


def traces(late: int, users: int) -> list[Trace]:
    return [Trace(f"USER-{number:02d}", ended_us=END_US + (7 * MINUTE_US if number < late else 0)) for number in range(users)]


@pytest.mark.parametrize(("late", "users", "overran_s"), [(1, 1, 420), (1, 4, 420), (1, 10, 0), (2, 20, 0), (3, 20, 420), (20, 20, 420)])
def test_one_small_user_s_noise_is_no_overrun_of_a_change_at_many(late: int, users: int, overran_s: float) -> None:
    assert kept_times(MAINTENANCE, KEY, START_US, traces(late, users)).overran_s == overran_s


def test_several_alerts_of_one_user_count_once() -> None:
    noisy = [Trace("USER-00", ended_us=END_US + 7 * MINUTE_US) for _ in range(5)]
    assert kept_times(MAINTENANCE, KEY, START_US, [*noisy, *traces(0, 10)]).overran_s == 0


def test_an_early_start_at_one_of_many_is_none() -> None:
    early = [Trace("USER-00", onset_us=START_US - 9 * MINUTE_US), *traces(0, 10)[1:]]
    assert kept_times(MAINTENANCE, KEY, START_US, early).started_early_s == 0
    assert kept_times(MAINTENANCE, KEY, START_US, early[:5]).started_early_s == 540


def test_one_user_that_stays_away_for_hours_or_everyone_is_an_overrun_however_many_kept_to_it() -> None:
    hours = Trace("USER-00", ended_us=END_US + 180 * MINUTE_US)
    still_open = Trace("USER-00", ended_us=None, last_us=END_US + 120 * MINUTE_US)
    everyone = Trace("", ended_us=END_US + 7 * MINUTE_US)
    assert kept_times(MAINTENANCE, KEY, START_US, [hours, *traces(0, 20)[1:]]).overran_s == 180 * 60
    assert kept_times(MAINTENANCE, KEY, START_US, [still_open, *traces(0, 20)[1:]]).overran_s == 120 * 60
    assert kept_times(MAINTENANCE, KEY, START_US, [everyone, *traces(0, 20)]).overran_s == 420
