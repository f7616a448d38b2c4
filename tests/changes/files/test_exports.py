"""Exports: tables and documents as other systems write them by default."""

import io
import json
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from changes.files.cells import checked_name, joined
from changes.files.import_notes import doubtful_events, joined_names, opaque_names
from changes.files.reader import read_changes
from changes.limits import ChangeLimits, excess
from models.errors import Malformed, UnreadableInput
from models.times import format_time, us
from tests.changes.builders import END, START, change, imported, window, workbook, write

HEADER = "change_id,owner,title,planned_start,planned_end"


RAW = {
    "number": "CHG0051001",
    "short_description": "Swap core switch",
    "type": "normal",
    "state": "-1",
    "category": "Hardware",
    "start_date": "2026-08-03 19:00:00",
    "end_date": "2026-08-03 22:30:00",
    "work_start": "2026-08-03 19:05:00",
    "opened_at": "2026-07-01 08:00:00",
    "sys_updated_on": "2026-08-03 19:05:01",
}
SHOWN = RAW | {
    "type": "Normal",
    "state": "Implement",
    "start_date": "03/08/2026 20:00:00",
    "end_date": "03/08/2026 23:30:00",
    "work_start": "03/08/2026 20:05:00",
    "opened_at": "01/07/2026 09:00:00",
    "sys_updated_on": "03/08/2026 20:05:01",
}
ITEM = {"display_value": "core-sw-2", "link": "https://example.invalid/2", "value": "77aa"}


def of_all() -> dict[str, Any]:
    return {name: {"display_value": SHOWN[name], "value": RAW[name]} for name in RAW} | {"cmdb_ci": ITEM}


@pytest.mark.parametrize(
    "document",
    [
        {"result": [RAW | {"cmdb_ci": {"link": ITEM["link"], "value": "core-sw-2"}}]},
        {"result": [SHOWN | {"cmdb_ci": {"link": ITEM["link"], "display_value": "core-sw-2"}}]},
        {"result": [of_all()]},
        {"records": [RAW | {"cmdb_ci": "core-sw-2"}]},
        [RAW | {"cmdb_ci": "core-sw-2"}],
    ],
)
def test_servicenow_is_read_in_every_form_that_it_answers_in(tmp_path: Path, document: Any) -> None:
    (made,), faults = imported(write(tmp_path, "a.json", json.dumps(document)), "servicenow", owner="SUP-01")
    assert faults == []
    assert (made.change_id, made.status, made.category, made.systems) == ("CHG0051001", "in_progress", "internal_system", ("core-sw-2",))
    assert window(made) == "2026-08-03T19:00:00Z/2026-08-03T22:30:00Z"
    assert format_time(us(made.actual_start)) == "2026-08-03T19:05:00Z"
    assert format_time(us(made.updated_at)) == "2026-08-03T19:05:01Z"


def test_a_jira_label_is_a_service_only_if_it_looks_like_one(tmp_path: Path) -> None:
    fields = {
        "summary": "Replace",
        "customfield_10110": START,
        "customfield_10111": END,
        "labels": ["firewall", "4.8.1", "8F36", "N12", "2026"],
    }
    only_words = fields | {"labels": ["firewall", "phase-2"]}
    document = {"issues": [{"key": "CHG-1", "fields": fields}, {"key": "CHG-2", "fields": only_words}]}
    made, faults = imported(write(tmp_path, "a.json", json.dumps(document)), "jira", owner="SUP-01")
    assert faults == []
    assert [one.services for one in made] == [("4.8.1", "8F36", "N12"), ()]


def test_a_pagerduty_change_event_is_read_as_it_was_sent(tmp_path: Path) -> None:
    sent = {"routing_key": "k", "payload": {"summary": "Deploy 2", "timestamp": "2026-07-17T08:42:58.315Z", "source": "builder"}}
    (made,), faults = imported(write(tmp_path, "a.json", json.dumps(sent)), "pagerduty", owner="SUP-01")
    assert (faults, made.title, made.systems) == ([], "Deploy 2", ("builder",))
    assert window(made) == "2026-07-17T08:42:58.315Z/2026-07-17T09:42:58.315Z"


