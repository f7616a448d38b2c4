"""A job of a User shows in several of its series: what four of its bursts were is usual in each that took part before."""

import numpy as np

from detectors import habit_list
from detectors.habit_list import Habit
from detectors.learned_state import Learned
from detectors.rates import habits
from detectors.rates.storm import Storm
from detectors.rates.user_bursts import UserBursts
from models.columns import Columns
from models.times import SECOND_US
from tests.detectors.cohorts import key

KEYS = (key(0, "USER-A"), key(1, "USER-A"), key(2, "USER-B"))
HOUR_S = 3600
START_S = 1000 * HOUR_S


def burst(state: Columns, row: int, began_s: int, times: float, due: float = 100.0, nats: float = 50.0) -> None:
    """An excursion of one series that is over."""
    state["ring_s"][0, row], state["ring_nats"][0, row] = began_s, nats
    state["peak_s"][row] = state["size_s"][row] = began_s
    state["counted_s"][row] = began_s + 600
    state["due"][row], state["surplus"][row], state["top"][row] = due, 4.0 * times, times


def after(bursts: int, *, apart_s: int = 3 * HOUR_S, nats: float = 50.0) -> tuple[Columns, int]:
    """State of the series after so many bursts of the first one; now."""
    users, state = UserBursts(11.0), habits.fresh(3, 11.0)
    users.arrange(KEYS)
    for number in range(bursts):
        burst(state, 0, START_S + number * apart_s, 5.0, nats=nats)
        users.learn([(slice(0, 3), {"storm": state})], START_S + number * apart_s + 600)
    return state, START_S + bursts * apart_s + 3 * HOUR_S


def take_part(state: Columns, row: int, nats: float = 20.0) -> None:
    """The series had one excursion as large as the bursts of its User."""
    state["ring_s"][0, row], state["ring_nats"][0, row], state["ring_pace"][0, row] = START_S - HOUR_S, nats, nats
    state["ring_due"][0, row], state["ring_surplus"][0, row], state["ring_top"][0, row] = 10.0, 20.0, 5.0


def is_habit(
    state: Columns, at_s: int, *, times: float = 5.0, took_part: bool = True, row: int = 1, due: float = 100.0, nats: float = 20.0
) -> bool:
    if took_part:
        take_part(state, row, nats)
    size = habits.Size(*(np.array([value]) for value in (due, 4.0 * times, times)))
    now = np.array([at_s]), np.array([500.0]), np.array([500.0])
    result, _ = habits.habitual(state, np.array([row]), *now, size, least=11.0)
    return bool(result[0])


def test_four_bursts_of_the_user_are_enough_for_a_series_that_took_part_once():
    assert is_habit(*after(4))
    assert not is_habit(*after(3))


def test_a_series_that_never_took_part_is_news():
    assert not is_habit(*after(6), took_part=False)


def test_to_have_taken_part_needs_the_evidence_of_an_alarm():
    assert not is_habit(*after(6), nats=10.0)


def listed(state: Columns, at_s: int) -> list[Habit]:
    parts = {"storm": state, "drop": habits.fresh(3, 11.0)}
    return list(habit_list.habits(KEYS, parts, at_s * SECOND_US, {"storm": 11.0, "drop": 11.0}))


def test_a_series_to_which_its_users_bursts_are_usual_is_listed_and_can_be_refused():
    state, at_s = after(4)
    assert not listed(state, at_s)
    take_part(state, 1)
    (habit,) = (one for one in listed(state, at_s) if one.key == KEYS[1])
    assert (habit.kind, habit.minute, habit.times, habit.of_user, habit.refused) == ("storm", None, 1, True, False)
    habits.refuse(state, 1, habits.ANY_TIME_MIN)
    assert not is_habit(state, at_s)
    assert [one.refused for one in listed(state, at_s) if one.key == KEYS[1]] == [True]


def test_a_larger_burst_is_news():
    assert not is_habit(*after(6), times=9.0)


def test_what_was_no_finding_is_no_burst():
    assert not is_habit(*after(6, nats=9.0))


def test_another_users_bursts_make_nothing_usual():
    assert not is_habit(*after(6), row=2)


def test_bursts_of_few_messages_say_nothing_about_many():
    assert not is_habit(*after(6), due=50_000.0)


def test_series_that_burst_at_the_same_time_are_one_burst():
    assert not is_habit(*after(6, apart_s=300))


def test_a_burst_is_as_large_as_in_the_series_in_which_it_was_largest():
    users, state = UserBursts(11.0), habits.fresh(3, 11.0)
    users.arrange(KEYS)
    for number in range(4):
        at_s = START_S + number * 3 * HOUR_S
        burst(state, 0, at_s, 5.0, due=10.0)
        burst(state, 1, at_s, 1.2, due=1000.0)
        users.learn([(slice(0, 3), {"storm": state})], at_s + 600)
    assert (state["kin_due"][0], state["kin_top"][0]) == (1000.0, 5.0)


def test_what_may_be_the_noise_of_one_window_makes_no_burst_larger():
    state, rows, one = habits.fresh(1, 11.0), np.array([0]), np.ones(1)
    _, few = habits.grow(state, rows, one, 2.0 * one, 14.0 * one, 2.5 * one)
    assert few.surplus[0] == 6.0
    assert few.top[0] < 0.1
    _, many = habits.grow(habits.fresh(1, 11.0), rows, one, 2000.0 * one, 14_000.0 * one, 2.5 * one)
    assert many.top[0] > 5.7


def test_it_outlives_a_restart_and_new_series():
    users, state = UserBursts(11.0), habits.fresh(3, 11.0)
    users.arrange(KEYS)
    for number in range(3):
        burst(state, 0, START_S + number * 3 * HOUR_S, 5.0)
        users.learn([(slice(0, 3), {"storm": state})], START_S + number * 3 * HOUR_S + 600)
    again = UserBursts(11.0)
    again.restore(users.pack())
    again.arrange((key(5, "USER-0"), *KEYS))
    more = habits.fresh(4, 11.0)
    burst(more, 1, START_S + 12 * HOUR_S, 5.0)
    again.learn([(slice(0, 4), {"storm": more})], START_S + 12 * HOUR_S + 600)
    assert more["kin_top"].tolist() == [0.0, 5.0, 5.0, 0.0]


def test_a_new_installation_begins_with_it_and_keeps_it_after_a_burst():
    state, at_s = after(4)
    learned = Learned(KEYS, {"storm": {name: state[name] for name in Storm(11.0).learned}})
    fresh, users = habits.fresh(3, 11.0), UserBursts(11.0)
    users.arrange(KEYS)
    learned.give({"storm": fresh}, KEYS)
    burst(fresh, 0, at_s, 1.0)
    users.learn([(slice(0, 3), {"storm": fresh})], at_s + 600)
    assert is_habit(fresh, at_s + 3 * HOUR_S)
