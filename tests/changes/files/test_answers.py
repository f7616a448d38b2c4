"""Answers: what other systems answer or send, one page, one item or a whole list, and tables in the form of another country."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import UnreadableInput
from models.times import format_time, us
from tests.changes.builders import END, START, imported, window, write

HEADER = "change_id,owner,title,planned_start,planned_end"


def test_a_table_with_semicolons_is_read_although_its_texts_hold_commas(tmp_path: Path) -> None:
    table = "number;short_description;state;start_date;end_date\nCHG1;Swap, two;Scheduled;2026-08-03 19:00:00;2026-08-03 22:30:00\n"
    (made,), faults = imported(write(tmp_path, "a.csv", table), "servicenow")
    assert (faults, made.title) == ([], "Swap, two")


def test_a_table_without_the_columns_of_the_mapping_is_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"no header with the columns .*Start Date"):
        imported(write(tmp_path, "a.csv", "Betreff,Beginnt am,Beginnt um\nX,03.08.2026,22:00:00\n"), "outlook", owner="SUP-01")


def test_a_time_in_an_unknown_form_points_to_the_mapping(tmp_path: Path) -> None:
    row = "Fw,8/31/2026,10:00:00 PM,9/1/2026,1:00:00 AM\n"
    made, faults = imported(write(tmp_path, "a.csv", "Subject,Start Date,Start Time,End Date,End Time\n" + row), "outlook", owner="SUP-01")
    assert made == []
    assert faults == ["line 2: planned_start: '8/31/2026 10:00:00 PM' is no time in a form that the mapping file knows (`time_formats`)"]


CHANGE_EVENT = {"id": "01ABC", "summary": "Build", "timestamp": "2026-07-17T08:42:58.315+0100", "services": []}
ISSUE = {"key": "CHG-1", "fields": {"summary": "Swap", "customfield_10110": START, "customfield_10111": END}}


@pytest.mark.parametrize(
    ("system", "document"),
    [
        ("pagerduty", {"change_events": [CHANGE_EVENT], "more": True, "offset": 0}),
        ("jira", {"issues": [ISSUE], "isLast": False, "nextPageToken": "abc"}),
        ("jira", {"issues": [ISSUE], "startAt": 0, "maxResults": 1, "total": 2}),
        (None, {"items": [{"change_id": "A", "title": "t", "planned_start": START, "planned_end": END}], "next": "abc"}),
    ],
)
def test_one_page_of_an_answer_is_read_and_the_missing_ones_are_said(tmp_path: Path, system: str | None, document: Any) -> None:
    made, faults = imported(write(tmp_path, "a.json", json.dumps(document)), system, owner="SUP-01")
    assert len(made) == 1
    assert len(faults) == 1
    assert "this is one page of an answer" in faults[0]


def test_an_offset_without_a_colon_is_an_offset(tmp_path: Path) -> None:
    (made,), faults = imported(write(tmp_path, "a.json", json.dumps({"change_events": [CHANGE_EVENT]})), "pagerduty", owner="SUP-01")
    assert faults == []
    assert window(made) == "2026-07-17T07:42:58.315Z/2026-07-17T08:42:58.315Z"
    text = f"{HEADER}\nA,SUP-01,t,2026-08-03T22:00:00+0100,2026-08-03 23:00:00+01\n"
    (made,), faults = imported(write(tmp_path, "a.csv", text))
    assert (faults, window(made)) == ([], "2026-08-03T21:00:00Z/2026-08-03T22:00:00Z")


MAINTENANCE = {"id": "abc", "name": "DB", "status": "scheduled", "scheduled_for": START, "scheduled_until": END}


@pytest.mark.parametrize("document", [MAINTENANCE, {"page": {}, "scheduled_maintenance": MAINTENANCE}, {"incident": MAINTENANCE}])
def test_one_maintenance_of_statuspage_is_read_alone(tmp_path: Path, document: Any) -> None:
    (made,), faults = imported(write(tmp_path, "a.json", json.dumps(document)), "statuspage", owner="SUP-01")
    assert (faults, made.change_id, made.status) == ([], "abc", "declared")


@pytest.mark.parametrize("document", [ISSUE, {"webhookEvent": "jira:issue_updated", "issue": ISSUE}])
def test_one_issue_of_jira_is_read_alone(tmp_path: Path, document: Any) -> None:
    (made,), faults = imported(write(tmp_path, "a.json", json.dumps(document)), "jira", owner="SUP-01")
    assert (faults, made.change_id) == ([], "CHG-1")


@pytest.mark.parametrize(("state", "status"), [("success", "completed"), ("failure", "rolled_back"), ("in_progress", "in_progress")])
def test_a_deployment_is_what_its_status_says(tmp_path: Path, state: str, status: str) -> None:
    deployment = {"id": 7, "task": "deploy", "environment": "production", "created_at": START, "updated_at": START}
    document = {"deployment": deployment, "deployment_status": {"state": state, "updated_at": END}}
    (made,), faults = imported(write(tmp_path, "a.json", json.dumps(document)), "github", owner="SUP-01")
    assert (faults, made.status, format_time(us(made.updated_at))) == ([], status, END)