def test_long_pagerduty_events_get_ids_that_a_monitor_accepts_and_that_differ(tmp_path: Path) -> None:
    at = "2026-07-17T08:42:58.315Z"
    events = [
        {"payload": {"summary": summary, "timestamp": at, "source": source}}
        for summary in ("Deploy", "Größe" * 200)
        for source in ("builder", "runner")
    ]
    made, faults = imported(write(tmp_path, "a.json", json.dumps({"change_events": events})), "pagerduty", owner="SUP-01")
    assert faults == []
    assert len({one.change_id for one in made}) == 4
    assert made[0].change_id == f"Deploy {at} builder"
    assert all(len(one.change_id.encode()) <= 200 for one in made)
    assert [excess(one, us(one.planned_start), ChangeLimits()) for one in made] == [None] * 4


OUTLOOK = "Subject,Start Date,Start Time,End Date,End Time,Description\nCafé,12/01/2026,22:00:00,13/01/2026,02:00:00,Größe\n"


def test_an_outlook_table_in_the_code_page_of_windows_is_read(tmp_path: Path) -> None:
    (made,), faults = imported(write(tmp_path, "a.csv", OUTLOOK.encode("cp1252")), "outlook", owner="SUP-01")
    assert (faults, made.title, made.description) == ([], "Café", "Größe")
    damaged = OUTLOOK.encode().replace("ö".encode(), b"\xc3")
    with pytest.raises(UnreadableInput, match="not UTF-8"):
        imported(write(tmp_path, "b.csv", damaged), "outlook", owner="SUP-01")


SERVICENOW_ROW = "{0},Café,{1}-2026 21:00:00,{1}-2026 23:00:00,Scheduled,SUP-01\r\n"
SERVICENOW_HEAD = "number,short_description,start_date,end_date,state,company\r\n"


def test_a_servicenow_table_in_the_code_page_of_windows_is_read(tmp_path: Path) -> None:
    table = SERVICENOW_HEAD + SERVICENOW_ROW.format("CHG1", "14-07")
    (made,), faults = imported(write(tmp_path, "a.csv", table.encode("cp1252")), "servicenow")
    assert (faults, made.title) == ([], "Café")


def test_a_table_with_the_month_first_is_not_read_with_the_day_first(tmp_path: Path) -> None:
    month_first = SERVICENOW_ROW.format("CHG1", "07-14")
    table = SERVICENOW_HEAD + month_first + SERVICENOW_ROW.format("CHG2", "07-04")
    made, faults = imported(write(tmp_path, "a.csv", table), "servicenow")
    assert (made, len(faults)) == ([], 2)
    one_wrong = SERVICENOW_HEAD + month_first + SERVICENOW_ROW.format("CHG2", "07-04") + SERVICENOW_ROW.format("CHG3", "24-07")
    made, faults = imported(write(tmp_path, "b.csv", one_wrong), "servicenow")
    assert ([one.change_id for one in made], len(faults)) == (["CHG2", "CHG3"], 1)


