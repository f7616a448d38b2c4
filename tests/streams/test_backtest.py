"""Several budgets over the same events: each as a replay of its own would be, and one reading for all."""

import pytest

from models.times import DAY_US
from simulator.simulation import find_scenario, simulate
from streams.backtest import Backtest, Tally
from streams.decode import decode_ndjson
from streams.pipeline import Pipeline, PipelineParameters
from tests.streams.test_pipeline import START_US

BUDGETS = (0.01, 0.1, 10_000.0)
WORLD = simulate(find_scenario("firewall"), 3, users=6, days=2, start_us=START_US, window_s=1800)
LINES = tuple(b"".join(WORLD.blocks()).splitlines())


@pytest.fixture(scope="module")
def tested() -> Backtest:
    test = Backtest(PipelineParameters(), BUDGETS, keep_records=True)
    test.declare(WORLD.changes)
    for start in range(0, len(LINES), 2000):
        test.feed(decode_ndjson(b"\n".join(LINES[start : start + 2000]) + b"\n", "events", start + 1))
    test.finish()
    return test


def test_a_budget_raises_the_alerts_that_a_replay_with_it_would_raise(tested: Backtest) -> None:
    pipeline = Pipeline(PipelineParameters())
    pipeline.declare(WORLD.changes)
    alerts = [*pipeline.feed(decode_ndjson(b"\n".join(LINES) + b"\n", "events", 1)).alerts, *pipeline.finish().alerts]
    assert tested.trials[1].alerts == alerts
    assert tested.tallies()[1].waking == len({alert.alert_id for alert in alerts if alert.severity != "info"})


def test_a_larger_budget_alerts_on_more_and_no_later(tested: Backtest) -> None:
    tallies = tested.tallies()
    assert [tally.false_alarms_per_day for tally in tallies] == list(BUDGETS)
    assert tallies[0].waking <= tallies[1].waking <= tallies[2].waking
    small, middle, large = ({(alert.kind, alert.user): alert.detected_at for alert in reversed(trial.alerts)} for trial in tested.trials)
    assert all(middle[key] <= at for key, at in small.items())
    assert all(large[key] <= at for key, at in middle.items())
    assert any(large[key] < at for key, at in small.items())


def test_days_and_counts_are_of_what_is_counted(tested: Backtest) -> None:
    whole, last_day = tested.tallies()[2], tested.tallies(START_US + DAY_US)[2]
    assert (whole.days, last_day.days) == (pytest.approx(2.0, abs=0.05), pytest.approx(1.0, abs=0.05))
    assert 0 < last_day.waking <= whole.waking
    assert sum(whole.by_kind.values()) == whole.waking
    assert whole.after_onset_s is not None
    assert whole.after_onset_s >= 0
    assert list(whole.by_severity) == ["critical", "warning", "info"]


def test_a_rate_over_no_time_is_none() -> None:
    assert Tally(0.1, 0.0, {"critical": 0, "warning": 0, "info": 0}, {}, None).a_day(0) == 0.0
