"""A common loss is seen against the day before, since the expectation learns a loss that grows slowly."""

from dataclasses import replace

import numpy as np

from correlation.history.traffic_history import History
from correlation.incidents.shared_loss import Question, losing_users, rise
from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import DAY_US, HOUR_US, MINUTE_US, parse_time

MONDAY_US = parse_time("2026-01-05T00:00:00Z")
USERS = tuple(f"SUP-{number}" for number in range(8))
KEYS = tuple(
    SeriesKey(user, direction, of, "4.8.1", "north", "", 300)
    for user in USERS
    for direction, of in (("to_dsp", "service_request"), ("to_user", "service_response"))
)
GROUPS = tuple(PulseKey(*key[:5]) for key in KEYS)
ONSET_US, NOW_US = MONDAY_US + DAY_US + 9 * HOUR_US + 3 * MINUTE_US, MONDAY_US + DAY_US + 10 * HOUR_US


def history(lost: dict[str, float], asked: float = 1.0, start_us: int = MONDAY_US, hours: float = 34.0) -> History:
    """A day and ten hours of which the expectation has learned everything; from the onset on Users lose answers, or ask less."""
    listed, none, empty, draw = History(), Findings.none(), np.zeros(0), np.random.default_rng(1)
    for number in range(1, round(hours * 12) + 1):
        passed_us = number * 5 * MINUTE_US
        level = 600.0 + 400.0 * np.sin(2 * np.pi * passed_us / DAY_US)
        during = passed_us > ONSET_US - MONDAY_US
        share = [asked * (1.0 - (lost.get(key.user, 0.0) if key.message_class == "service_response" else 0.0)) for key in KEYS]
        counts = draw.poisson(level * np.array(share if during else np.ones(len(KEYS)))).astype(np.float64)
        at_us = start_us + passed_us
        pulse = Pulse(at_us, 300, GROUPS, np.ones(len(KEYS), np.bool_), counts, np.zeros(len(KEYS)), counts, counts)
        listed.add(Detected(at_us, 300, KEYS, (), none, none, pulse, QueuePulse(at_us, 300, (), empty.astype(bool), empty, empty)))
    return listed


def losing(past: History, *, alone: bool = True, shift_us: int = 0) -> tuple[str, ...]:
    return losing_users(Question("SUP-0", ONSET_US + shift_us, NOW_US + shift_us, alone), lambda _: False, past)


def test_a_loss_that_the_expectation_has_learned_names_the_others() -> None:
    lost = losing(history(dict.fromkeys(USERS, 0.15)))
    assert set(lost) == set(USERS[1:])


def test_nobody_is_named_where_nothing_or_only_two_users_answers_are_lost() -> None:
    assert losing(history({})) == ()
    assert losing(history({"SUP-1": 0.6, "SUP-2": 0.6})) == ()


def test_answers_that_nobody_asked_for_are_not_lost() -> None:
    assert losing(history({}, asked=0.8)) == ()


def test_yesterday_is_no_measure_on_another_kind_of_day_or_while_an_older_incident_takes_answers() -> None:
    lost = dict.fromkeys(USERS, 0.15)
    assert losing(history(lost), alone=False) == ()
    shift_us = 4 * DAY_US
    assert losing(history(lost, start_us=MONDAY_US + shift_us), shift_us=shift_us) == ()


def test_what_rose_when_a_younger_incident_began_is_not_the_older_ones() -> None:
    """Answers are lost from one moment on: that is a younger incident's doing, if one began then."""
    past = history(dict.fromkeys(USERS, 0.15), hours=33.4)
    asked = Question("SUP-0", ONSET_US - HOUR_US, NOW_US - 35 * MINUTE_US)
    risen = rise(asked, ONSET_US, lambda _: False, past)
    assert risen is not None
    assert abs(risen - 0.15) < 0.02
    assert losing_users(replace(asked, risen=risen), lambda _: False, past) == ()
    earlier = rise(asked, ONSET_US - 23 * MINUTE_US, lambda _: False, past)
    assert earlier is not None
    assert set(losing_users(replace(asked, risen=earlier), lambda _: False, past)) == set(USERS[1:])
    assert rise(asked, ONSET_US - 2 * HOUR_US, lambda _: False, past) is None, "yesterday is known for a day and an hour"