def test_record_ids_in_the_place_of_names_are_said(tmp_path: Path) -> None:
    company = {"link": "https://example.invalid/1", "value": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"}
    made, _ = imported(write(tmp_path, "a.json", json.dumps({"result": [RAW | {"company": company}]})), "servicenow")
    (note,) = opaque_names(made)
    assert "`owner` holds 1 record id" in note
    assert opaque_names([made[0].model_copy(update={"owner": "SUP-01"})]) == []


def test_several_names_in_one_are_said(tmp_path: Path) -> None:
    head = "change_id,owner,title,planned_start,planned_end,services\n"
    table = f'{head}A,SUP-01,t,{START},{END},"4.8.1,8.1.1"\nB,SUP-01,t,{START},{END},4.8.1;8.1.1\n'
    made, _ = read_changes(write(tmp_path, "a.csv", table))
    (note,) = joined_names(made)
    assert "`services` holds '4.8.1,8.1.1' as one name" in note


def test_what_is_cancelled_by_its_title_alone_or_has_no_length_is_said() -> None:
    titled = change("a", title="Canceled: Patch night")
    empty = change("b", planned_end=START)
    assert [one.partition(" ")[2][:30] for one in doubtful_events([titled, empty, change("c", title="Cancelled flights page")])] == [
        "1 change (such as a) cancelled",
        "1 change (such as b) without a",
    ]
    assert doubtful_events([one.model_copy(update={"status": "cancelled"}) for one in (titled, empty)]) == []


def test_a_truth_value_is_no_name() -> None:
    with pytest.raises(Malformed, match="services: TRUE is no name"):
        checked_name("services", True)  # a cell of a workbook


def test_a_servicenow_workbook_has_labels_and_local_moments(tmp_path: Path) -> None:
    rows = [
        ["Number", "Short description", "Type", "State", "Category", "Planned start date", "Planned end date", "Configuration item"],
        ["CHG1", "Patch", "Standard", "Scheduled", "Other", datetime(2026, 7, 14, 22), datetime(2026, 7, 15), "edge"],  # noqa: DTZ001
    ]
    (made,), faults = imported(write(tmp_path, "a.xlsx", workbook(rows)), "servicenow", owner="DCC")
    assert (faults, made.status, made.category, made.systems) == ([], "confirmed", "planned_maintenance", ("edge",))
    assert window(made) == "2026-07-14T21:00:00Z/2026-07-14T23:00:00Z"


def test_jira_repeats_a_column_for_each_of_several_values(tmp_path: Path) -> None:
    header = (
        "Summary,Issue key,Status,Component/s,Component/s,Labels,Labels,Created,Custom field (Planned start),Custom field (Planned end)"
    )
    row = "Replace HSM,CHM-9,Awaiting implementation,Head end,MDM,4.6.1,,01/Feb/26 9:00 AM,03/Feb/26 10:00 PM,04/Feb/26 12:00 AM"
    (made,), faults = imported(write(tmp_path, "a.csv", f"{header}\n{row}\n"), "jira", owner="SUP-01")
    assert (faults, made.change_id, made.systems, made.services) == ([], "CHM-9", ("Head end", "MDM"), ("4.6.1",))
    assert window(made) == "2026-02-03T22:00:00Z/2026-02-04T00:00:00Z"


def test_statuspage_and_github_are_read_as_they_answer(tmp_path: Path) -> None:
    times = {"scheduled_for": "2026-02-03T22:00:00.000Z", "scheduled_until": "2026-02-04T01:00:00.000+00:00"}
    page = {"scheduled_maintenances": [{"id": "m1", "name": "Portal", "status": "verifying", "components": [{"name": "API"}], **times}]}
    (made,), faults = imported(write(tmp_path, "a.json", json.dumps(page)), "statuspage", owner="DCC")
    assert (faults, made.status, made.systems, made.category) == ([], "in_progress", ("API",), "planned_maintenance")
    deployed = [{"id": 7, "ref": "v2", "task": "deploy", "description": None, "environment": "live", "created_at": "2026-02-03T22:00:00Z"}]
    (made,), faults = imported(write(tmp_path, "b.json", json.dumps(deployed)), "github", owner="SUP-01")
    assert (faults, made.change_id, made.title, made.systems) == ([], "7", "deploy", ("live",))
    assert window(made) == "2026-02-03T22:00:00Z/2026-02-03T23:00:00Z"


def test_outlook_writes_date_and_time_of_day_apart(tmp_path: Path) -> None:
    header = '"Subject","Start Date","Start Time","End Date","End Time","All day event","Categories","Description"'
    rows = (
        '"Firewall","14/07/2026","22:00:00","15/07/2026","00:00:00","False","Ops",""\n'
        '"Day","26/10/2026","00:00:00","27/10/2026","00:00:00","True","",""'
    )
    made, faults = imported(write(tmp_path, "a.csv", f"{header}\r\n{rows}\r\n"), "outlook", owner="SUP-01")
    assert faults == []
    assert [window(one) for one in made] == ["2026-07-14T21:00:00Z/2026-07-14T23:00:00Z", "2026-10-26T00:00:00Z/2026-10-27T00:00:00Z"]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_titles_may_stand_above_the_header(tmp_path: Path, sign: str) -> None:
    rows = (
        f'"Changes, all parties; July"\n\nExported on 1 July\n{HEADER.replace(",", sign)}\nA{sign}SUP-01{sign}t{sign}{START}{sign}{END}\n'
    )
    made, faults = imported(write(tmp_path, "a.csv", rows))
    assert (faults, [one.change_id for one in made]) == ([], ["A"])


def test_date_and_time_of_day_may_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    header = ["Change ID", "Owner", "Title", "Planned Start Date", "Planned Start Time", "planned_end_date", "planned_end_time"]
    row = ["A", "SUP-01", "t", "2026-07-14", "22:00", "2026-07-15", "00:00"]
    path = write(tmp_path, "a.csv", f"{','.join(header)}\n{','.join(row)}\n")
    (made,), faults = imported(path, timezone="Europe/London")
    assert (faults, window(made)) == ([], "2026-07-14T21:00:00Z/2026-07-14T23:00:00Z")
    assert joined([date(2026, 7, 14), time(22)]) == datetime(2026, 7, 14, 22)  # noqa: DTZ001 # cells have no zone
    assert joined([date(2026, 7, 15), 0]) == datetime(2026, 7, 15)  # noqa: DTZ001 # midnight is the number 0


def test_a_moment_at_midnight_is_no_date(tmp_path: Path) -> None:
    moments = [datetime(2026, 7, 14, 22), datetime(2026, 7, 15)]  # noqa: DTZ001 # cells have no zone
    (made,), faults = imported(write(tmp_path, "a.xlsx", workbook([HEADER.split(","), ["A", "SUP-01", "t", *moments]])), timezone="UTC")
    assert (faults, window(made)) == ([], "2026-07-14T22:00:00Z/2026-07-15T00:00:00Z")


def test_days_alone_are_refused(tmp_path: Path) -> None:
    days = [datetime(2026, 7, 14), datetime(2026, 7, 15)]  # noqa: DTZ001 # cells have no zone
    made, faults = imported(write(tmp_path, "a.xlsx", workbook([HEADER.split(","), ["A", "SUP-01", "t", *days]])), timezone="UTC")
    assert (made, "a date without a time of day" in faults[0]) == ([], True)


def test_a_number_that_may_have_lost_a_digit_is_named(tmp_path: Path) -> None:
    rows = [[*HEADER.split(","), "services"], ["A", "SUP-01", "t", START, END, 4.1], ["B", "SUP-01", "t", START, END, "4.10"]]
    made, faults = imported(write(tmp_path, "a.xlsx", workbook(rows)))
    assert [one.services for one in made] == [("4.10",)]
    assert "services: the number 4.1 may have been 4.10" in faults[0]


@pytest.mark.parametrize("row", ["A,SUP-01,t,{},{},up,3,5", "A,SUP-01,t,{},{},up", "A,SUP-01,t,{},{},up,3,"])
def test_a_row_that_does_not_fit_the_header_is_refused(tmp_path: Path, row: str) -> None:
    header = f"{HEADER},expected.effect,expected.factor"
    made, faults = imported(write(tmp_path, "a.csv", f"{header}\n{row.format(START, END)}\nB,SUP-01,t,{START},{END},up,3\n"))
    assert [one.change_id for one in made] == ["B"]
    assert "the header 7" in faults[0]


def test_a_decimal_comma_is_refused(tmp_path: Path) -> None:
    header = f"{HEADER};expected.effect;expected.factor".replace(",", ";")
    made, faults = imported(write(tmp_path, "a.csv", f"{header}\nA;SUP-01;t;{START};{END};up;3,5\n"))
    assert made == []
    assert "factor" in faults[0]


def bomb(sheet: str, shared: str = "") -> bytes:
    packed, made = io.BytesIO(workbook([["x"]])), io.BytesIO()
    kind = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if "worksheets" not in entry.filename:
                new.writestr(entry.filename, old.read(entry))
        new.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{kind}"><sheetData>{sheet}</sheetData></worksheet>')
        if shared:
            new.writestr("xl/sharedStrings.xml", f'<sst xmlns="{kind}">{shared}</sst>')
    return made.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        bomb('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        bomb("<row r='1'><c r='A1'><v>1</v></c></row><row r='199999'><c r='XFD199999'><v>1</v></c></row>"),
        bomb("<row>" + '<c t="s"><v>0</v></c>' * 50_000 + "</row>", f"<si><t>{'x' * 32_000}</t></si>"),
        bomb('<row><c t="s"><v>0</v></c></row>', f"<si><t>{'x' * 5_000_000}</t></si>"),
    ],
)
def test_a_workbook_that_would_fill_the_memory_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableInput, match=r"at most|more than a cell"):
        imported(write(tmp_path, "a.xlsx", content))
