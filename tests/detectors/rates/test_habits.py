"""Habits: what a series did before at this time of day, or as often and as large, is no news; noise as it has it is no trouble."""

import numpy as np

from detectors import habit_list
from detectors.habit_list import HabitRuling
from detectors.parameters import DetectionParameters
from detectors.rates import habits
from models.columns import ALERT_KINDS
from models.times import parse_time
from tests.detectors.cohorts import Cohort, counts, key

WINDOW_S = 900
DAY = 86_400 // WINDOW_S
HOUR = DAY // 24
BEGAN = 0


def cohort(series: int = 4) -> Cohort:
    parameters = DetectionParameters(false_alarms_per_day=1.0, fleet_series=100)
    start_us = parse_time("2026-06-01T00:00:00Z")
    return Cohort(tuple(key(index) for index in range(series)), parameters=parameters, window_s=WINDOW_S, start_us=start_us)


def nights_with(watched: Cohort, kind: str) -> list[int]:
    return sorted({window // DAY for window, entry, _, phase in watched.records if entry == kind and phase == BEGAN})


def serious(watched: Cohort, windows: int, draw: object) -> set[tuple[str, int]]:
    """Kinds and nights of the serious findings of so many windows."""
    items = set()
    for _ in range(windows):
        answer = watched.run(1, draw)
        names = answer.traffic
        items |= {(int(kind), watched.window // DAY) for kind, is_serious in zip(names.kind, names.serious, strict=True) if is_serious}
    return items


def surge(window: int) -> float:
    """Three times the traffic from 22:00 to 23:00, from the eighth night on."""
    return 3.0 if window // DAY >= 7 and 22 * HOUR <= window % DAY < 23 * HOUR else 1.0


def test_a_surge_at_the_same_clock_time_is_reported_twice_and_then_once_as_a_habit():
    watched = cohort()
    draw = counts(1, np.full(4, 500.0))
    result = serious(watched, 12 * DAY, lambda window: draw(window, surge(window)))
    assert {night for kind, night in result if kind == 0} == {7, 8}
    assert [night for night in nights_with(watched, "drift") if night < 12] == [9]


def test_a_silence_at_the_same_clock_time_stays_one():
    watched = cohort()
    draw = counts(2, np.full(4, 500.0))
    watched.run(12 * DAY, lambda window: draw(window, 0.0 if surge(window) > 1 else 1.0))
    assert nights_with(watched, "silence") == [7, 8, 9, 10, 11]


def test_a_habit_that_grows_far_beyond_itself_is_news():
    watched = cohort()
    draw = counts(3, np.full(4, 500.0))
    watched.run(13 * DAY, lambda window: draw(window, surge(window)))
    result = serious(watched, DAY, lambda window: draw(window, 4.0 * surge(window) if surge(window) > 1 else 1.0))
    assert {night for kind, night in result if kind == 0} == {13}


def test_bursts_as_often_and_as_large_as_ever_are_no_news():
    watched = cohort(12)
    draw = counts(4, np.full(12, 200.0))
    chance = np.random.default_rng(5)
    starts = chance.integers(0, 21 * DAY, (12, 30))
    bursting = np.zeros((21 * DAY + 2, 12))
    for series in range(12):
        for start in starts[series]:
            bursting[start : start + 2, series] = 1.0
    result = serious(watched, 14 * DAY, lambda window: draw(window, 1.0 + 3.0 * bursting[window]))
    late = serious(watched, 7 * DAY, lambda window: draw(window, 1.0 + 3.0 * bursting[window]))
    assert late == set(), f"{len(result)} earlier"


def test_drops_at_no_fixed_time_stay_news_however_many_came_before() -> None:
    watched = cohort(2)
    draw = counts(4, np.full(2, 2000.0))
    begins = [day * DAY + hour * HOUR for day, hour in zip(range(4, 11), (9, 14, 11, 17, 8, 20, 13), strict=True)]

    def factor(window: int) -> float:
        return 0.4 if any(begin <= window < begin + 3 for begin in begins) else 1.0

    result = serious(watched, 12 * DAY, lambda window: draw(window, factor(window)))
    assert {night for kind, night in result if kind == ALERT_KINDS.index("drop")} == set(range(4, 11))


def limit_after(peaks: np.ndarray, every_s: int, threshold: float = 11.0) -> float:
    """The threshold of a series whose evidence came to these peaks, one after the other."""
    state, yes, no = habits.fresh(1, threshold), np.ones(1, np.bool_), np.zeros(1, np.bool_)
    habits.follow(state, np.zeros(1), yes, no, lambda rows: np.zeros(len(rows), np.int64), 60, 60, threshold)
    for number, peak in enumerate(peaks, 1):
        for score in (peak, 0.0):
            habits.follow(
                state, np.array([score]), yes, no, lambda rows: np.zeros(len(rows), np.int64), number * every_s + 60, 60, threshold
            )
    return float(state["limit"][0])


def test_a_threshold_follows_the_series_own_tail_where_that_is_heavier_than_the_models():
    chance = np.random.default_rng(6)
    as_the_model_has_it = 4.0 + chance.exponential(1.0, 200)
    assert limit_after(as_the_model_has_it, 60 * 110) < 12.5
    assert limit_after(4.0 + chance.exponential(6.0, 60), 60 * 720) > 18.0


def test_one_incident_does_not_blind_a_series():
    assert limit_after(np.array([5000.0]), 14 * 86_400) < 20.0


def test_messages_counted_in_the_next_window_are_neither_a_drop_nor_a_storm():
    watched = cohort(6)
    draw = counts(7, np.full(6, 5000.0))
    watched.run(3 * DAY, draw)

    def spilt(window: int) -> float:
        return {0: 0.2, 1: 1.8}.get(window % 97, 1.0)

    watched.run(DAY, lambda window: draw(window, spilt(window)))
    assert watched.records == []


def test_a_drop_that_goes_on_is_found_in_its_second_window():
    watched = cohort(6)
    draw = counts(8, np.full(6, 5000.0))
    watched.run(3 * DAY, draw)
    watched.run(3, lambda window: draw(window, 0.3))
    assert {series for window, kind, series, _ in watched.records if kind == "drop" and window <= 3 * DAY + 2} == set(range(6))


def test_long_slight_excursions_do_not_excuse_a_short_gross_one():
    state = habits.fresh(1, 11.0)
    row, at_s = np.zeros(1, np.int64), 30 * 86_400
    state["ring_s"][:4, 0] = at_s - np.arange(1, 5) * 3 * 86_400 - 5 * 3600
    state["ring_nats"][:4, 0], state["ring_pace"][:4, 0] = 5000.0, 20.0
    unknown = habits.Size(np.full(1, 100.0), np.full(1, 3.0), np.full(1, 3.0))

    def is_habit(score: float, pace: float) -> bool:
        return bool(habits.habitual(state, row, np.array([at_s]), np.array([score]), np.array([pace]), unknown)[0][0])

    assert is_habit(4000.0, 30.0)
    assert not is_habit(1000.0, 1000.0)
    state["ring_pace"][:] = 0.0
    assert is_habit(1000.0, 1000.0), "of what an earlier release kept the pace is not known"


def test_a_burst_that_is_as_many_times_the_usual_is_as_large_whatever_evidence_it_brings() -> None:
    state = habits.fresh(1, 11.0)
    row, at_s = np.zeros(1, np.int64), 30 * 86_400
    state["ring_s"][:4, 0] = at_s - np.arange(1, 5) * 3 * 86_400 - 5 * 3600
    state["ring_nats"][:4, 0] = state["ring_pace"][:4, 0] = 100.0
    state["ring_due"][:4, 0], state["ring_surplus"][:4, 0], state["ring_top"][:4, 0] = np.sqrt(500.0), 4.0, 4.0

    def is_habit(due: float, surplus: float, top: float) -> bool:
        size = habits.Size(np.array([due]), np.array([surplus]), np.array([top]))
        return bool(habits.habitual(state, row, np.array([at_s]), np.array([900.0]), np.array([900.0]), size)[0][0])

    assert is_habit(4000.0, 4.5, 4.5)
    assert not is_habit(4000.0, 9.0, 9.0), "a larger one"
    assert not is_habit(4000.0, 9.0, 4.5), "one that goes on"
    assert not is_habit(50_000.0, 4.5, 4.5), "what hardly any messages did shows nothing about many"


def test_an_evening_that_begins_at_another_minute_within_the_time_of_earlier_ones_is_the_same_habit() -> None:
    state = habits.fresh(1, 11.0)
    row, at_s = np.zeros(1, np.int64), 30 * 86_400
    state["ring_s"][:2, 0], state["ring_nats"][:2, 0], state["ring_pace"][:2, 0] = at_s - np.arange(1, 3) * 86_400 - 5400, 50.0, 5.0
    size = habits.Size(np.full(1, 100.0), np.full(1, 3.0), np.full(1, 3.0))
    asked = (row, np.array([at_s]), np.array([40.0]), np.array([4.0]), size)
    assert not habits.habitual(state, *asked)[0][0]
    state["ring_run_s"][:2, 0] = 7200
    assert habits.habitual(state, *asked)[0][0]


def test_a_refused_habit_is_reported_each_night_again():
    watched = cohort()
    draw = counts(1, np.full(4, 500.0))
    records = serious(watched, 12 * DAY, lambda window: draw(window, surge(window)))
    known = watched.detection.habits()
    assert {(habit.key, habit.kind, habit.minute // 60, habit.refused) for habit in known if habit.minute is not None} == {
        (name, "storm", 22, False) for name in watched.traffic_keys
    }
    refused = next(habit for habit in known if habit.key == watched.traffic_keys[0])
    assert watched.detection.rule_on_habit(HabitRuling(refused.key, refused.kind, refused.minute, refused=True))
    watched.records.clear()
    records = [
        records for records in (watched.run(1, lambda window: draw(window, surge(window))).traffic for _ in range(4 * DAY)) if len(records)
    ]
    storms = [
        (int(series), bool(is_serious))
        for one in records
        for series, kind, is_serious in zip(one.series, one.kind, one.serious, strict=True)
        if kind == 0
    ]
    assert {series for series, is_serious in storms if is_serious} == {0}
    assert frozenset().union(*(one.refused for one in records)) == {(0, 0)}, "correlation hears of the refusal"
    assert [window // DAY for window, series in watched.began("storm") if series == 0] == [12, 13, 14, 15]
    assert [habit.refused for habit in watched.detection.habits() if habit.key == refused.key] == [True]


def test_an_unknown_series_has_no_habit_to_refuse():
    assert not cohort().detection.rule_on_habit(HabitRuling(key(99), "storm", 60, refused=True))


def test_what_is_stored_ahead_of_a_clock_that_was_set_back_makes_no_series_deaf():
    state = habits.fresh(1, 10.0)
    state["counted_s"][:], state["first_s"][:], state["excursions"][:] = 2_000_000_000, 1_900_000_000, 5.0
    state["ring_s"][:], state["ring_nats"][:] = 2_000_000_000, 50.0
    habits.remember(state, np.array([0]), np.array([9.0]), 1_767_600_000, 60, 10.0)
    assert 10.0 <= state["limit"][0] < 30.0
    assert 9.0 in state["ring_nats"][:, 0], "what lies ahead is given up first"


def listed(kind: str, *excursions: tuple[int, float]) -> list[tuple[int | None, int]]:
    """(minute, times) of the habits that are listed after excursions: (began, seconds since 1970; evidence, nats)."""
    parts = {each: habits.fresh(1, 11.0) for each in ("storm", "drop")}
    for row, (began_s, nats) in enumerate(excursions):
        parts[kind]["ring_s"][row, 0], parts[kind]["ring_nats"][row, 0] = began_s, nats
    result = habit_list.habits((key(0),), parts, 110 * habits.DAY_S * 1_000_000, {"storm": 11.0, "drop": 11.0})
    return [(one.minute, one.times) for one in result]


def test_what_only_came_near_an_alarm_is_listed_as_no_habit_of_its_time() -> None:
    days = range(100, 103)
    assert listed("drop", *((day * habits.DAY_S + 3600, 50.0) for day in days)) == [(60, 3)]
    assert listed("drop", *((day * habits.DAY_S + 3600, 9.0) for day in days)) == []


def test_drops_at_no_fixed_time_are_listed_as_no_habit() -> None:
    often = [(day * habits.DAY_S + (17_000 * day) % habits.DAY_S, 50.0) for day in range(100, 105)]
    assert listed("storm", *often) == [(None, 5)]
    assert listed("drop", *often) == []
