import numpy as np
import pytest

from correlation.attribution.suspects import assess_cause
from correlation.history.traffic_history import History
from correlation.parameters import CorrelationParameters
from models.columns import PulseKey, SeriesKey
from models.times import MINUTE_US
from tests.correlation.past import T0, WINDOW_S, add, calendar, case, change, episode

CODES = ("8F36", "8F12", "AD1")


def alerts(rising: tuple[str, ...], times: float = 20.0) -> History:
    """Two hours of one network's alerts by code, and twenty minutes in which some of them rise."""
    groups = tuple(
        sorted(PulseKey("USER-00", "to_user", "dcc_alert" if code == "AD1" else "device_alert", code, "north") for code in CODES)
    )
    draw, history = np.random.default_rng(4), History()
    expected = np.full(len(groups), 8.0)
    for minute in range(600, 740):
        factor = np.array([times if group.service in rising and minute >= 720 else 1.0 for group in groups])
        add(history, T0 + (minute + 1) * MINUTE_US, groups, draw.poisson(expected * factor).astype(np.float64), expected)
    return history


QUEUE = (SeriesKey("USER-00", "", "", "", "", "to_user", WINDOW_S),)


@pytest.mark.parametrize(("rising", "nature"), [(("8F36", "AD1"), "weather"), (("8F12", "8F36"), "user_change"), ((), "user_change")])
def test_a_queue_that_grows_behind_outage_alerts_alone_is_weather(rising: tuple[str, ...], nature: str) -> None:
    backlog = case(episode("backlog", series=QUEUE, ratio=1.0))
    assert assess_cause(backlog, calendar(), alerts(rising), CorrelationParameters()).nature.code == nature


def test_a_storm_of_outage_alerts_lays_nothing_at_a_change_of_that_hour() -> None:
    keys = tuple(sorted(SeriesKey("USER-00", "to_user", "device_alert", code, "north", "", WINDOW_S) for code in ("8F35", "8F36")))
    cause = assess_cause(
        case(episode("storm", series=keys)), calendar(change("C", category="firmware")), alerts(("8F36",)), CorrelationParameters()
    )
    assert cause.nature.code == "weather"
    assert all(suspect.verdict != "probable" and suspect.basis == "declared" for suspect in cause.suspects)


def test_a_storm_of_many_codes_is_not() -> None:
    keys = tuple(sorted(SeriesKey("USER-00", "to_user", "device_alert", code, "north", "", WINDOW_S) for code in ("8F12", "8F36")))
    cause = assess_cause(case(episode("storm", series=keys)), calendar(), alerts(("8F12", "8F36")), CorrelationParameters())
    assert cause.nature.code == "user_change"
