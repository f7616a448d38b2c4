"""No entry stops the engine or a start, and a monitor that is killed again and again still makes progress."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from models.columns import Detected
from service.engine import repair
from service.engine.checkpoints import Checkpoints
from service.engine.committer import Committer
from service.engine.state import EngineState
from service.ingest.claims import CLAIM
from service.ingest.journal import CHANGES
from service.store import quarantine
from streams.detection_by_resolution import DetectionByResolution
from streams.flow import FlowStep
from streams.windowing.window_store import Closed
from tests.service.builders import change_json, lines, queue
from tests.service.house import House


def post(house: House, *seconds: int) -> None:
    for second in seconds:
        assert house.client("ingest").post("/v1/events", content=lines(queue(second))).status_code == 202


def test_entries_that_cannot_be_judged_are_in_quarantine_however_many_and_come_in_again_on_request(house: House) -> None:
    post(house, 10)
    house.judged()
    feed = EngineState.apply

    def refuse(self: EngineState, entry, payload, step):  # type: ignore[no-untyped-def]
        if 2 <= entry.seq <= 7:
            raise OverflowError("a fault of ours")
        return feed(self, entry, payload, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EngineState, "apply", refuse)
        post(house, 20, 30, 40, 50, 60, 70, 80)
        house.judged()
    ready = house.client(None).get("/readyz")
    assert ready.status_code == 200
    assert "6 entries in quarantine" in ready.text
    items = house.client("admin").get("/v1/quarantine").json()["items"]
    assert [item["entry"] for item in items] == [2, 3, 4, 5, 6, 7]
    assert "a fault of ours" in items[0]["reason"]
    assert house.client("admin").post("/v1/quarantine/retry").json() == {"entries": 6}
    house.judged()
    assert house.client(None).get("/readyz").text == "ready\n", "nothing is left out now"
    assert house.parts.board.events["accepted"] + house.parts.board.events["late"] == 8


def test_changes_that_cannot_be_judged_come_in_again_as_the_claims_that_they_are(house: House) -> None:
    feed = EngineState.apply

    def refuse(self: EngineState, entry, payload, step):  # type: ignore[no-untyped-def]
        if entry.kind == CHANGES and entry.seq == 1:
            raise OverflowError("a fault of ours")
        return feed(self, entry, payload, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EngineState, "apply", refuse)
        assert house.client("user:ACME").post("/v1/changes", json=change_json()).status_code == 201
        house.judged()
    assert house.client("user:ACME").get("/v1/changes").json()["items"] == []
    assert [house.client(role).post("/v1/quarantine/retry").status_code for role in ("user:ACME", "triage", "ingest")] == [403, 403, 403]
    assert house.client("admin").post("/v1/quarantine/retry").json() == {"entries": 1}
    house.judged()
    assert len(house.client("user:ACME").get("/v1/changes").json()["items"]) == 1
    entries = [entry for entry in house.parts.journal.entries(0) if entry.kind == CHANGES]
    assert [entry.key for entry in entries] == [CLAIM, CLAIM]


def test_an_entry_that_cannot_be_written_is_alone_in_quarantine(house: House) -> None:
    commit = Committer.commit

    def refuse(self: Committer, step):  # type: ignore[no-untyped-def]
        if step.seq == 2 or (step.seq > 2 and 2 not in house.parts.engine._repair.quarantined):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return commit(self, step)

    post(house, 10)
    house.judged()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Committer, "commit", refuse)
        post(house, 20, 30)
        house.judged()
    assert house.parts.engine.quarantined == 1
    assert house.parts.engine.fault is None


def test_a_restart_that_is_killed_early_leaves_less_for_the_next(tmp_path: Path) -> None:
    with House(tmp_path / "first", checkpoint_every_s=3600, recovery_work_s=3600) as house:
        post(house, *range(10, 410, 10))
        house.judged()
        shutil.copytree(tmp_path / "first", tmp_path / "killed")
    for path in (tmp_path / "killed" / "checkpoints").iterdir():
        path.unlink()
    with House(tmp_path / "killed", checkpoint_every_s=3600, recovery_work_s=1e-6) as again:
        engine = again.parts.engine
        assert engine.wait_until_recovered(30)
        assert engine.recovery() is None
        assert engine.checkpoint_seq == engine.seq == 40


def test_an_event_that_breaks_the_work_when_its_window_closes_is_found_and_those_after_it_count(tmp_path: Path) -> None:
    detect = DetectionByResolution.detect

    def refuse(self: DetectionByResolution, closed: Closed, *given: Any) -> Detected:
        if any(key.user == "EVIL" for key in closed.queue_keys):
            raise ZeroDivisionError("a fault of ours")
        return detect(self, closed, *given)

    with House(tmp_path / "data", checkpoint_every_s=3600) as house, pytest.MonkeyPatch.context() as patch:
        patch.setattr(DetectionByResolution, "detect", refuse)
        post(house, 10, 20)
        house.judged()
        house.parts.engine.checkpoint()
        post(house, 30)
        assert house.client("ingest").post("/v1/events", content=lines(queue(30, "EVIL"))).status_code == 202
        post(house, 40, 50)
        house.judged()
        house.parts.engine.checkpoint()
        post(house, *range(60, 200, 10))
        house.judged()
        items = house.client("admin").get("/v1/quarantine").json()["items"]
        assert [item["entry"] for item in items] == [4], "it alone, though a checkpoint covers it"
        assert (house.parts.board.events["late"], house.parts.board.events["accepted"]) == (0, 20)
        post(house, 210)
        house.judged()
        assert house.parts.engine.quarantined == 1


def test_whatever_other_streams_send_only_the_event_that_breaks_the_work_is_put_aside(tmp_path: Path) -> None:
    detect = DetectionByResolution.detect

    def refuse(self: DetectionByResolution, closed: Closed, *given: Any) -> Detected:
        if any(key.user == "EVIL" for key in closed.queue_keys):
            raise ZeroDivisionError("a fault of ours")
        return detect(self, closed, *given)

    def both(house: House, second: int) -> None:
        for role, user in (("ingest", "U"), ("admin", "V")):
            assert house.client(role).post("/v1/events", content=lines(queue(second, user))).status_code == 202
            house.judged()

    with House(tmp_path / "data", checkpoint_every_s=3600) as house, pytest.MonkeyPatch.context() as patch:
        patch.setattr(DetectionByResolution, "detect", refuse)
        both(house, 10)
        house.parts.engine.checkpoint()
        both(house, 30)
        assert house.client("ingest").post("/v1/events", content=lines(queue(30, "EVIL"))).status_code == 202
        house.judged()
        evil = house.parts.engine.seq
        for second in range(40, 90, 10):
            both(house, second)
        assert [item["entry"] for item in house.client("admin").get("/v1/quarantine").json()["items"]] == [evil]
        assert house.parts.board.events["late"] == 0


def test_a_kill_after_the_checkpoints_are_dropped_repeats_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    drop, add = Checkpoints.drop, quarantine.add
    monkeypatch.setattr(Checkpoints, "drop", lambda self, seq: (order.append("drop"), drop(self, seq))[1])
    monkeypatch.setattr(quarantine, "add", lambda *given, **named: (order.append("add"), add(*given, **named))[1])
    with House(tmp_path / "data") as house:
        monkeypatch.setattr(EngineState, "apply", lambda *_: 1 // 0)
        post(house, 10)
        house.judged()
    assert order == ["drop", "add"]


def test_a_fault_that_does_not_come_again_puts_nothing_into_quarantine(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, failures = EngineState.apply, iter([MemoryError(), OSError("a device failed"), ZeroDivisionError("once")])

    def refuse(self: EngineState, *given: Any) -> FlowStep:
        fault = next(failures, None)
        if fault is not None:
            raise fault
        return feed(self, *given)

    monkeypatch.setattr(repair, "_RETRY_S", 0.0)
    monkeypatch.setattr(EngineState, "apply", refuse)
    post(house, 10, 20)
    house.judged()
    assert house.parts.engine.quarantined == 0
    assert house.parts.board.events["accepted"] == 2
