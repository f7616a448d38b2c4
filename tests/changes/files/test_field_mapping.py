"""Mapping files: other systems' exports become our fields without code for each system."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from changes.files.field_mapping import Mapping, look_up, read_mapping
from changes.files.reader import ReadOptions, describe, read_changes
from models.errors import ConfigurationError, UnreadableInput
from models.times import format_time, us
from tests.changes.builders import END, START, write

ROOT = Path(__file__).parents[3]
SAMPLES = Path(__file__).parents[1] / "samples"


def imported(system: str, **assumed: Any) -> tuple[list[Any], list[str]]:
    mapping = read_mapping(ROOT / "docs" / "calendars" / f"{system}.toml")
    made, rejected = read_changes(SAMPLES / f"{system}.json", ReadOptions(mapping=mapping, **assumed))
    return made, [describe(one).rpartition("json, ")[2] for one in rejected]


def test_servicenow_change_requests_are_read_as_documented() -> None:
    made, faults = imported("servicenow")
    assert [(one.change_id, one.status, one.category) for one in made] == [
        ("CHG0030001", "confirmed", "release"),
        ("CHG0030003", "cancelled", "network"),
    ]
    upgrade = made[0]
    assert (upgrade.owner, upgrade.source, upgrade.systems, upgrade.contact) == ("DCC", "dcc", ("DSP database",), "Change management")
    assert upgrade.return_to_normal_risk == "Restore from snapshot, 2 hours"
    assert format_time(us(upgrade.planned_start)) == "2026-02-03T20:00:00Z"
    assert format_time(us(upgrade.updated_at)) == "2026-01-20T11:00:00Z"
    assert upgrade.actual_start is None
    assert faults == ["index 1: planned_start: 'TBC' is no time in a form that the mapping file knows (`time_formats`)"]


def test_jira_issues_are_read_as_documented() -> None:
    (made,), faults = imported("jira", owner="SUP-01")
    assert faults == []
    assert (made.change_id, made.owner, made.status) == ("CHM-17", "SUP-01", "confirmed")
    assert (made.systems, made.services) == (("Head end", "MDM"), ("4.6.1", "4.8.1"))
    assert format_time(us(made.planned_start)) == "2026-02-03T06:00:00Z"


def test_pagerduty_change_events_are_read_as_documented() -> None:
    (made,), faults = imported("pagerduty")
    assert faults == []
    assert (made.owner, made.systems, made.category, made.status) == ("SUP-07", ("DCC adapter",), "release", "completed")
    assert format_time(us(made.planned_end)) == "2026-02-03T11:00:00Z"


def test_a_mapping_goes_over_tables_too(tmp_path: Path) -> None:
    mapping = Mapping.model_validate(
        {
            "timezone": "Europe/London",
            "time_formats": ["%d/%m/%Y %H:%M"],
            "list_separator": ",",
            "fields": {
                "change_id": "Ref",
                "title": "What",
                "planned_start": "From",
                "planned_end": "To",
                "services": "SRVs",
                "owner": "Who",
            },
        }
    )
    rows = 'Ref,What,From,To,SRVs,Who\n7,Work,01/07/2026 22:00,02/07/2026 01:00,"4.8.1, 8.1.1",SUP-01\n8,Work,29/03/2026 01:30,,,SUP-01\n'
    made, rejected = read_changes(write(tmp_path, "a.csv", rows), ReadOptions(mapping=mapping))
    assert [(one.change_id, one.services, format_time(us(one.planned_start))) for one in made] == [
        ("7", ("4.8.1", "8.1.1"), "2026-07-01T21:00:00Z")
    ]
    assert "does not happen" in rejected[0].reason


def test_unix_seconds_are_times(tmp_path: Path) -> None:
    fields = {"change_id": "id", "title": "id", "owner": "id", "planned_start": "start", "planned_end": "end"}
    mapping = Mapping.model_validate({"time_formats": ["unix"], "fields": fields})
    (made,), _ = read_changes(
        write(tmp_path, "a.json", json.dumps([{"id": "x", "start": 1767650400, "end": "1767654000"}])), ReadOptions(mapping=mapping)
    )
    assert (format_time(us(made.planned_start)), format_time(us(made.planned_end))) == (START, END)


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("a.b", 1),
        ("a.c", None),
        ("x.y", 2),
        ("list.0.n", "p"),
        ("list.9.n", None),
        ("list.*.n", ["p", "q"]),
        ("a.b.c", None),
    ],
)
def test_paths_go_through_objects_and_lists(path: str, result: Any) -> None:
    assert look_up({"a": {"b": 1}, "x.y": 2, "list": [{"n": "p"}, {"n": "q"}, {}]}, path) == result


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[fields]\nchange_id = 'id'\nname = 'x'\n", "name is not a field of a change"),
        ("colour = 1\n[fields]\ntitle = 'x'\n", "colour"),
        ("rows = 'x'\n", "fields is missing"),
        ("[fields]\ntitle = 5\n", "fields"),
        ("duration_s = 0\n[fields]\ntitle = 'x'\n", "duration_s must be more than 0"),
    ],
)
def test_a_mapping_that_can_not_work_names_its_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_mapping(write(tmp_path, "m.toml", text))


def test_a_mapping_that_can_not_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", write(tmp_path, "m.toml", "= x"), write(tmp_path, "n.toml", b"\xff")):
        with pytest.raises(UnreadableInput):
            read_mapping(path)


def test_rows_that_are_not_there_point_to_the_mapping(tmp_path: Path) -> None:
    mapping = Mapping.model_validate({"rows": "result.items", "fields": {"title": "t"}})
    with pytest.raises(UnreadableInput, match="rows"):
        read_changes(write(tmp_path, "a.json", "{}"), ReadOptions(mapping=mapping))


@pytest.mark.parametrize("encoding", ["rot13", "hex", "undefined", "a\0b", "none such"])
def test_an_encoding_that_is_not_one_of_text_is_refused(encoding: str) -> None:
    with pytest.raises(ValidationError, match="there is no encoding"):
        Mapping(fields={"title": "summary"}, encoding=encoding)


def test_an_encoding_of_several_bytes_a_character_is_known() -> None:
    assert Mapping(fields={"title": "summary"}, encoding="UTF-16").encoding == "utf-16"
