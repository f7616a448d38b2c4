"""History for Prometheus: strictly OpenMetrics, taken by promtool, and the dashboards show it."""

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from config.grafana.preview.staging import fill_rules
from highwater.cli import run
from models.canonical_json import to_json
from models.times import parse_time
from simulator.simulation import Simulation, find_scenario, simulate
from tests.dashboards.boards import BOARDS, filled_in, targets
from tests.dashboards.conftest import AUTHORIZED
from tests.dashboards.servers import asked, eventually, highwater, needs, prometheus, query

START_S, DAYS_S = parse_time(find_scenario("firewall").start) / 1e6, 2 * 86_400
WINDOWS = 288


def exported(*arguments: object) -> int:
    return run(["export", "openmetrics", *map(str, arguments)])


@pytest.fixture(scope="session")
def morning() -> Simulation:
    """A day to learn from, and one in which a firewall change goes wrong."""
    scenario = find_scenario("firewall")
    return simulate(scenario, 3, users=4, days=2, start_us=parse_time(scenario.start), window_s=600)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, morning: Simulation) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "events.ndjson").write_bytes(b"".join(morning.blocks()))
    (folder / "changes.json").write_bytes(b"[" + b",".join(map(to_json, morning.changes)) + b"]")
    return folder


@pytest.fixture(scope="session")
def history(recorded: Path) -> Path:
    out = recorded / "history.om"
    assert exported(recorded / "events.ndjson", "--changes", recorded / "changes.json", "--out", out, "--step", 120) == 0
    return out


@pytest.fixture(scope="session")
def blocks(recorded: Path, history: Path) -> Iterator[str]:
    folder = recorded / "tsdb"
    command = [needs("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=24h", str(history), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with prometheus(recorded, blocks=folder) as server:
        fill_rules(server.address, folder, START_S, START_S + DAYS_S)
    with prometheus(recorded, blocks=folder) as server:
        yield server.address


def test_it_is_openmetrics_in_its_strictest_reading(history: Path) -> None:
    # Python's parser takes the second moment of a histogram for a repeat of the first (promtool takes it as it is).
    left_out = re.compile(r"(# \w+ )?highwater_(detection_delay|window_delay|step)_seconds")
    lines = (line for line in history.read_text().splitlines(keepends=True) if not left_out.match(line))
    # Every series, of the first hours.
    text = "".join(line for line in lines if line.startswith("#") or at(line) <= START_S + 4 * 3600)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {"highwater_messages", "highwater_queue_depth", "highwater_change_window_active"} <= set(families)
    assert families["highwater_messages"].type == "counter"


SELDOM = ("highwater_queue_drain_eta", "> 0.05")
"""What these days leave empty: their windows are too long to see a queue drain, and nobody fails much."""
OF_A_DAY = ("queue-build-up", "message-traffic", "changes-and-incidents")


@pytest.mark.parametrize(
    ("name", "title", "target"),
    [values for values in targets() if values[0] in OF_A_DAY],
    ids=lambda value: value if isinstance(value, str) else value["refId"],
)
def test_the_dashboards_show_a_day_that_is_over(blocks: str, name: str, title: str, target: dict[str, Any]) -> None:
    expr = filled_in(target["expr"], BOARDS[name], "240s", "172800s")
    # What is asked for now only may have been at any moment of the two days.
    values = query(blocks, "query_range", query=expr, start=str(START_S), end=str(START_S + DAYS_S), step="120")["result"]
    assert values or any(seldom in expr for seldom in SELDOM), expr


def test_no_message_is_lost_on_the_way_to_prometheus(blocks: str, morning: Simulation) -> None:
    last = query(blocks, "query", query="sum(last_over_time(highwater_messages_total[1h]))", time=str(START_S + DAYS_S))["result"]
    sent = sum(json.loads(line).get("messages", 0) for line in b"".join(morning.blocks()).splitlines())
    assert float(last[0]["value"][1]) == sent


def test_a_window_longer_than_a_scrape_leaves_no_gap(history: Path) -> None:
    moments = sorted(map(at, counts(history, "highwater_watchdog")))
    assert {later - earlier for earlier, later in pairwise(moments)} == {120}


def test_a_monitor_s_data_gives_the_same_counts_as_the_events_it_was_sent(tmp_path: Path, recorded: Path, history: Path) -> None:
    with highwater(tmp_path) as monitor:
        asked(f"{monitor.address}/v1/changes", headers=AUTHORIZED, body=(recorded / "changes.json").read_bytes())
        asked(f"{monitor.address}/v1/events", headers=AUTHORIZED, body=(recorded / "events.ndjson").read_bytes())
        text = eventually(lambda: judged(asked(f"{monitor.address}/metrics", headers=AUTHORIZED).decode()), limit_s=90)
    assert text
    assert exported("--data", tmp_path / "data", "--step", 120, "--out", tmp_path / "history.om") == 0
    # The newest windows wait for the watermark in a monitor; a replay ends its input.
    for kind in KEPT:
        own, replayed = counts(tmp_path / "history.om", kind), counts(history, kind)
        last = max(at(line) for line in own)
        assert own, kind
        # Ages are kept to seven digits.
        assert own == pytest.approx({line: value for line, value in replayed.items() if at(line) <= last}, rel=1e-6), kind


def judged(text: str) -> str:
    """The text once the last hour but one is judged."""
    windows = next(float(line.split()[1]) for line in text.splitlines() if line.startswith("highwater_windows_closed_total"))
    return text if windows >= WINDOWS - 2 else ""


KEPT = (
    "highwater_messages_total",
    "highwater_queue_depth",
    "highwater_queue_oldest_age_seconds",
    "highwater_anomaly_score",
    "highwater_queue_capacity_eta_seconds",
    "highwater_queue_capacity_eta_low_seconds",
    "highwater_alerts_open",
    "highwater_incidents_open",
    "highwater_change_window_active",
)


def at(line: str) -> int:
    """The time at the end of a line's name."""
    return int(line.rsplit(" ", 1)[1])


def counts(path: Path, metric: str) -> dict[str, float]:
    """Name, labels and time → value."""
    by_key = {}
    for line in path.read_text().splitlines():
        if line.startswith((metric + "{", metric + " ")):
            name, value, at_s = line.rsplit(" ", 2)
            by_key[f"{name} {at_s}"] = float(value)
    return by_key


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "give either event files, or the data folder"),
        (["x.ndjson", "--data", "y"], "give either event files, or the data folder"),
        (["--data", "/nowhere"], "not a data folder"),
        (["/nowhere.ndjson"], "/nowhere.ndjson"),
    ],
)
def test_a_wrong_use_is_one_line_that_says_what_to_do(arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exported(*arguments) == 2
    reported = capsys.readouterr()
    assert (reported.out, reported.err.count("\n")) == ("", 1)
    assert word in reported.err


def test_nothing_to_export_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "events.ndjson").write_text("")
    assert exported(tmp_path / "events.ndjson") == 2
    assert "there is no event in" in capsys.readouterr().err
