"""`highwater replay` as a person types it: what it writes, and how it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EVENT = {
    "kind": "traffic",
    "observed_at": "2026-01-05T00:00:10Z",
    "user": "A",
    "direction": "to_dsp",
    "message_class": "service_request",
    "messages": 5,
}
NAMES = {"alerts.ndjson", "incidents.ndjson", "change-reports.ndjson", "rejected.ndjson"}


def highwater(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "highwater", *map(str, arguments)], input=stdin, capture_output=True, timeout=120, check=False
    )


def event(**fields: object) -> bytes:
    return json.dumps(EVENT | fields).encode() + b"\n"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    path.write_bytes(event() + b"nonsense\n" + event(messages="5") + event(observed_at="2026-01-05T00:00:20Z"))
    return path


def test_it_writes_the_four_files_and_sets_bad_lines_aside(events: Path, tmp_path: Path) -> None:
    done = highwater("replay", events, "--out", tmp_path / "out", "--json")
    assert (done.returncode, {path.name for path in (tmp_path / "out").iterdir()}) == (0, NAMES)
    counts = json.loads(done.stdout)
    assert (counts["events"], counts["accepted"], counts["rejected"], counts["windows"]) == (4, 2, 2, 2)
    rejected = [json.loads(line) for line in (tmp_path / "out" / "rejected.ndjson").read_bytes().splitlines()]
    assert [(row["position"]["line"], row["raw"]) for row in rejected] == [(2, "nonsense"), (3, event(messages="5").decode().strip())]


def test_standard_input_gives_the_same_bytes(events: Path, tmp_path: Path) -> None:
    highwater("replay", events, "--out", tmp_path / "file")
    highwater("replay", "-", "--out", tmp_path / "pipe", stdin=events.read_bytes())
    for name in NAMES - {"rejected.ndjson"}:
        assert (tmp_path / "file" / name).read_bytes() == (tmp_path / "pipe" / name).read_bytes()


def test_a_bad_row_of_a_calendar_is_reported_and_costs_nothing_else(events: Path, tmp_path: Path) -> None:
    good = {"change_id": "C1", "owner": "A", "title": "t", "planned_start": "2026-01-05T00:00:00Z", "planned_end": "2026-01-05T01:00:00Z"}
    (tmp_path / "changes.json").write_text(json.dumps([good, {"change_id": "C2"}]))
    done = highwater("replay", events, "--changes", tmp_path / "changes.json", "--out", tmp_path / "out", "--json")
    assert (done.returncode, json.loads(done.stdout)["changes_rejected"]) == (0, 1)
    assert b"changes.json" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_one_revision_with_two_contents_is_said(events: Path, tmp_path: Path) -> None:
    good = {"change_id": "C1", "owner": "A", "title": "t", "planned_start": "2026-01-05T00:00:00Z", "planned_end": "2026-01-05T01:00:00Z"}
    calendars = [tmp_path / "one.json", tmp_path / "two.json"]
    for path, title in zip(calendars, "tu", strict=True):
        path.write_text(json.dumps([good | {"title": title}]))
    options = [option for path in calendars for option in ("--changes", path)]
    done = highwater("replay", events, *options, "--out", tmp_path / "out", "--json")
    assert (done.returncode, json.loads(done.stdout)["changes_rejected"]) == (0, 1)
    assert b"C1 (A): revision 1 exists with different content" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.ndjson", None, b"can't read"),
        ("empty.ndjson", b"", b"no event"),
        ("broken.ndjson.gz", b"\x1f\x8b" + b"\xff" * 30, b"damaged"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_exit_2(tmp_path: Path, name: str, content: bytes | None, complaint: bytes) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = highwater("replay", tmp_path / name, "--out", tmp_path / "out")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert complaint in done.stderr
    assert list((tmp_path / "out").glob("*.ndjson")) == []


def test_an_output_folder_that_cannot_be_written_is_one_line_and_exit_2(events: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file is in the way")
    done = highwater("replay", events, "--out", tmp_path / "out")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    "arguments",
    [("replay",), ("replay", "x.ndjson"), ("nonsense",), ("replay", "--nonsense"), ("config", "check", "--config", "nowhere.toml")],
)
def test_wrong_use_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    done = highwater(*arguments)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_help_and_version_are_no_errors() -> None:
    assert [highwater(*arguments).returncode for arguments in (("--help",), ("--version",), ("replay", "--help"), ())] == [0, 0, 0, 0]
