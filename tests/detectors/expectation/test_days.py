"""Kinds of days: holidays, first weekends, and hours in which nothing is ever due."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from detectors.expectation import dispersion
from detectors.expectation.day_kinds import DAY_KINDS, HOLIDAY, SATURDAY, SUNDAY, WORKING_DAY, DayKinds
from detectors.expectation.hour_curve import HourCurves
from detectors.expectation.week_profile import Profile
from detectors.holidays import HolidayCalendar
from detectors.parameters import DetectionParameters
from models.errors import HighwaterError
from models.times import parse_time
from tests.detectors.cohorts import Cohort, counts, key

WINDOW_S = 900
DAY = 86_400 // WINDOW_S
WORK = np.array([1.0 if 8 <= hour < 18 else 0.25 for hour in range(24)])
FIRST_MONDAY = date(1970, 1, 5)


def hour_number(day: str) -> int:
    return (date.fromisoformat(day) - FIRST_MONDAY).days * 24 + 12


def cohort(start: str, series: int = 8, holidays: HolidayCalendar | None = None) -> Cohort:
    parameters = DetectionParameters(false_alarms_per_day=1.0, fleet_series=100).with_holidays(holidays or HolidayCalendar())
    return Cohort(tuple(key(index) for index in range(series)), parameters=parameters, window_s=WINDOW_S, start_us=parse_time(start))


def factor(window: int, rests: tuple[int, ...] = ()) -> float:
    """Of the mean: work from Monday to Friday but for the days of `rests` (from the start), rest else; the start is a Monday."""
    day, hour = window // DAY, window % DAY * WINDOW_S // 3600
    return 0.25 if day % 7 > 4 or day in rests else float(WORK[hour])


def test_kinds_of_days():
    days = DayKinds(HolidayCalendar(extra=(date(2026, 12, 24),)))
    asked = ("2026-04-02", "2026-04-03", "2026-04-04", "2026-04-05", "2026-04-06", "2026-12-24")
    assert [days.kind(hour_number(day)) for day in asked] == [WORKING_DAY, HOLIDAY, SATURDAY, SUNDAY, HOLIDAY, HOLIDAY]
    scottish = DayKinds(HolidayCalendar("GB-SCT"))
    assert [scottish.kind(hour_number(day)) for day in ("2026-01-02", "2026-04-06")] == [HOLIDAY, WORKING_DAY]
    assert DayKinds(HolidayCalendar("none")).kind(hour_number("2026-04-03")) == WORKING_DAY


def test_a_region_without_known_holidays_is_refused_with_what_to_give():
    with pytest.raises(HighwaterError, match="GB-ENG"):
        DayKinds(HolidayCalendar("XX")).kind(hour_number("2026-04-03"))


def test_holidays_that_run_like_sundays_wake_nobody_and_the_day_after_neither():
    watched = cohort("2026-04-20T00:00:00Z")
    draw = counts(1, np.full(8, 300.0))
    watched.run(16 * DAY, lambda window: draw(window, factor(window, rests=(14,))))
    assert watched.records == []


def test_without_the_calendar_the_same_holidays_are_reported():
    watched = cohort("2026-04-20T00:00:00Z", holidays=HolidayCalendar("none"))
    draw = counts(1, np.full(8, 300.0))
    watched.run(16 * DAY, lambda window: draw(window, factor(window, rests=(14,))))
    assert "drop" in {kind for _, kind, _, _ in watched.records}


def test_a_user_that_works_on_holidays_wakes_nobody_either():
    watched = cohort("2026-04-20T00:00:00Z")
    draw = counts(2, np.full(8, 300.0))
    watched.run(16 * DAY, lambda window: draw(window, factor(window)))
    assert watched.records == []


@pytest.mark.parametrize(("times", "kind"), [(0.0, "silence"), (4.0, "storm")])
def test_gross_trouble_is_found_on_the_first_saturday_too(times: float, kind: str):
    watched = cohort("2026-01-05T00:00:00Z")
    draw = counts(3, np.full(8, 300.0))
    begins = 5 * DAY + 11 * 3600 // WINDOW_S
    # People work on this Saturday too, somewhat less and from nine on.
    saturday = np.where(np.arange(24) == 8, 0.25, 0.8 * WORK)
    watched.run(begins, lambda window: draw(window, factor(window) if window < 5 * DAY else saturday[window % DAY * WINDOW_S // 3600]))
    assert watched.records == []
    watched.run(4, lambda window: draw(window, times * saturday[window % DAY * WINDOW_S // 3600]))
    assert {series for window, entry, series, _ in watched.records if entry == kind and window <= begins + 3} == set(range(8))


def test_a_first_weekend_without_work_wakes_nobody():
    watched = cohort("2026-01-05T00:00:00Z")
    draw = counts(4, np.full(8, 300.0))
    watched.run(8 * DAY, lambda window: draw(window, factor(window)))
    assert watched.records == []


def early_end(hour: float) -> tuple[float, float]:
    """Working days end at half past seven, Saturdays at a quarter to five."""
    return (1.0 if 8 <= hour < 19.5 else 0.3), (0.45 if 9 <= hour < 16.75 else 0.3)


def half_hour(hour: float) -> tuple[float, float]:
    """Saturdays fall in the middle of an hour to what no working day has, and stay there."""
    return (1.0 if 8 <= hour < 20 else 0.9), (0.6 if 9.5 <= hour < 20 else 0.9)


@pytest.mark.parametrize("day_of", [early_end, half_hour])
def test_a_first_saturday_of_another_shape_wakes_nobody(day_of: Callable[[float], tuple[float, float]]):
    watched = cohort("2026-06-01T00:00:00Z")
    draw = counts(7, np.full(8, 400.0))
    watched.run(6 * DAY, lambda window: draw(window, day_of(window % DAY * WINDOW_S / 3600)[window // DAY == 5]))
    assert watched.records == []


def test_office_hours_with_nothing_outside_them_wake_nobody_at_weekends_or_on_mondays():
    watched = cohort("2026-01-12T00:00:00Z", series=4)
    draw = counts(5, np.full(4, 900.0))

    def only_work(window: int) -> np.ndarray:
        return draw(window, 1.0 if window // DAY % 7 < 5 and 8 <= window % DAY * WINDOW_S // 3600 < 18 else 0.0)

    watched.run(29 * DAY, only_work)
    assert [records for records in watched.records if records[0] > 8 * DAY] == []


def test_the_ninth_holiday_may_go_as_its_day_of_the_week_does_where_holidays_are_not_clearly_other_days():
    fridays = [date(2026, 1, 2) + timedelta(weeks=week) for week in range(18)]
    profile = Profile(DayKinds(HolidayCalendar("none", extra=tuple(fridays[9:]))))
    state, ones = profile.fresh(2), np.ones(2)
    for friday in fridays[:17]:
        rate = np.array([80.0, 5.0]) if friday in fridays[9:] else np.array([100.0, 100.0])
        for hour in range(24):
            profile.learn(state, hour_number(friday.isoformat()) - 12 + hour, rate, ones, 4.0 * rate, ones)
    holiday = profile.hour(state, hour_number(fridays[17].isoformat()), ones, 4.0)
    assert not holiday.borrowed.any()
    assert holiday.most == pytest.approx([100.0, 5.0], rel=0.01), "the first may work on this Friday, the second rests on every holiday"
    assert holiday.least == pytest.approx([80.0, 5.0], rel=0.01)


def test_a_known_holiday_that_begins_an_hour_later_may_do_all_that_the_hours_around_do():
    holiday = FIRST_MONDAY + timedelta(weeks=17, days=4)
    curves = HourCurves(WINDOW_S, DayKinds(HolidayCalendar("none", extra=(holiday,))))
    state = curves.fresh(1) | dispersion.fresh(1)
    working = [20.0] * 6 + [40.0, 80.0, 300.0] + [600.0] * 15
    later = [20.0] * 6 + [25.0, 30.0, 40.0, 160.0, 500.0] + [600.0] * 13

    def learned(name: str, row: int, rate: float) -> None:
        state[name][row], state[f"{name}_visits"][row] = rate**0.5, 200

    for hour in range(24):
        for kind in range(DAY_KINDS):
            learned("day", kind * 24 + hour, (working if kind == WORKING_DAY else later)[hour])
        for day in range(7):
            learned("week", day * 24 + hour, (working if day < 5 else later)[hour])
    for slot in range(144):
        learned("slot", slot, 1.0)
    state["overall"][:], state["overall_hours"][:], state["rate"][:], state["last_rate"][:] = 400, 1000, 300, 300
    curve = curves.curve(state, hour_number(holiday.isoformat()) - 2)
    assert not curve.foreign.any()
    assert curve.lowest < 200, "between 160 in the hour before and 600 in the one after"
    assert curve.highest > 590
