"""Calendars from files: one bad row never costs its neighbours, and is named with its place."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from changes.files.reader import ReadOptions, describe, read_changes
from models.errors import ConfigurationError, UnreadableInput
from tests.changes.builders import END, START, change, write
from tests.models.builders import CHANGE

GOOD = {**CHANGE, "change_id": "good"}
HEADER = "change_id,owner,title,planned_start,planned_end"


def faults(path: Path, **assumed: Any) -> list[str]:
    return [describe(one).removeprefix(f"{path}, ") for one in read_changes(path, ReadOptions(**assumed))[1]]


def ids(path: Path, **assumed: Any) -> list[str]:
    return [one.change_id for one in read_changes(path, ReadOptions(**assumed))[0]]


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a.csv", "A.JSON"])
def test_each_text_format_gives_the_same_change(tmp_path: Path, name: str) -> None:
    rows = {
        ".json": json.dumps([CHANGE]),
        ".ndjson": json.dumps(CHANGE) + "\n",
        ".csv": ",".join(CHANGE) + "\n" + ",".join(CHANGE.values()),
    }
    made, rejected = read_changes(write(tmp_path, name, rows[Path(name).suffix.lower()]))
    assert rejected == []
    assert made == [change(**CHANGE)]


def test_a_json_file_may_hold_lines_or_one_change(tmp_path: Path) -> None:
    assert ids(write(tmp_path, "a.json", f"{json.dumps(GOOD)}\n{json.dumps(CHANGE)}\n")) == ["good", "CHG-1"]
    assert ids(write(tmp_path, "b.json", json.dumps(GOOD, indent=1))) == ["good"]


def test_a_bad_element_costs_no_other(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", json.dumps([5, GOOD, {**CHANGE, "revision": "2"}, None, {**CHANGE, "title": "x"}]))
    assert ids(path) == ["good", "CHG-1"]
    assert faults(path) == [
        "index 0: a change must be an object",
        "index 2: revision must be a whole number, not '2'",
        "index 3: a change must be an object",
    ]


def test_a_bad_line_costs_no_other(tmp_path: Path) -> None:
    path = write(tmp_path, "a.ndjson", f'{{"a":\n\n{json.dumps(GOOD)}\n[{json.dumps(CHANGE)}, 7]\n\xff\n')
    assert ids(path) == ["good", "CHG-1"]
    indices = [line.partition(":")[0] for line in faults(path)]
    assert indices == ["line 1", "line 4, index 1", "line 5"]


def test_a_rejected_row_keeps_its_text(tmp_path: Path) -> None:
    _, rejected = read_changes(write(tmp_path, "a.ndjson", '{"change_id":"x"}\n'))
    assert rejected[0].raw == b'{"change_id":"x"}'


def test_csv_cells_become_lists_numbers_and_the_expected_envelope(tmp_path: Path) -> None:
    header = f"{HEADER},revision,users,services,expected.effect,expected.factor,expected.message_classes,description"
    path = write(
        tmp_path, "a.csv", f'\ufeff{header}\n1042,SUP-01,"a, b",{START},{END},3,SUP-01; SUP-02,4.8.1,up,2.5,command;pre_command,\n'
    )
    (made,), rejected = read_changes(path)
    assert rejected == []
    assert (made.change_id, made.title, made.revision, made.users, made.services) == ("1042", "a, b", 3, ("SUP-01", "SUP-02"), ("4.8.1",))
    assert made.description is None
    assert made.expected is not None
    assert (made.expected.effect, made.expected.factor, made.expected.message_classes) == ("up", 2.5, ("command", "pre_command"))


def test_a_cell_that_repeats_is_refused_in_each_of_its_rows_and_read_in_each(tmp_path: Path) -> None:
    header = f"{HEADER},services,expected,"
    sound = f'SUP-01,Work,{START},{END},4.8.1; 8.1.1,"{{""effect"": ""silent""}}",'
    broken = sound.replace('"{""effect"": ""silent""}"', "silent")
    path = write(tmp_path, "a.csv", "\n".join([header, f"a,{sound}", f"b,{broken}", f"c,{broken}", f"d,{sound}", "' ,,,,,,,", ""]))
    made, rejected = read_changes(path)
    assert [(one.change_id, one.services) for one in made] == [("a", ("4.8.1", "8.1.1")), ("d", ("4.8.1", "8.1.1"))]
    assert [describe(one).partition(": ")[2][:8] for one in rejected] == ["expected", "expected", "owner is"]


def test_csv_takes_the_expected_envelope_as_json_too(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.csv",
        f'{HEADER},expected\nA,SUP-01,t,{START},{END},"{{""effect"": ""up"", ""factor"": 3}}"\nB,SUP-01,t,{START},{END},up\n',
    )
    assert ids(path) == ["A"]
    assert faults(path) == ['line 3: expected must be JSON such as {"effect": "up", "factor": 3}']


@pytest.mark.parametrize("sign", [";", "\t"])
def test_csv_takes_other_delimiters(tmp_path: Path, sign: str) -> None:
    rows = f"{HEADER}\nA,SUP-01,t,{START},{END}\n".replace(",", sign)
    assert ids(write(tmp_path, "a.csv", rows)) == ["A"]


def test_bad_csv_rows_are_named_by_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    rows = [
        HEADER + ",revision",
        f"A,SUP-01,t,{START},{END},1.5",
        f'B,SUP-01,"two\nlines",{START},{END},1',
        "",
        ",,,,,",
        f"C,SUP-01,t,{START[:-1]},{END},1",
        f"D,SUP-01,t,{START},{END},1,surplus",
        f"E,,t,{START},{END},1",
        f"F,SUP-01,t,{START},{END}",
    ]
    path = write(tmp_path, "a.csv", "\n".join(rows))
    assert ids(path) == ["B"]
    assert [line.partition(":")[0] for line in faults(path)] == ["line 2", "line 7", "line 8", "line 9", "line 10"]
    assert ids(path, owner="SUP-09") == ["B", "E"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("change_id,owner\nA,B\n", "no column title, planned_start, planned_end"),
        (f"{HEADER},title\n", "title twice"),
        (b"change_id,\xff\n", "UTF-8"),
    ],
)
def test_a_csv_without_a_usable_header_is_unreadable(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(UnreadableInput, match=words):
        read_changes(write(tmp_path, "a.csv", content))


def test_a_cell_too_long_to_be_read_costs_no_other_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f"{HEADER}\nA,SUP-01,{'x' * 200_000},{START},{END}\nB,SUP-01,t,{START},{END}\n")
    assert ids(path) == ["B"]
    assert faults(path)[0].startswith("line 2: the row can't be read")


@pytest.mark.parametrize("depth", [100, 500, 900, 950, 1000, 5000])
def test_no_depth_of_nesting_costs_the_neighbours(tmp_path: Path, depth: int) -> None:
    deep = '{"change_id":' + "[" * depth + "]" * depth + "}"
    path = write(tmp_path, "a.ndjson", f"{deep}\n{json.dumps(GOOD)}\n")
    assert ids(path) == ["good"]
    assert len(faults(path)) == 1


def test_an_empty_table_holds_no_changes(tmp_path: Path) -> None:
    assert read_changes(write(tmp_path, "a.csv", "")) == ([], [])
    assert read_changes(write(tmp_path, "a.ndjson", "\n")) == ([], [])


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.ndjson"])
def test_text_in_utf_16_is_read(tmp_path: Path, name: str) -> None:
    text = f"{HEADER}\nA,SUP-01,Größe,{START},{END}\n" if name == "a.csv" else json.dumps(GOOD | {"change_id": "A"}, ensure_ascii=False)
    assert ids(write(tmp_path, name, text.encode("utf-16"))) == ["A"]


def test_a_number_that_is_none_costs_its_own_change_alone(tmp_path: Path) -> None:
    bad = json.dumps(GOOD | {"change_id": "bad", "expected": {"effect": "up", "factor": float("nan")}})
    path = write(tmp_path, "a.json", f"[{bad},{json.dumps(GOOD)}]")
    assert (ids(path), len(faults(path))) == (["good"], 1)


def test_two_objects_that_ran_together_are_no_change(tmp_path: Path) -> None:
    one, other = json.dumps(GOOD | {"change_id": "A"}), json.dumps(GOOD | {"change_id": "B"})
    path = write(tmp_path, "a.json", f"[{one[:-1]},{other[1:]},{json.dumps(GOOD)}]")
    assert (ids(path), faults(path)) == (
        ["good"],
        ["index 0: change_id stands there twice with different values: two changes may have run together"],
    )


def test_the_answer_of_a_monitor_is_read(tmp_path: Path) -> None:
    assert ids(write(tmp_path, "a.json", json.dumps({"items": [GOOD], "next": None}))) == ["good"]


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps([GOOD]).encode())
    assert ids(write(tmp_path, "a.json.gz", packed)) == ["good"]
    with pytest.raises(UnreadableInput, match="can't be read"):
        read_changes(write(tmp_path, "b.json.gz", packed[:-9]))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "x", "its name must end in"),
        ("a.json", "", "empty"),
        ("a.json", "[1,", "not valid JSON"),
        ("a.json", "[" * 100_000, "nested"),
        ("a.json", b"\xff", "not valid JSON"),
        ("a.json", b"\xff\xfe[", "UTF-16"),
        ("a.ics", "hello", "not iCalendar"),
    ],
)
def test_a_file_that_can_not_be_read_at_all_says_why(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(UnreadableInput, match=words):
        read_changes(write(tmp_path, name, content))


def test_missing_files_and_folders_say_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UnreadableInput):
            read_changes(path)


def test_an_unknown_zone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Europe/Lundun"):
        read_changes(write(tmp_path, "a.json", "[]"), ReadOptions(timezone="Europe/Lundun"))


@pytest.mark.parametrize(
    ("local", "words"), [("2026-03-29T01:30:00", "does not happen"), ("2026-10-25T01:30:00", "happens twice"), ("2026-10-25", "RFC 3339")]
)
def test_an_hour_that_the_clock_change_skips_or_repeats_is_refused(tmp_path: Path, local: str, words: str) -> None:
    rows = f"{HEADER}\nA,SUP-01,t,{local},2026-12-01T00:00:00Z\nB,SUP-01,t,2026-07-01T01:30:00,2026-07-01 02:30:00\n"
    path = write(tmp_path, "a.csv", rows)
    made, _ = read_changes(path, ReadOptions(timezone="Europe/London"))
    assert [(one.change_id, one.planned_start.hour) for one in made] == [("B", 0)]
    assert words in faults(path, timezone="Europe/London")[0]


def test_a_stray_quote_costs_its_own_row(tmp_path: Path) -> None:
    rows = [
        f'a,SUP-01,"stray,{START},{END}',
        f'b,SUP-01,"Sound",{START},{END}',
        f'c,SUP-01,"Two\nlines",{START},{END}',
        f'd,SUP-01,"Last,{START},{END}',
        f"e,SUP-01,Sound too,{START},{END}",
    ]
    path = write(tmp_path, "a.csv", "\n".join([HEADER, *rows]))
    assert ids(path) == ["b", "c", "e"]
    assert [fault.partition(":")[0] for fault in faults(path)] == ["line 2", "line 6"]


def test_blanks_after_a_closing_quote_cost_no_row(tmp_path: Path) -> None:
    rows = f'{HEADER}\na,SUP-01,"Two\nlines" ,{START},{END}\nb,SUP-01,"Two, ""so"" ,\nlines",{START},"{END}" \nc,SUP-01,T,{START},{END}\n'
    path = write(tmp_path, "a.csv", rows)
    assert (ids(path), faults(path)) == (["a", "b", "c"], [])


def test_a_stray_quote_in_a_title_costs_no_row(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f'"Plan of January\n{HEADER}\na,SUP-01,T,{START},{END}\n')
    assert (ids(path), faults(path)) == (["a"], [])


def test_a_quote_open_in_every_line_costs_no_sound_row(tmp_path: Path) -> None:
    stray = "".join(f'C{number}","x\n' for number in range(1500))
    path = write(tmp_path, "a.csv", f"{HEADER}\na,SUP-01,T,{START},{END}\n{stray}b,SUP-01,T,{START},{END}\n")
    assert ids(path) == ["a", "b"]
    assert len(faults(path)) == 1500


def test_a_time_outside_of_the_calendar_costs_no_other(tmp_path: Path) -> None:
    rows = [f"a,SUP-01,T,0001-01-01T00:00:00+14:00,{END}", f"b,SUP-01,T,{START},{END}"]
    path = write(tmp_path, "a.csv", "\n".join([HEADER, *rows]))
    assert ids(path, timezone="Europe/London") == ["b"]
    assert "0001-01-01T00:00:00+14:00 is not a time" in faults(path, timezone="Europe/London")[0]


def test_no_declared_factor_exceeds_the_greatest_number(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f'{HEADER},expected\na,SUP-01,T,{START},{END},"{{""effect"":""up"",""factor"":1e17}}"\n')
    assert "expected.factor must be at most" in faults(path)[0]
