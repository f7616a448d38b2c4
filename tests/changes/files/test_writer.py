"""Calendars that were written read back as the same changes, and no spreadsheet runs them."""

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from changes.files.calendar_files import add_to, read_calendar, write_file
from changes.files.cells import escape_formula, unguarded
from changes.files.feed import to_feed
from changes.files.reader import read_changes
from changes.files.writer import WRITERS, stated, to_csv, to_ics, writer_of
from models.canonical_json import to_json
from models.errors import UnreadableInput
from tests.changes.builders import change, write

WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=10)
NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=6)
EXPECTED = st.fixed_dictionaries(
    {"effect": st.sampled_from(["up", "down", "silent"])},
    optional={
        "factor": st.floats(0, 100),
        "until": st.just("2026-01-06T06:00:00Z"),
        "message_classes": st.just(["command"]),
        "services": st.lists(NAMES, max_size=2),
    },
)
CHANGES = st.fixed_dictionaries(
    {"change_id": WORDS, "owner": WORDS.map(lambda text: text.replace("/", "-")), "title": WORDS},
    optional={
        "revision": st.integers(1, 9),
        "source": st.sampled_from(["dcc", "user", "service_provider"]),
        "category": st.sampled_from(["firewall", "other", "planned_maintenance"]),
        "status": st.sampled_from(["draft", "declared", "cancelled", "completed"]),
        "description": WORDS,
        "contact": WORDS,
        "declared_at": st.just("2026-01-01T06:00:00Z"),
        "updated_at": st.just("2026-01-02T06:00:00Z"),
        "users": st.lists(NAMES, max_size=3),
        "services": st.lists(NAMES, max_size=3),
        "directions": st.just(["to_user"]),
        "disruption": st.sampled_from(["none", "outage"]),
        "expected": EXPECTED,
        "visibility": st.just("public_summary"),
    },
)


@pytest.mark.parametrize("suffix", WRITERS)
@given(fields=st.lists(CHANGES, max_size=3, unique_by=lambda one: one["change_id"]))
@example(fields=[{"change_id": "C\\N1", "owner": "A", "title": "\\N", "description": "\\n;,", "contact": "a\\N"}])
@settings(max_examples=60, deadline=None)
def test_what_was_written_reads_back_as_the_same(suffix: str, fields: list[dict[str, Any]]) -> None:
    made = [change(**one) for one in fields]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), f"a{suffix}", writer_of(suffix)(made))
        rows, rejected = read_changes(path)
    assert rejected == []
    assert [to_json(one) for one in rows] == [to_json(one) for one in made]


@given(
    text=st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["=1", "'=1", "''=1", " =1", "\t=1", "-", "'", "@x", "＝1"])
)
def test_a_guarded_cell_never_runs_and_gives_back_its_text(text: str) -> None:
    assert escape_formula(text)[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n", "＝")
    assert unguarded(escape_formula(text)) == text


def test_no_cell_of_a_table_begins_like_a_formula() -> None:
    nasty = change("=cmd|' /C calc'!A0", "@SUM(1+1)", title="+1", description="-2", contact="\t=1", users=["=1"])
    rows = list(csv.reader(io.StringIO(to_csv([nasty]).decode(), newline="")))
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t", "\r") for row in rows for cell in row)


def test_a_file_says_only_what_its_owner_said() -> None:
    assert set(stated(change())) == {"change_id", "owner", "title", "planned_start", "planned_end"}
    assert stated(change(disruption="risk"))["disruption"] == "risk"
    assert stated(change(expected={"effect": "up"}))["expected"] == {"effect": "up"}


def test_an_unknown_suffix_is_not_written() -> None:
    with pytest.raises(UnreadableInput, match=r"\.json, \.ndjson, \.csv, \.ics"):
        writer_of(".docx")


def test_a_file_that_is_added_to_keeps_the_highest_revisions(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert [one.change_id for one in add_to(path, [change("A"), change("B")]).news] == ["A", "B"]
    assert [one.revision for one in add_to(path, [change("A", revision=2), change("B")]).news] == [2]
    assert add_to(path, [change("A")]).news == ()
    assert [(one.change_id, one.revision) for one in read_calendar([path]).changes] == [("A", 2), ("B", 1)]


def test_a_file_with_rows_that_can_not_be_read_is_not_rewritten(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", '[{"change_id": "x"}]')
    with pytest.raises(UnreadableInput, match="1 rows"):
        add_to(path, [change()])
    assert json.loads(path.read_text()) == [{"change_id": "x"}]


def test_a_file_that_can_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="can't be written"):
        write_file(tmp_path / "none" / "a.json", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreadableInput, match="can't be written"):
        write_file(tmp_path / "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_several_files_are_one_calendar(tmp_path: Path) -> None:
    first = write(tmp_path, "a.json", json.dumps([stated(change("A", title="old")), 5]))
    second = write(tmp_path, "b.ndjson", json.dumps(stated(change("A", revision=2, title="new"))))
    read = read_calendar([second, first])
    assert [one.title for one in read.changes] == ["new"]
    assert len(read.rejections) == 1
    assert read_calendar([]).changes == ()


def test_no_title_leaves_its_event_or_makes_a_calendar_unreadable() -> None:
    hostile = change("A", title="a\0b\x1b[31m\u2028END:VEVENT\x85BEGIN:VEVENT\rX", regions=["x\x0by"])
    for written in (to_ics([hostile, change("B")]), to_feed([hostile, change("B")])):
        text = written.decode()
        assert not [sign for sign in text if sign in "\x85\u2028" or (sign < " " and sign not in "\r\n")]
        assert [line for line in text.splitlines() if line in ("BEGIN:VEVENT", "END:VEVENT")] == ["BEGIN:VEVENT", "END:VEVENT"] * 2
    assert b"\0" not in to_csv([hostile])
