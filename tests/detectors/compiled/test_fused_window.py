"""The compiled window gives the bits of the reference, whatever comes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.compiled.constants import FACTORS, constants
from detectors.compiled.library import SOURCE, Library, library
from detectors.learned_state import Learned
from detectors.parameters import DetectionParameters
from detectors.traffic_runtime import Traffic, TrafficResult
from models.c_source import compiler
from models.columns import Flags, TrafficTick
from tests.detectors.cohorts import MONDAY_US, key

WINDOW_S = 600
SERIES = 40
EAGER = DetectionParameters(false_alarms_per_day=200.0, fleet_series=1000)
"""Findings in many windows."""
SET_BY_EACH_WINDOW = {"kept", "fraction", "slot", "last_slot", "at_s"}


@pytest.fixture(scope="module", autouse=True)
def compiled() -> Library:
    if compiler() is None:
        pytest.skip("no C compiler on this machine")
    if library() is None:
        SOURCE.build()
        library.cache_clear()
    result = library()
    assert result is not None
    return result


@dataclass(frozen=True)
class Drawn:
    tick: TrafficTick
    declared: Flags
    jammed: Flags


def windows(seed: int, count: int) -> Iterator[Drawn]:
    """Steady, bursty, failing, silent and missing series; some of them covered by a change or behind a backlog."""
    draw = np.random.default_rng(seed)
    usual = np.exp(draw.normal(2.0, 1.5, SERIES))
    for number in range(count):
        if number % 40 == 0:
            factor = np.where(draw.random(SERIES) < 0.2, draw.choice([0.0, 0.3, 0.6, 1.6, 3.0, 10.0], SERIES), 1.0)
            gone = draw.random(SERIES) < 0.1
            failing = np.where(draw.random(SERIES) < 0.2, 0.2, 0.01)
        reported = (draw.random(SERIES) > 0.01) & ~(gone & (number % 40 < 15))
        messages = draw.poisson(usual * factor * draw.gamma(5.0, 0.2, SERIES)) * reported.astype(np.float64)
        failed = draw.binomial(messages.astype(np.int64), failing).astype(np.float64)
        device = np.floor(failed * draw.random(SERIES))
        user = np.floor((failed - device) * draw.random(SERIES))
        at_us = MONDAY_US + (number + 1) * WINDOW_S * 1_000_000
        tick = TrafficTick(at_us, WINDOW_S, reported, messages, failed, user, device)
        yield Drawn(tick, (draw.random(SERIES) < 0.02) & (number % 50 < 10), (draw.random(SERIES) < 0.02) & (number % 70 < 10))


def traffic(*, compiled: bool) -> Traffic:
    result = Traffic(EAGER, WINDOW_S, compiled=compiled)
    result.grow(tuple(key(number, window_s=WINDOW_S) for number in range(SERIES)), MONDAY_US, Learned())
    return result


def flat(tree: Any, path: str = "") -> Iterator[tuple[str, bytes]]:
    if isinstance(tree, dict):
        for name, part in tree.items():
            yield from flat(part, f"{path}/{name}")
    elif isinstance(tree, list):
        for number, part in enumerate(tree):
            yield from flat(part, f"{path}/{number}")
    else:
        yield path, tree.tobytes() if isinstance(tree, np.ndarray) else repr(tree).encode()


def columns(result: TrafficResult) -> dict[str, bytes]:
    results = result.findings
    names = ("kind", "series", "phase", "began_us", "detected_us", "score", "observed", "expected", "serious")
    rows = {name: getattr(results, name) for name in names} | results.evidence
    rows |= {f"all {name}": getattr(result, name) for name in ("expected", "variance", "failing")}
    return {name: row.tobytes() for name, row in rows.items()}


@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_state_and_findings_are_those_of_the_reference_to_the_bit(seed: int) -> None:
    fused, reference, findings = traffic(compiled=True), traffic(compiled=False), 0
    for number, drawn in enumerate(windows(seed, 170)):
        ours, theirs = (each.step(drawn.tick, drawn.declared, drawn.jammed) for each in (fused, reference))
        assert columns(ours) == columns(theirs), f"window {number}"
        findings += len(ours.findings)
    assert dict(flat(fused.pack())) == dict(flat(reference.pack()))
    assert findings
    assert all(bound.holds() for bound in fused._fused._bound.values())  # type: ignore[union-attr]


def test_a_quiet_window_is_compiled_for_most_series(compiled: Library) -> None:
    fused = traffic(compiled=True)
    assert fused.compiled
    left = []
    step = fused._fused.step  # type: ignore[union-attr]

    def counted(*arguments: Any) -> Any:
        done = step(*arguments)
        left.append(SERIES if done is None else len(done.rows))
        return done

    fused._fused.step = counted  # type: ignore[union-attr, method-assign]
    for drawn in windows(1, 40):
        fused.step(drawn.tick, drawn.declared, drawn.jammed)
    assert sum(left) < 0.5 * SERIES * len(left)


def test_every_constant_of_the_passes_is_given(compiled: Library) -> None:
    given_ = constants(dict.fromkeys(("silence", "storm", "drop", "failures", "drift", "stale"), 10.0), WINDOW_S)
    assert set(given_) | SET_BY_EACH_WINDOW == set(compiled.parameters)
    assert compiled.sizes[:3] == tuple(len(row) for row in FACTORS)


def test_columns_of_another_type_are_left_to_the_reference() -> None:
    fused = traffic(compiled=True)
    for _, block in fused._blocks:
        block["expectation"]["level"] = block["expectation"]["level"].astype(np.float32)
    reference = traffic(compiled=False)
    for _, block in reference._blocks:
        block["expectation"]["level"] = block["expectation"]["level"].astype(np.float32)
    for drawn in windows(2, 5):
        assert columns(fused.step(drawn.tick, drawn.declared, drawn.jammed)) == columns(
            reference.step(drawn.tick, drawn.declared, drawn.jammed)
        )
