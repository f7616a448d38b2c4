"""`highwater backtest` as a person types it."""

import json
from pathlib import Path

import pytest

from highwater.cli import run
from simulator.files import write_simulation
from simulator.simulation import find_scenario, simulate
from tests.highwater.test_replay import event, highwater
from tests.streams.test_pipeline import START_US


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_simulation(simulate(find_scenario("firewall"), 3, users=6, days=2, start_us=START_US, window_s=1800), folder)
    return folder


def test_a_line_a_budget_with_alerts_a_day_and_delay_against_the_truth(world: Path) -> None:
    arguments = ("backtest", world / "events.ndjson.gz", "--changes", world / "changes.json", "--budgets", "1,0.1", "--truth", world)
    done = highwater(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [row["false_alarms_per_day"] for row in result["budgets"]] == [0.1, 1]
    for row in result["budgets"]:
        assert row["days"] == pytest.approx(1.0, abs=0.05)
        assert set(row["by_severity"]) == {"critical", "warning", "info"}
        assert row["alerts_per_day"] == pytest.approx(sum(row["by_kind"].values()), rel=0.01)
        assert {"recall", "precision", "delay_s"} < set(row)
    table = highwater(*arguments).stdout.decode().splitlines()
    assert len(table) == 6
    assert "delay" in table[1]
    assert table[2].split()[0] == "0.1*"


def test_it_says_what_score_says_of_a_replay(world: Path, tmp_path: Path) -> None:
    highwater("replay", world / "events.ndjson.gz", "--changes", world / "changes.json", "--out", tmp_path / "out")
    scored = json.loads(highwater("score", tmp_path / "out", world / "truth.json").stdout)
    done = highwater(
        "backtest", world / "events.ndjson.gz", "--changes", world / "changes.json", "--truth", world, "--budgets", "0.1", "--json"
    )
    (row,) = json.loads(done.stdout)["budgets"]
    assert {name: row[name] for name in ("recall", "precision", "delay_s", "missed")} == {
        name: scored[name] for name in ("recall", "precision", "delay_s", "missed")
    }


def test_a_bad_row_of_a_calendar_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "changes.json").write_text(json.dumps([{"change_id": "C2"}]))
    (tmp_path / "events.ndjson").write_bytes(event())
    assert run(["backtest", str(tmp_path / "events.ndjson"), "--changes", str(tmp_path / "changes.json"), "--budgets", "1"]) == 0
    assert "changes.json" in capsys.readouterr().err


def test_without_a_truth_there_are_the_usual_budgets_and_no_delay(world: Path) -> None:
    done = highwater("backtest", "-", "--json", stdin=event() + event(observed_at="2026-01-05T00:10:00Z"))
    rows = json.loads(done.stdout)["budgets"]
    assert [row["false_alarms_per_day"] for row in rows] == [0.01, 0.1, 1, 10]
    assert "recall" not in rows[0]


@pytest.mark.parametrize(
    "wrong",
    [
        ["no-such-file"],
        ["EVENTS", "--budgets", "some"],
        ["EVENTS", "--budgets", "0,1"],
        ["EVENTS", "--since", "yesterday"],
        ["EVENTS", "--truth", "no-such-file"],
        ["EVENTS", "--changes", "no-such-file"],
        ["EVENTS"],
    ],
)
def test_wrong_use_and_events_that_can_not_be_used_are_one_line_and_exit_2(
    wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events.ndjson").write_bytes(b"nonsense\n")
    code = run(["backtest", *(str(tmp_path / "events.ndjson") if word == "EVENTS" else word for word in wrong)])
    output = capsys.readouterr()
    assert (code, output.out, output.err.count("\n")) == (2, "", 1)
    assert output.err.startswith("highwater: ")
