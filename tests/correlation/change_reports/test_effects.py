"""The controls of a change are everyone else, whatever the length of their windows."""

import math

import pytest

from correlation.change_reports.effects import measure
from models.times import MINUTE_US
from tests.correlation.history.test_mixed_panel import MINUTE, TEN_SECONDS, fleet
from tests.correlation.past import ONSET, calendar, change

WINDOW = (ONSET, ONSET + 10 * MINUTE_US)
NAMED = change("DCC-1", start=0, hours=1 / 6, owner="DCC", source="dcc", users=list(TEN_SECONDS))


@pytest.mark.parametrize(("minute_factor", "delta"), [(1.6, 0.0), (1.0, math.log(1.6))])
def test_users_with_other_windows_are_controls(minute_factor: float, delta: float) -> None:
    history = fleet(10, {**dict.fromkeys(TEN_SECONDS, 1.6), **dict.fromkeys(MINUTE, minute_factor)})
    measured = measure(NAMED, WINDOW, calendar(NAMED), history)
    assert [one.key.user for one in measured.series] == list(TEN_SECONDS)
    assert {one.key.window_s for one in measured.series} == {10}
    assert all(one.control_users == MINUTE for one in measured.series)
    assert all(one.observed == pytest.approx(10 * 6 * 160.0) for one in measured.series)
    assert all(one.delta == pytest.approx(delta, abs=0.01) for one in measured.series)
