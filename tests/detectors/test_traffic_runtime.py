"""Traffic takes note of everything that happens between two windows, although it turns its clock only where there is something to turn."""

import numpy as np
import pytest

from detectors.learned_state import Learned
from detectors.parameters import DetectionParameters
from detectors.traffic_runtime import Traffic
from models.times import MINUTE_US, parse_time
from tests.detectors.cohorts import key, traffic

_NOBODY = np.zeros(2, np.bool_)
SPRING_US = parse_time("2026-03-29T01:00:00Z")


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("beside_us", [0, 30_000_000], ids=["windows-end-on-the-hour", "windows-end-beside-it"])
def test_a_clock_change_is_seen_by_the_window_that_ends_with_it(*, compiled: bool, beside_us: int) -> None:
    result = Traffic(DetectionParameters(), 60, compiled=compiled)
    result.grow((key(1), key(2)), SPRING_US, Learned())
    for _, block in result._blocks:
        block["expectation"]["hours"][:] = 48.0
    seen = []
    for minute in range(-3, 3):
        at_us = SPRING_US + beside_us + minute * MINUTE_US
        result.step(traffic(at_us, np.array([5.0, 7.0])), _NOBODY, _NOBODY)
        seen.append([block["expectation"]["rival"].tolist() for _, block in result._blocks])
    # The first window after the change, or the one that ends at that very moment.
    assert seen == [[[0, 0]]] * 3 + [[[1, 1]]] * 3
