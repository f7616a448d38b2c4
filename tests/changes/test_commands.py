"""`highwater changes` and `highwater schema`, as a person or a script uses them."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from changes import http_client
from changes.files.writer import to_json_array
from highwater.cli import run
from models.times import parse_time
from tests.changes.builders import END, START, change, write
from tests.changes.monitors import Monitor, served

NOW_US = parse_time(START)


@pytest.fixture
def calendar(tmp_path: Path) -> Path:
    complete = {"category": "planned_maintenance", "services": ["8.1.1"], "disruption": "outage", "return_to_normal_risk": "None"}
    return write(tmp_path, "calendar.json", to_json_array([change("M", "DCC", **complete)]))


def added(path: Path, *more: str) -> int:
    named = ["--owner", "SUP-01", "--title", "Firewall", "--start", START, "--end", END]
    return run(["changes", "add", "--to", str(path), "--id", "CHG-1", *named, *more])


def test_check_says_yes_to_a_complete_calendar(calendar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["changes", "check", str(calendar)]) == 0
    assert capsys.readouterr().out == "1 change: 0 bad rows, 0 items missing or not kept, 0 conflicts\n"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"change_id": "x"}], "index 0: owner is missing"),
        (
            [
                {
                    "change_id": "x",
                    "owner": "DCC",
                    "title": "t",
                    "planned_start": START,
                    "planned_end": END,
                    "category": "planned_maintenance",
                }
            ],
            "H8.4(d)",
        ),
        (
            [{"change_id": i, "owner": "SUP-01", "title": "t", "planned_start": START, "planned_end": END} for i in "ab"],
            "overlap: a (SUP-01: t) and b",
        ),
        (
            [{"change_id": "x", "owner": "SUP-01", "title": "t", "planned_start": START, "planned_end": "2099-01-01T00:00:00Z"}],
            "SUP-01/x: a monitor refuses it: the window is longer than 366 days",
        ),
    ],
)
def test_check_says_no_to_each_kind_of_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: Any, words: str) -> None:
    path = write(tmp_path, "a.json", json.dumps(rows))
    assert run(["changes", "check", str(path)]) == 1
    assert words in capsys.readouterr().out
    assert run(["changes", "check", str(path), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert sum(len(answer[name]) for name in ("rejected", "missing", "windows", "conflicts")) > 0


def test_check_weighs_declared_load_against_a_given_capacity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.json", to_json_array([change(expected={"effect": "up", "factor": 3})]))
    usual = write(tmp_path, "usual.json", '{"SUP-01": 90, "SUP-02": 10}')
    assert run(["changes", "check", str(path)]) == 0
    assert run(["changes", "check", str(path), "--capacity", "3", "--usual", str(usual)]) == 0
    assert run(["changes", "check", str(path), "--capacity", "2", "--usual", str(usual)]) == 1
    assert "load: CHG-1 (×3 at SUP-01)" in capsys.readouterr().out


def test_check_of_an_unreadable_file_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["changes", "check", str(tmp_path / "none.json")]) == 2
    result = capsys.readouterr().err
    assert result.count("\n") == 1
    assert "No such file" in result


@pytest.mark.parametrize("suffix", ["json", "ndjson", "csv", "ics"])
def test_add_declares_and_revises(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    assert added(path, "--set", "expected.effect=silent", "--set", "services=4.8.1;8.1.1") == 0
    assert run(["changes", "add", "--to", str(path), "--id", "CHG-1", "--status", "cancelled", "--set", "services="]) == 0
    assert "CHG-1, revision 2: Firewall" in capsys.readouterr().out
    assert run(["changes", "export", str(path), "--format", "json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["revision"], shown["status"], shown["expected"]) == (2, "cancelled", {"effect": "silent"})
    assert "services" not in shown
    assert parse_time(shown["declared_at"]) <= parse_time(shown["updated_at"])


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--set", "colour=blue"], "colour is not a field"), (["--status", "x"], "status must be"), (["--set", "revision"], "FIELD=VALUE")],
)
def test_add_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str) -> None:
    assert added(tmp_path / "a.json", *more) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_import_takes_the_good_rows_and_says_which_were_bad(calendar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path, "b.csv", f"change_id,title,planned_start,planned_end\nA,t,{START},{END}\nB,t,TBC,{END}\n")
    assert run(["changes", "import", str(source), "--owner", "SUP-09", "--to", str(calendar)]) == 1
    result = capsys.readouterr()
    assert "A, revision 1: t" in result.out
    assert "line 3: planned_start" in result.err
    assert [one["change_id"] for one in json.loads(calendar.read_text())] == ["A", "M"]
    good = write(tmp_path, "c.csv", f"change_id,title,planned_start,planned_end\nA,t,{START},{END}\n")
    assert run(["changes", "import", str(good), "--owner", "SUP-09", "--to", str(calendar)]) == 0
    assert "0 new or revised, 1 known already" in capsys.readouterr().out


def test_publish_writes_the_month(calendar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["changes", "publish", str(calendar), "--month", "2026-01", "--out", str(tmp_path / "s.md")]) == 0
    assert "8.1.1" in (tmp_path / "s.md").read_text()
    assert run(["changes", "publish", str(calendar), "--month", "2026-01", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 1
    assert run(["changes", "publish", str(calendar), "--month", "2026-1x"]) == 2
    assert run(["changes", "publish", str(calendar), "--month", "2026-01", "--format", "pdf"]) == 2


@pytest.fixture
def monitor() -> Iterator[str]:
    yield from served(Monitor)


def test_import_declares_at_a_running_monitor(monitor: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.json", to_json_array([change("A"), change("B")]))
    assert run(["changes", "import", str(path), "--to", monitor, "--token", "secret"]) == 1
    result = capsys.readouterr()
    assert "A, revision 1" in result.out
    assert "B: revision 1 stands already" in result.err
    assert "old withdrawn" in result.out
    assert [(where, token, [one["change_id"] for one in body]) for where, token, body in Monitor.seen] == [
        ("/v1/changes", "Bearer secret", ["A", "B"])
    ]


def test_what_a_monitor_is_sent_keeps_the_times_of_a_series_together(monitor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "PARCEL", 2)
    nights = [change(name, series=uid) for name, uid in (("A", "r"), ("C", "s"), ("D", "s"), ("E", "s"))]
    http_client.send_changes([change("B"), *nights], monitor, "x", NOW_US)
    assert [(where, [one["change_id"] for one in body]) for where, _, body in Monitor.seen] == [
        ("/v1/changes", ["B", "A"]),
        ("/v1/changes?part=true", ["C", "D"]),
        ("/v1/changes", ["E"]),
    ], "a request of which more follows contains nothing else, so that all other series in it are complete"


def test_the_nights_to_come_are_sent_before_those_of_years_ago(monitor: str) -> None:
    later = change("s/2", series="s", planned_start="2027-01-05T22:00:00Z", planned_end="2027-01-05T23:00:00Z")
    http_client.send_changes([change("s/1", series="s"), later], monitor, "x", NOW_US)
    assert [one["change_id"] for _, _, body in Monitor.seen for one in body] == ["s/2", "s/1"]


def test_many_times_of_a_series_that_were_over_long_ago_are_not_sent(monitor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"planned_start": "2025-11-01T22:00:00Z", "planned_end": "2025-11-01T23:00:00Z"}
    nights = [change("s/0", series="s", **old), change("s/1", series="s"), change("one", **old)]
    assert http_client.send_changes(nights, monitor, "x", NOW_US).left_out == 0
    monkeypatch.setattr(http_client, "PAST_MAX", 0)
    assert http_client.send_changes(nights, monitor, "x", NOW_US).left_out == 1
    assert [(where, len(body)) for where, _, body in Monitor.seen] == [
        ("/v1/changes", 3),
        ("/v1/changes?since=2025-11-26T22%3A00%3A00Z", 2),
    ]


def test_a_monitor_that_is_not_there_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.json", to_json_array([change("A")]))
    assert run(["changes", "import", str(path), "--to", "http://127.0.0.1:9"]) == 2
    assert "does not answer" in capsys.readouterr().err


def test_schema_prints_one_model_all_of_them_or_the_topics(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "change"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Change"
    assert run(["schema"]) == 0
    assert "Alert" in json.loads(capsys.readouterr().out)["$defs"]
    assert run(["schema", "--asyncapi"]) == 0
    assert json.loads(capsys.readouterr().out)["asyncapi"].startswith("3.")
    assert run(["schema", "nothing"]) == 2
    assert "TrafficEvent" in capsys.readouterr().err


def test_a_change_is_declared_with_four_words_and_its_conflicts_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.json", to_json_array([change("T", "DCC", category="bcdr_test", systems=["Data Service"])]))
    named = ["--owner", "SUP-01", "--title", "Replace the firewall", "--start", START, "--end", END, "--set", "systems=edge"]
    assert run(["changes", "add", "--to", str(path), *named]) == 0
    result = capsys.readouterr().out
    assert "category guessed from the title: firewall" in result
    assert "conflict: 20260105T2200-replace-the-firewall (SUP-01: Replace the firewall) may disrupt the BCDR test T" in result
    assert result.count("/2026") == 3


def test_an_import_that_can_not_be_settled_is_reported_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write(tmp_path, "a.json", to_json_array([change("A", title="first")]))
    other = write(tmp_path, "b.json", to_json_array([change("A", title="other")]))
    to = str(tmp_path / "to.json")
    assert run(["changes", "import", str(first), "--to", to]) == 0
    assert run(["changes", "import", str(first), "--to", to]) == 0
    assert run(["changes", "import", str(other), "--to", to]) == 1
    assert "A (SUP-01): revision 1 exists with different content" in capsys.readouterr().err


def test_publish_writes_every_format_and_says_what_changed(calendar: Path, tmp_path: Path) -> None:
    before = tmp_path / "january.json"
    assert run(["changes", "publish", str(calendar), "--month", "2026-01", "--out", str(before)]) == 0
    later = json.loads(calendar.read_text())
    later[0] |= {"revision": 2, "planned_start": "2026-01-06T20:00:00Z", "planned_end": "2026-01-06T21:00:00Z", "title": "<b>=1+1</b>"}
    moved = write(tmp_path, "moved.json", json.dumps(later))
    for suffix in ("md", "html", "csv", "xlsx", "ics", "json"):
        out = tmp_path / f"issue.{suffix}"
        assert run(["changes", "publish", str(moved), "--month", "2026-01", "--since", str(before), "--out", str(out)]) == 0
    page = (tmp_path / "issue.html").read_text()
    assert "Moved: &lt;b&gt;=1+1&lt;/b&gt; (DCC), 2026-01-06T20:00:00Z to 2026-01-06T21:00:00Z; before: " in page
    assert "<script" not in page
    assert "informed of Planned Maintenance of this month by 2025-12-01" in (tmp_path / "issue.md").read_text()
    from python_calamine import load_workbook

    rows = load_workbook(str(tmp_path / "issue.xlsx")).get_sheet_by_index(0).to_python()
    assert rows[0][:2] == ["start", "end"]
    assert "<b>=1+1</b>" in rows[1]
    assert rows[0][-2:] == ["notice_due", "changed"]
    assert rows[1][-2:] == ["2025-12-01", "moved"]
    notes = load_workbook(str(tmp_path / "issue.xlsx")).get_sheet_by_name("Notes").to_python()
    assert [row[0][:30] for row in notes] == ["Parties are informed of Planne", "Moved: <b>=1+1</b> (DCC), 2026"]
    first = (tmp_path / "issue.xlsx").read_bytes()
    again = ["changes", "publish", str(moved), "--month", "2026-01", "--since", str(before), "--out", str(tmp_path / "issue.xlsx")]
    assert run(again) == 0
    assert (tmp_path / "issue.xlsx").read_bytes() == first


def test_an_issue_of_another_month_is_no_previous_issue(calendar: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tmp_path / "january.json"
    assert run(["changes", "publish", str(calendar), "--month", "2026-01", "--out", str(before)]) == 0
    assert run(["changes", "publish", str(calendar), "--month", "2026-02", "--since", str(before)]) == 2
    assert "is an issue of '2026-01': give the previous issue of 2026-02" in capsys.readouterr().err


def test_publish_takes_the_calendar_of_a_running_monitor(tmp_path: Path) -> None:
    fields = {"change_id": "M", "owner": "DCC", "title": "Patch", "planned_start": START, "planned_end": END}

    class Monitor(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"items": [fields], "next": "more" if "cursor" not in self.path else None}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Monitor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        out = tmp_path / "a.md"
        assert run(["changes", "publish", f"http://127.0.0.1:{server.server_port}", "--month", "2026-01", "--out", str(out)]) == 0
        server.shutdown()
    assert out.read_text().count("Patch (M)") == 1
