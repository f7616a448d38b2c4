import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from correlation.history.panel import TrafficSelector
from correlation.history.resolution_history import FINE_BINS, FIVE_MINUTE_BINS, HOUR_BINS
from correlation.history.traffic_history import History
from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.state_bytes import pack, unpack
from models.times import DAY_US, HOUR_US, MINUTE_US
from tests.correlation.past import ONSET, T0, USERS, add, broken, past, series

PART = TrafficSelector.of((series(),), 60)


def test_the_finest_bins_that_reach_back_far_enough_answer() -> None:
    history = past(minutes=30 * 60)
    now = T0 + 30 * HOUR_US
    assert history.panel(PART, now - HOUR_US).bin_us == MINUTE_US
    assert history.panel(PART, now - 5 * HOUR_US).bin_us == 5 * MINUTE_US
    assert history.panel(PART, now - 29 * HOUR_US).bin_us == HOUR_US


def test_every_resolution_holds_the_same_messages() -> None:
    history = past(broken(), minutes=120)
    totals = {back: history.panel(PART, T0 + 120 * MINUTE_US - back).observed.sum() for back in (MINUTE_US, 119 * MINUTE_US, 10 * DAY_US)}
    assert len(set(totals.values())) == 1


def test_a_part_names_direction_class_and_service_of_everyone_and_keeps_others_out() -> None:
    panel = past(minutes=5).panel(PART, T0)
    assert tuple(unit.user for unit in panel.units) == USERS
    assert panel.expected.sum() == 5 * 50 * len(USERS)


def test_nothing_is_known_of_traffic_that_never_came() -> None:
    assert past(minutes=5).panel(TrafficSelector.of((series(service="9.9"),), 60), T0) is None
    assert past(minutes=5).panel(TrafficSelector.of((series(),), 10), T0) is None


def test_a_user_sees_its_own_part_only() -> None:
    seen = past(minutes=5).restricted_to("USER-03")
    assert [unit.user for unit in seen.panel(PART, T0).units] == ["USER-03"]
    assert {kind[2] for part in seen.parts() for kind in part.classes} == {"2.2", "4.8.1"}
    assert past(minutes=5).restricted_to("NOBODY").panel(PART, T0) is None


def test_a_series_that_comes_later_starts_at_zero_and_moves_nobody() -> None:
    history = past(minutes=10)
    groups = tuple(sorted(PulseKey(user, "to_dsp", "service_request", "2.2", "north") for user in (*USERS, "AAA-FIRST")))
    counts = np.arange(len(groups), dtype=np.float64)
    add(history, T0 + 11 * MINUTE_US, groups, counts, counts)
    panel = history.panel(PART, T0)
    assert [unit.user for unit in panel.units] == sorted((*USERS, "AAA-FIRST"))
    assert panel.observed[:-1, 0].sum() == 0
    assert panel.observed[-1].tolist() == counts.tolist()


def test_memory_stays_bounded_whatever_the_number_of_series() -> None:
    history = History(cells=50_000)
    for number, width in enumerate((10, 200, 400)):
        groups = tuple(sorted(PulseKey(f"U{index:04d}", "to_dsp", "service_request", "2.2", "") for index in range(width)))
        for minute in range(50):
            add(history, T0 + (50 * number + minute + 1) * MINUTE_US, groups, np.ones(width), np.ones(width))
    packed = pack(history.pack(), 1)
    assert len(packed) < 4 * 50_000 + 100_000
    panel = history.panel(PART, T0 + 149 * MINUTE_US)
    assert panel is not None
    assert panel.observed[-1].sum() == 400


def test_bins_are_never_more_than_the_rings_hold() -> None:
    history = past(minutes=FINE_BINS + 50)
    assert len(history.panel(PART, T0 + (FINE_BINS + 49) * MINUTE_US).ends_us) == FINE_BINS
    assert FIVE_MINUTE_BINS * 5 * MINUTE_US == DAY_US + HOUR_US
    assert HOUR_BINS * HOUR_US == 7 * DAY_US


@settings(max_examples=12, deadline=None)
@given(cut=st.integers(1, 200), more=st.integers(1, 30))
def test_packed_and_unpacked_anywhere_it_goes_on_as_if_nothing_had_been(cut: int, more: int) -> None:
    history = past(minutes=cut)
    again = History.unpack(unpack(pack(history.pack(), 1), 1))
    groups = tuple(sorted(PulseKey(user, "to_dsp", "service_request", "2.2", "south") for user in USERS[:5]))
    for minute in range(cut, cut + more):
        for one in (history, again):
            add(one, T0 + (minute + 1) * MINUTE_US, groups, np.full(5, minute * 1.0), np.full(5, 3.0))
    assert pack(again.pack(), 1) == pack(history.pack(), 1)
    assert ONSET > T0


@pytest.mark.parametrize("shared", [False, True])
def test_parts_of_a_window_are_added_together_as_one_after_the_other(shared: bool) -> None:
    """Parts of several workers, one of which comes later; `shared`: one series is in two of them."""
    draw, together, apart = np.random.default_rng(5), History(), History()
    split = [("A", "C"), ("B", "C") if shared else ("B",), ("D", "E")]
    groups = [tuple(PulseKey(user, "to_dsp", "service_request", "1.1", "") for user in users) for users in split]
    for minute in range(40):
        at_us = T0 + minute * MINUTE_US
        parts = [_part(at_us, keys, draw) for keys in (groups if minute > 9 else groups[:2])]
        together.add_parts(parts)
        for part in parts:
            apart.add(part)
    assert pack(together.pack(), 1) == pack(apart.pack(), 1)


def _part(at_us: int, groups: tuple[PulseKey, ...], draw: np.random.Generator) -> Detected:
    size = len(groups)
    queues = tuple(SeriesKey(group.user, "", "", "", "", "to_user", 60) for group in groups)
    observed, failed, expected, depth = (draw.exponential(50.0, size) for _ in range(4))
    pulse = Pulse(at_us, 60, groups, draw.random(size) < 0.8, observed, failed, expected, expected)
    queue_pulse = QueuePulse(at_us, 60, queues, draw.random(size) < 0.8, depth, depth)
    return Detected(at_us, 60, (), queues, Findings.none(), Findings.none(), pulse, queue_pulse)


def window_of(history: History, at_us: int, window_s: int, expected: float) -> None:
    """One window of a User that reports by windows of this length."""
    one, empty = np.ones(1), np.zeros(0)
    groups = (PulseKey(f"U-{window_s}", "to_dsp", "service_request", "2.2", ""),)
    pulse = Pulse(at_us, window_s, groups, one > 0, one, one * 0, one * expected, one)
    queues = QueuePulse(at_us, window_s, (), empty > 0, empty, empty)
    history.add(Detected(at_us, window_s, (), (), Findings.none(), Findings.none(), pulse, queues))


def test_what_is_due_counts_every_window_length_that_is_still_reported_and_is_not_known_to_a_user() -> None:
    history = History()
    window_of(history, T0 + 10 * MINUTE_US, 600, 6000.0)
    for minute in range(1, 20):
        window_of(history, T0 + minute * MINUTE_US, 60, 60.0)
    assert history.due_per_s() == 11.0
    assert history.restricted_to("U-60").due_per_s() == 0.0
    for minute in range(20, 40):
        window_of(history, T0 + minute * MINUTE_US, 60, 60.0)
    assert history.due_per_s() == History.unpack(unpack(pack(history.pack(), 1), 1)).due_per_s() == 1.0
