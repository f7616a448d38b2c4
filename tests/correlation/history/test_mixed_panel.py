"""Fleets in which some Users report each minute and others every ten seconds: one comparison for all of them."""

from dataclasses import replace

import numpy as np

from correlation.history.onset_comparison import compare
from correlation.history.panel import TrafficSelector, Unit
from correlation.history.traffic_history import History
from correlation.snapshots import IncidentSnapshot
from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse
from models.times import MINUTE_US, SECOND_US
from tests.correlation.past import ONSET, case, episode, series

MINUTE, TEN_SECONDS = ("MINUTE-1", "MINUTE-2"), ("QUICK-1", "QUICK-2", "QUICK-3")
BACK = 100


def add(history: History, at_us: int, window_s: int, counts: dict[str, float]) -> None:
    groups = tuple(PulseKey(user, "to_dsp", "service_request", "2.2", "north") for user in sorted(counts))
    observed, expected = np.array([counts[group.user] for group in groups]), np.full(len(groups), 10.0 * window_s)
    none, seen = np.zeros(0), np.ones(len(groups), np.bool_)
    pulse = Pulse(at_us, window_s, groups, seen, observed, np.zeros(len(groups)), expected, expected)
    queues = QueuePulse(at_us, window_s, (), np.zeros(0, np.bool_), none, none)
    history.add(Detected(at_us, window_s, (), (), Findings.none(), Findings.none(), pulse, queues))


def fleet(minutes: int, factors: dict[str, float], *, minute_users: tuple[str, ...] = MINUTE) -> History:
    """Ten messages a second at every User, times its factor from ONSET on; the past begins `BACK` minutes before."""
    history = History()
    for second in range(10, (BACK + minutes) * 60 + 1, 10):
        at_us = ONSET - BACK * MINUTE_US + second * SECOND_US
        of = {user: factors.get(user, 1.0) if at_us > ONSET else 1.0 for user in (*TEN_SECONDS, *minute_users)}
        add(history, at_us, 10, {user: 100.0 * of[user] for user in TEN_SECONDS})
        if second % 60 == 0 and minute_users:
            add(history, at_us, 60, {user: 600.0 * of[user] for user in minute_users})
    return history


def storm(user: str, window_s: int, minutes: int) -> IncidentSnapshot:
    keys = (series(user)._replace(window_s=window_s),)
    return case(episode("storm", user, minutes, series=keys, active=keys), origin=user)


def test_users_of_the_other_window_length_are_compared_too():
    history = fleet(5, dict.fromkeys((*MINUTE, *TEN_SECONDS), 3.0))
    for user, window_s in (("QUICK-1", 10), ("MINUTE-1", 60)):
        compared = compare(storm(user, window_s, 5), history)
        assert {unit.user for unit in compared.panel.units} == {*MINUTE, *TEN_SECONDS}
        assert compared.moved_alike.all()
        assert compared.onset_us == ONSET


def test_what_happens_at_one_user_alone_is_its_own_whatever_the_others_windows_are():
    for user, window_s in (("QUICK-1", 10), ("MINUTE-1", 60)):
        compared = compare(storm(user, window_s, 5), fleet(5, {user: 3.0}))
        moved_together = [unit.user for unit, moved in zip(compared.panel.units, compared.moved_alike, strict=True) if moved]
        assert moved_together == [user]
        assert compared.moves.known.all()


def test_before_a_whole_minute_is_over_ten_second_windows_speak_for_themselves():
    young = replace(storm("QUICK-1", 10, 5), at_us=ONSET + 30 * SECOND_US)
    compared = compare(young, fleet(1, {"QUICK-1": 3.0}))
    assert {unit.user for unit in compared.panel.units} == set(TEN_SECONDS)


def test_a_fleet_of_one_window_length_is_compared_in_its_own_windows():
    compared = compare(storm("QUICK-1", 10, 2), fleet(2, {"QUICK-1": 3.0}, minute_users=()))
    assert compared.panel.bin_us == compared.onset_bin_us == 10 * SECOND_US


def test_bins_of_both_lengths_hold_the_same_messages():
    history = fleet(5, {})
    part = TrafficSelector.of((series("QUICK-1")._replace(window_s=10),), 10)
    for back_min in (5, 30, 90):
        panel = history.mixed_panel(part, ONSET - back_min * MINUTE_US)
        assert panel.units[0] == Unit("MINUTE-1", "north")
        whole = panel.expected[1:-1]
        assert (whole == whole[0, 0]).all(), "every whole bin has as many of every User"
