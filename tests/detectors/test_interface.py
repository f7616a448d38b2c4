"""What holds for every detector in the catalogue, old or new."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.catalogue import queue_detectors, traffic_detectors
from detectors.interface import QueueWindow, Signal, TrafficWindow
from detectors.parameters import DetectionParameters
from models.columns import ALERT_KINDS, Columns, Expected
from models.state_bytes import pack, unpack
from tests.detectors.cohorts import MONDAY_US, queues, traffic

TRAFFIC = traffic_detectors(DetectionParameters(), 60)
QUEUES = queue_detectors(DetectionParameters(), 60)
ALL = [pytest.param(detector, id=detector.kind) for detector in (*TRAFFIC, *QUEUES)]
EVIDENCE = {
    *("ratio", "depth", "growth_per_s", "oldest_age_s", "capacity_eta_s", "capacity_eta_low_s", "capacity_eta_high_s", "drain_eta_s"),
    *("age_limit_eta_s", "predicted_loss", "empty_windows", "failure_ratio", "codes", "flaps", "habit_days"),
}
SERIES = 50
WINDOWS = 400


def windows(detector, generator: np.random.Generator, series: int = SERIES):
    """Windows of counts or depths with gaps, bursts and empty stretches in them."""
    mean = generator.uniform(0.1, 40.0, series)
    for number in range(WINDOWS):
        at_us = MONDAY_US + (number + 1) * 60_000_000
        seen = generator.random(series) < 0.9
        values = generator.poisson(mean * generator.choice([1.0, 1.0, 1.0, 0.0, 6.0], series)).astype(float)
        if detector.kind == "backlog":
            columns = {
                "oldest_age_s": generator.uniform(0, 900, series),
                "capacity": np.full(series, 1e4),
                "enqueued": values,
                "delivered": values * (generator.random(series) < 0.7),
            }
            depth = np.abs(np.sin(number / 40)) * 300 * mean + values
            blank = {name: np.where(seen, column, np.nan) for name, column in columns.items()}
            yield QueueWindow(queues(at_us, np.where(seen, depth, 0.0), reported=seen, **blank), np.zeros(series, np.bool_))
        else:
            yield a_traffic_window(at_us, values, mean, seen, generator)


def a_traffic_window(at_us, values, mean, seen, generator) -> TrafficWindow:
    no = np.zeros(len(values), np.bool_)
    tick = traffic(at_us, values, failures=generator.binomial(values.astype(int), 0.1).astype(float), reported=seen)
    expected = Expected(mean, np.full(len(mean), 2.0), np.full(len(mean), 0.05), np.ones(len(mean), np.bool_))
    ones = np.ones(len(mean))
    zeros = np.zeros(len(mean))
    return TrafficWindow(tick, no, expected, mean * 0.9, mean * 1.1, zeros, zeros, ones, no, no, no, zeros, no.astype(np.int64))


def picked(window, indices):
    """The same window of some of the series, in another order."""

    def cut(value):
        if isinstance(value, np.ndarray):
            return value[indices]
        if hasattr(value, "__dataclass_fields__"):
            rows = {name: cut(getattr(value, name)) for name in value.__dataclass_fields__ if name not in ("at_us", "window_s", "codes")}
            return replace(value, **rows)
        return value

    return cut(window)


def run(detector, each) -> tuple[Columns, list[dict[str, np.ndarray]]]:
    """State at the end, and what each signal says of all series, as long as it stands."""
    state, signals, is_open = None, [], None
    for window in each:
        if state is None:
            series = len(window.tick.reported)
            state, is_open = detector.fresh(series), np.zeros(series, np.bool_)
        signal = detector.step(state, window, is_open)
        signals.append(rows(signal))
        is_open = (is_open | signal.over) & ~signal.has_ended
    return state, signals


def rows(signal: Signal) -> dict[str, np.ndarray]:
    shown = signal.shown(np.arange(len(signal.score)))
    columns = {name: getattr(signal, name).copy() for name in ("score", "over", "has_ended", "evidence_rising", "serious")}
    columns |= {name: getattr(shown, name).copy() for name in ("began_us", "observed", "expected")}
    return columns | {f"evidence.{name}": column.copy() for name, column in shown.evidence.items()}


def test_every_kind_has_its_detector():
    assert sorted(detector.kind for detector in (*TRAFFIC, *QUEUES)) == sorted(ALERT_KINDS)


@pytest.mark.parametrize("detector", ALL)
def test_state_is_columns_whose_last_axis_is_the_series_and_packs(detector):
    state, _ = run(detector, windows(detector, np.random.default_rng(1)))
    assert all(column.shape[-1] == SERIES and column.dtype.kind in "biuf" for column in state.values())
    blob = pack(state, 1)
    assert pack(unpack(blob, 1), 1) == blob
    assert {name: column.dtype for name, column in state.items()} == {name: column.dtype for name, column in detector.fresh(SERIES).items()}


@pytest.mark.parametrize("detector", ALL)
def test_learned_columns_exist(detector):
    assert set(detector.learned) <= set(detector.fresh(1))


@pytest.mark.parametrize("detector", ALL)
def test_signals_are_finite_columns_and_evidence_has_the_contracts_names(detector):
    _, signals = run(detector, windows(detector, np.random.default_rng(2)))
    for signal in signals:
        assert {name.removeprefix("evidence.") for name in signal if name.startswith("evidence.")} <= EVIDENCE
        for name, column in signal.items():
            assert column.shape == (SERIES,), name
            if name in ("score", "observed", "expected"):
                assert np.isfinite(column).all(), name


@pytest.mark.parametrize("detector", ALL)
def test_a_series_does_not_depend_on_its_neighbours_nor_on_its_place(detector):
    each = list(windows(detector, np.random.default_rng(3)))
    indices = np.random.default_rng(4).permutation(SERIES)[:37]
    state, signals = run(detector, each)
    other_state, others = run(detector, [picked(window, indices) for window in each])
    for whole, part in zip(signals, others, strict=True):
        for name, column in whole.items():
            np.testing.assert_array_equal(column[indices], part[name], err_msg=name)
    for name, column in state.items():
        np.testing.assert_array_equal(column[..., indices], other_state[name], err_msg=name)


@pytest.mark.parametrize("detector", [param for param in ALL if param.id != "stale"])
def test_a_series_that_does_not_report_keeps_its_evidence(detector):
    each = list(windows(detector, np.random.default_rng(5)))
    state, _ = run(detector, each)
    no = np.zeros(SERIES, np.bool_)
    unseen = replace(each[-1], tick=replace(each[-1].tick, reported=no))
    first, second = detector.step(state, unseen, no).score, detector.step(state, unseen, no).score
    assert first.max() > 0 or detector.kind == "drift"
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("detector", ALL)
def test_a_step_is_a_function_of_state_and_window(detector):
    each = list(windows(detector, np.random.default_rng(6)))
    first, second = run(detector, each), run(detector, each)
    assert pack(first[0], 1) == pack(second[0], 1)


@pytest.mark.parametrize("detector", ALL)
def test_no_series_at_all_is_no_fault(detector):
    window = picked(next(windows(detector, np.random.default_rng(7))), np.zeros(0, np.int64))
    signal = detector.step(detector.fresh(0), window, np.zeros(0, np.bool_))
    assert len(signal.score) == 0
