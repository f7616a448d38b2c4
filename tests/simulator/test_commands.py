import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from highwater.commands import score, simulate
from models.errors import HighwaterError
from simulator.scenarios import SCENARIOS

app = typer.Typer(pretty_exceptions_enable=False)
simulate.register(app)
score.register(app)


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def small(folder: Path, *more: str) -> Sequence[str | Path]:
    return ("simulate", "message-storm", "--out", folder, "--users", "3", "--days", "1", *more)


def test_list_names_every_scenario_with_a_sentence() -> None:
    lines = run("simulate", "--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(SCENARIOS)
    assert [one["name"] for one in json.loads(run("simulate", "--list", "--json").stdout)] == list(SCENARIOS)


def test_simulate_writes_events_changes_and_truth_and_says_how_much(tmp_path: Path) -> None:
    simulated = json.loads(run(*small(tmp_path / "out", "--seed", "7", "--json")).stdout)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["changes.json", "events.ndjson.gz", "truth.json"]
    assert simulated["events"] > 10_000
    assert json.loads((tmp_path / "out" / "truth.json").read_text())["seed"] == 7


def test_start_moves_the_day(tmp_path: Path) -> None:
    run(*small(tmp_path, "--start", "2026-06-01T02:00:00+02:00"))
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["judged_from"] == "2026-06-01T00:00:00Z"
    assert truth["anomalies"][0]["onset_at"].startswith("2026-06-01")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate",), "give a scenario and a folder"),
        (("simulate", "day"), "--out DIR"),
        (("simulate", "fire", "--out", "x"), "there is no scenario 'fire'"),
        (("simulate", "quiet", "--out", "x", "--users", "0"), "not 0"),
        (("simulate", "quiet", "--out", "x", "--days", "0"), "not 0"),
        (("simulate", "quiet", "--out", "x", "--seed", "-1"), "not -1"),
        (("simulate", "quiet", "--out", "x", "--start", "2026-01-05T00:00:00"), "with an offset"),
        (("simulate", "day", "--out", "x", "--users", "1"), "higher number"),
        (("score", "nowhere", "truth.json"), "truth.json does not exist"),
    ],
)
def test_wrong_use_is_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HighwaterError, match=words) as fault:
        run(*arguments)
    assert "\n" not in str(fault.value)
    assert list(tmp_path.iterdir()) == []


def test_score_prints_the_contracts_figures_for_a_run_without_alerts(tmp_path: Path) -> None:
    run(*small(tmp_path))
    (tmp_path / "alerts.ndjson").write_text("")
    figures = json.loads(run("score", tmp_path, tmp_path / "truth.json").stdout)
    assert figures["recall"] == 0
    assert figures["precision"] is None
    assert figures["delay_s"] == {"median": None, "p95": None}
    assert figures["wrong_probable"] == 0
    assert figures["missed"] == ["message-storm"]
