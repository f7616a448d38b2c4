"""A feed that stopped is said by the wall clock, with a message of its own; a watermark that a wrong clock moved can be set back."""

import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.clock import Clock
from models.times import instant
from service.notify.sources import Source, note
from service.store import subscriptions, tokens
from service.store.messages.preferences import Preferences
from tests.service.builders import alert, desk, incident, lines, queue
from tests.service.house import House


def messages(house: House) -> list[tuple[str, str]]:
    return house.parts.database.read(
        lambda connection: connection.execute("SELECT topic, json_extract(body, '$.dedup_key') FROM outbox ORDER BY id").fetchall()
    )


def test_a_source_that_stops_is_said_everywhere_and_reported_once_and_so_is_its_return(tmp_path: Path) -> None:
    ahead_s = [0.0]
    clock = Clock(lambda: time.time_ns() // 1000 + int(ahead_s[0] * 1e6), lambda: time.monotonic() + ahead_s[0])
    with House(tmp_path / "data", clock=clock) as house:
        for name, holder, wishes in (
            ("desk", "", Preferences()),
            ("quiet", "", Preferences(sources=False)),
            ("user", "ACME", Preferences()),
        ):
            add = partial(
                subscriptions.add, holder=holder, name=name, channel="webhook", target="https://x.example/", wishes=wishes, now_us=0
            )
            house.parts.database.write(add).result()
        ingest = house.client("ingest")
        assert ingest.post("/v1/events", content=lines(queue(10))).status_code == 202
        house.now(house.parts.jobs.report_sources())
        assert messages(house) == []
        ahead_s[0] += 400
        house.now(house.parts.jobs.report_sources())
        house.now(house.parts.jobs.report_sources())
        ready = house.client(None).get("/readyz")
        assert ready.status_code == 200
        assert "1 of 1 sources sent nothing for more than 300 s" in ready.text
        assert "ingest of the tests" not in ready.text
        (source,) = house.client("triage").get("/v1/status").json()["sources"]
        assert (source["name"], source["stopped"], source["quiet_s"] >= 400) == ("ingest of the tests", True, True)
        assert house.client("user:ACME").get("/v1/status").json()["sources"] == []
        assert 'highwater_source_quiet_seconds{source="ingest of the tests"} 4' in house.client("observer").get("/metrics").text
        assert ingest.post("/v1/events", content=lines(queue(20))).status_code == 202
        house.now(house.parts.jobs.report_sources())
        reported = messages(house)
        assert [topic for topic, _ in reported] == ["source.open", "source.resolved"]
        assert len({key for _, key in reported}) == 1
        assert house.client("triage").get("/v1/alerts").json()["items"] == [], "it is no record of the event-time flow"


def test_a_source_whose_token_ends_is_no_source_any_more(house: House) -> None:
    write = house.parts.database.write
    assert not write(partial(note, states=[Source("t", "feed", 900.0, stopped=True)], now_us=10**15)).result(), "nobody subscribed"
    assert not write(partial(note, states=[], now_us=10**15)).result()


def test_a_restart_and_a_token_of_another_role_are_no_return_of_a_source(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = house.parts
    add = partial(subscriptions.add, holder="", name="d", channel="webhook", target="https://x.example/", wishes=Preferences(), now_us=0)
    parts.database.write(add).result()
    listed = parts.database.read(tokens.listed)
    feed, admin = (next(token for token in listed if token.name == f"{role} of the tests") for role in ("ingest", "admin"))
    stopped = [Source(token.id, token.name, 900.0, stopped=True, sent=True) for token in (feed, admin)]
    parts.database.write(partial(note, states=stopped, now_us=10**15)).result()
    assert [topic for topic, _ in messages(house)] == ["source.open"] * 2
    parts.intake.remember({feed.id})
    house.now(parts.jobs.report_sources())
    assert [topic for topic, _ in messages(house)] == ["source.open"] * 2
    assert house.client("ingest").post("/v1/events", content=lines(queue(10))).status_code == 202
    house.now(parts.jobs.report_sources())
    assert [topic for topic, _ in messages(house)] == ["source.open"] * 2 + ["source.resolved"]
    monkeypatch.setattr(parts.intake, "elsewhere", SimpleNamespace(take=lambda batch: None))
    assert house.client("admin").post("/v1/events", content=lines(queue(20))).status_code == 202
    house.now(parts.jobs.report_sources())
    assert [topic for topic, _ in messages(house)] == ["source.open"] * 2 + ["source.resolved"] * 2, "judged by another process"


def test_a_watermark_that_a_wrong_clock_moved_is_set_back_by_an_administrator_alone(tmp_path: Path) -> None:
    wrong_us = [365 * 86_400_000_000]
    clock = Clock(lambda: time.time_ns() // 1000 + wrong_us[0])

    def event(user: str, second: int = 0, **more: Any) -> dict[str, Any]:
        at = instant(clock.wall_us() // 1_000_000 * 1_000_000 + second * 1_000_000)
        return {**queue(0, user, **more), "observed_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}

    with House(tmp_path / "data", clock=clock) as house:
        ingest = house.client("ingest")
        for second in (0, 60, 120):
            assert ingest.post("/v1/events", content=lines(event("A", second), event("B", second))).status_code == 202
        house.judged()
        house.publish(desk(alert("OPEN"), incident("I-OPEN")))
        wrong_us[0] = 0
        assert ingest.post("/v1/events", content=lines(event("A"), event("B"))).status_code == 202
        house.judged()
        assert house.parts.board.events["late"] == 2
        assert [house.client(role).post("/v1/watermark/reset").status_code for role in ("ingest", "triage", "user:ACME")] == [403] * 3
        answer = house.client("admin").post("/v1/watermark/reset").json()
        assert answer["before"][:4] == str(int(answer["reset_at"][:4]) + 1)
        accepted = house.parts.board.events["accepted"]
        for second in (10, 70, 130):
            ingest.post("/v1/events", content=lines(event("A", second, depth=second + 7), event("B", second)))
        house.judged()
        assert (house.parts.board.events["late"], house.parts.board.events["accepted"] - accepted) == (2, 6)
        assert house.client("observer").get("/v1/status").json()["data_until"] <= instant(clock.wall_us() + 200_000_000).isoformat()
        (ended,) = house.client("triage").get("/v1/alerts").json()["items"]
        assert (ended["alert_id"], ended["status"], ended["revision"]) == ("OPEN", "resolved", 2)
        assert house.client("triage").get("/v1/incidents").json()["items"][0]["status"] == "resolved"
        watermark, packed = house.parts.engine.watermark_us, house.parts.engine.pipeline.pack()
    for path in (tmp_path / "data" / "checkpoints").iterdir():
        path.unlink()
    with House(tmp_path / "data", clock=clock) as again:
        assert again.parts.engine.watermark_us == watermark
        assert again.parts.engine.pipeline.pack() == packed, "judged again from the journal"
