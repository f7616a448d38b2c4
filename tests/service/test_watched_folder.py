"""The watched folder: what is dropped is declared once, and told beside it."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from service.triage import watched_folder
from service.triage.watched_folder import WatchedFolder
from tests.service.builders import change_json
from tests.service.house import House


def look(watched: WatchedFolder, times: int = 1) -> None:
    async def again() -> None:
        for _ in range(times):
            await watched.look()

    asyncio.run(again())


def test_a_dropped_calendar_is_declared_once_and_reported(house: House, tmp_path: Path) -> None:
    dropped, kept = tmp_path / "in", tmp_path / "kept"
    dropped.mkdir()
    kept.mkdir()
    parts = house.parts
    watched = WatchedFolder(dropped, kept, parts.declarations, parts.clock)
    (dropped / "notes.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    (dropped / "~$week.xlsx").write_text("open elsewhere")
    (dropped / "week.json").write_text(json.dumps([change_json("W-1"), change_json("W-2", "DCC"), {"change_id": "bad"}]))
    look(watched)
    assert not (dropped / "week.json.report.txt").exists(), "it may still be growing"
    look(watched)
    report = (dropped / "week.json.report.txt").read_text()
    assert report.splitlines()[0] == "2 new or revised, 0 known already, 1 not taken"
    assert "index 2: owner is missing" in report
    assert "save the workbook as .xlsx" in (dropped / "notes.xls.report.txt").read_text()
    assert len(list(dropped.iterdir())) == 5, "no report on a report, or on what is not finished"
    assert sorted(one["change_id"] for one in house.client("triage").get("/v1/changes").json()["items"]) == ["W-1", "W-2"]
    (dropped / "week.json.report.txt").unlink()
    look(WatchedFolder(dropped, kept, parts.declarations, parts.clock), times=2)
    assert not (dropped / "week.json.report.txt").exists(), "never twice, not after a restart either"
    (dropped / "week.json").write_text(json.dumps([change_json("W-1", revision=2, title="moved")]))
    look(watched, times=2)
    assert house.client("triage").get("/v1/changes/ACME/W-1").json()["title"] == "moved"


def test_a_dropped_calendar_holds_up_no_request(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "week.json").write_text(json.dumps([change_json("W-1")]))
    threads: list[int] = []
    examine, merged = house.parts.declarations.examine_all, watched_folder.merge
    monkeypatch.setattr(house.parts.declarations, "examine_all", lambda *given: threads.append(threading.get_ident()) or examine(*given))
    monkeypatch.setattr(watched_folder, "merge", lambda given: threads.append(threading.get_ident()) or merged(given))
    look(WatchedFolder(tmp_path, kept, house.parts.declarations, house.parts.clock), times=2)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_a_dropped_series_that_was_revised_withdraws_what_it_no_longer_holds(house: House, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    watched = WatchedFolder(tmp_path, kept, house.parts.declarations, house.parts.clock)

    def drop(name: str, stamp: str, out: str) -> str:
        event = f"UID:n\nDTSTAMP:{stamp}\nSUMMARY:Nightly\nDTSTART:20260105T010000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\n{out}"
        head = "BEGIN:VCALENDAR\nVERSION:2.0\nX-HIGHWATER-OWNER:ACME\n"
        (tmp_path / name).write_text(f"{head}BEGIN:VEVENT\n{event}END:VEVENT\nEND:VCALENDAR\n")
        look(watched, times=2)
        return (tmp_path / f"{name}.report.txt").read_text()

    drop("1.ics", "20260101T090000Z", "")
    assert drop("3.ics", "20260103T090000Z", "EXDATE:20260106T010000Z\n").startswith("0 new or revised, 2 known already, 1 withdrawn, 0")
    assert "a newer content of it stands" in drop("2.ics", "20260102T090000Z", "EXDATE:20260107T010000Z\n")
    items = house.client("triage").get("/v1/changes").json()["items"]
    assert {one["change_id"]: one["status"] for one in items} == {
        "n/20260105T010000Z": "declared",
        "n/20260106T010000Z": "cancelled",
        "n/20260107T010000Z": "declared",
    }


def test_a_file_that_can_not_be_read_is_reported_and_costs_no_other(house: House, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text(json.dumps([change_json("B-1")]))
    kept = tmp_path / "kept"
    kept.mkdir()
    look(WatchedFolder(tmp_path, kept, house.parts.declarations, house.parts.clock), times=2)
    assert "is not valid JSON" in (tmp_path / "a.json.report.txt").read_text()
    assert "1 new or revised" in (tmp_path / "b.json.report.txt").read_text()
    look(WatchedFolder(tmp_path / "none", kept, house.parts.declarations, house.parts.clock))


def test_a_dropped_change_whose_owner_is_corrected_leaves_its_earlier_owner(house: House, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    watched = WatchedFolder(tmp_path, kept, house.parts.declarations, house.parts.clock)

    def drop(name: str, *changes: dict[str, Any]) -> str:
        (tmp_path / name).write_text(json.dumps(changes))
        look(watched, times=2)
        return (tmp_path / f"{name}.report.txt").read_text()

    drop("1.json", change_json("CHG1", "ACME", record_id="9d38", updated_at="2026-01-01T00:00:00Z"), change_json("CHG2", "ACME"))
    moved = drop("2.json", change_json("CHG1", "OTHER", record_id="9d38", updated_at="2026-01-02T00:00:00Z"))
    assert moved == "1 new or revised, 0 known already, 1 withdrawn, 0 not taken\n"
    assert house.client("triage").get("/v1/changes/ACME/CHG1").json()["status"] == "cancelled"
    assert "CHG2 is new for OTHER and stands for ACME too" in drop("3.json", change_json("CHG2", "OTHER"))
