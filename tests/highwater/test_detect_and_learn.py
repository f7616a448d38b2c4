"""`highwater detect` and `highwater learn` as a person types them."""

import gzip
import json
import random
from pathlib import Path

import pytest

from models.times import format_time
from simulator.simulation import find_scenario, simulate
from tests.highwater.test_replay import highwater
from tests.streams.test_pipeline import START_US

DAY_US = 86_400_000_000


def rows(values: list[float], folder: Path, name: str = "series.csv") -> list[dict[str, object]]:
    text = "timestamp,value\n" + "".join(f"{1_700_000_000 + 60 * index},{value}\n" for index, value in enumerate(values))
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    done = highwater("detect", path)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def noise(count: int, seed: int = 1) -> list[float]:
    dice = random.Random(seed)
    return [round(dice.gauss(100, 5), 2) for _ in range(count)]


def test_a_jump_is_one_alert_and_noise_is_none(tmp_path: Path) -> None:
    values = noise(600)
    assert [row for row in rows(values, tmp_path) if row["alert"]] == []
    jump = [*values[:400], *(value + 80 for value in values[400:])]
    assert [index for index, row in enumerate(rows(jump, tmp_path, "jump.csv.gz")) if row["alert"]] == [400]


def test_a_row_never_depends_on_a_later_one(tmp_path: Path) -> None:
    values = [*noise(300), 500.0, *noise(100, 2)]
    assert rows(values, tmp_path)[:250] == rows(values[:250], tmp_path, "part.csv")


@pytest.mark.parametrize("values", [[7.0] * 200, [-3.0, -4.0] * 100, [0.0] * 120 + [5.0] + [0.0] * 5, [1e300, -1e300] * 60])
def test_any_numbers_get_a_verdict_a_row(tmp_path: Path, values: list[float]) -> None:
    assert len(rows(values, tmp_path)) == len(values)


def test_gaps_repeats_and_disorder_keep_the_files_order(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("Timestamp,VALUE,more\n2026-01-02 00:00:00,1,x\n2026-01-01T00:00:00Z,,x\n2026-01-01T00:00:00Z,2,x\n1700000000,nan,x\n")
    detected = [json.loads(line) for line in highwater("detect", path).stdout.splitlines()]
    assert [row["timestamp"] for row in detected] == ["2026-01-02 00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "1700000000"]


@pytest.mark.parametrize("text", ["", "timestamp,value\n", "a,b\n1,2\n", "timestamp,value\nyesterday,1\n", "timestamp,value\n1,many\n"])
def test_what_is_no_series_is_one_line_and_exit_2(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    done = highwater("detect", tmp_path / "bad.csv")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_standard_input_gives_the_same_lines_and_what_stands_before_a_bad_row_is_judged(tmp_path: Path) -> None:
    text = b"timestamp,value\n" + b"".join(b"%d,%d\n" % (300 * index, index * index % 89) for index in range(300))
    (tmp_path / "a.csv").write_bytes(text)
    whole = highwater("detect", tmp_path / "a.csv").stdout
    broken = highwater("detect", "-", stdin=text + b"300000,many\n")
    assert (broken.returncode, broken.stdout, len(broken.stderr.splitlines())) == (2, whole, 1)


def test_a_bar_set_higher_alerts_on_less_with_the_same_scores_first(tmp_path: Path) -> None:
    values = [*noise(600, 3), 140.0, *noise(50, 4), 190.0]
    rows(values, tmp_path)
    strict = [json.loads(line) for line in highwater("detect", tmp_path / "series.csv", "--alert-at", "4.5").stdout.splitlines()]
    assert [index for index, row in enumerate(strict) if row["alert"]] == [651]
    assert all(row["score"] >= 4.5 for row in strict if row["alert"])


def test_what_was_learned_finds_on_the_first_day_what_nothing_learned_would_not(tmp_path: Path) -> None:
    simulation = simulate(find_scenario("firewall"), 3, users=6, days=3, start_us=START_US, window_s=300)
    lines = b"".join(simulation.blocks()).splitlines(keepends=True)
    last_day = format_time(START_US + 2 * DAY_US).encode()
    stamp = len(b'"observed_at":"')
    cut = next(index for index, line in enumerate(lines) if line[line.index(b'"observed_at":"') + stamp :][: len(last_day)] > last_day)
    (tmp_path / "history.ndjson").write_bytes(b"".join(lines[:cut]))
    (tmp_path / "today.ndjson").write_bytes(b"".join(lines[cut:]))
    assert highwater("learn", tmp_path / "history.ndjson", "--out", tmp_path / "state").returncode == 0
    highwater("replay", tmp_path / "today.ndjson", "--out", tmp_path / "cold")
    highwater("replay", tmp_path / "today.ndjson", "--learn-from", tmp_path / "state", "--out", tmp_path / "warm")
    user = next(one.user for one in simulation.truth.anomalies if one.id == "firewall")

    def kinds(run: str) -> set[str]:
        alerts = [json.loads(line) for line in (tmp_path / run / "alerts.ndjson").read_bytes().splitlines()]
        return {alert["kind"] for alert in alerts if alert["user"] == user and alert["severity"] != "info"}

    assert "silence" in kinds("warm")
    assert kinds("cold") < kinds("warm")


def test_a_calendar_row_that_can_not_be_used_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "history.ndjson").write_bytes(
        b"".join(simulate(find_scenario("quiet"), 3, users=2, days=1, start_us=START_US, window_s=300).blocks())
    )
    header = "change_id,source,owner,category,title,planned_start,planned_end"
    (tmp_path / "changes.csv").write_text(f"{header}\nCHG-1,user,SUP-1,firewall,No end,2026-01-05T08:00:00Z,\n")
    done = highwater("learn", tmp_path / "history.ndjson", "--changes", tmp_path / "changes.csv", "--out", tmp_path / "state")
    assert done.returncode == 0
    assert b"changes.csv, line 2: " in done.stderr
    assert (tmp_path / "state").exists()


def test_a_state_that_is_none_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_bytes(b"{}\n")
    (tmp_path / "state").write_bytes(b"no state")
    done = highwater("replay", tmp_path / "events.ndjson", "--learn-from", tmp_path / "state", "--out", tmp_path / "out")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
