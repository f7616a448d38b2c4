"""Habits over HTTP: listed for the desk, refused by it, and the same after the journal was judged again."""

import json
from typing import Any

import numpy as np
import pytest

from detectors.habit_list import Habit
from models.columns import SeriesKey
from models.times import format_time
from service.http.routes.habits import shown
from service.ingest.journal import HABIT
from tests.service.house import House

WINDOW_US = 900_000_000
START_US = 1_767_571_200_000_000


def post(house: House, window: int) -> None:
    event = {
        "kind": "traffic",
        "observed_at": format_time(START_US + window * WINDOW_US),
        "window_s": 900,
        "user": "HABIT-1",
        "messages": 9,
    }
    rest = {"direction": "to_user", "message_class": "service_response", "service": "4.1", "region": "north"}
    answer = house.client("ingest").post("/v1/events", content=json.dumps(event | rest))
    assert answer.status_code == 202
    house.judged()


def remember(house: House, minute: int) -> None:
    """The series had a surge at this minute of four days."""
    detection = house.parts.engine.pipeline._detection.detection._detection[900]
    columns: Any = next(iter(detection._traffic._blocks))[1]["storm"]
    position = next(n for n, key in enumerate(detection._traffic_keys) if key.user == "HABIT-1")
    days = np.arange(4)
    columns["ring_s"][:4, position] = START_US // 1_000_000 - days * 86_400 + minute * 60
    columns["ring_nats"][:4, position] = 40.0


def test_the_desk_lists_refuses_and_allows_a_habit(shared_house: House) -> None:
    for window in (1, 2, 3):
        post(shared_house, window)
    remember(shared_house, 22 * 60)
    desk = shared_house.client("triage")
    (habit,) = desk.get("/v1/habits?user=HABIT-1").json()["items"]
    assert (habit["at"], habit["times"], habit["refused"], habit["kind"]) == ("22:00", 4, False, "storm")
    assert habit["summary"].startswith("HABIT-1 to_user service_response 4.1 north has more messages than usual about 22:00 UTC")

    assert shared_house.client("observer").post(f"/v1/habits/{habit['habit_id']}/refuse").status_code == 403
    assert shared_house.client("user:ACME").get("/v1/habits").status_code == 403
    assert desk.post("/v1/habits/0/refuse").status_code == 404
    refused = desk.post(f"/v1/habits/{habit['habit_id']}/refuse", json={"note": "It blocks others."}).json()
    assert refused["refused"]
    assert (
        shared_house.parts.engine.pipeline.pack()
        == shared_house.parts.engine.pipeline.unpack(
            shared_house.parts.engine.pipeline._parameters, shared_house.parts.engine.pipeline.pack()
        ).pack()
    )
    (audited, *_) = shared_house.client("admin").get("/v1/audit").json()["items"]
    assert (audited["action"], audited["detail"]["note"]) == ("refuse habit", "It blocks others.")

    (listed,) = desk.get("/v1/habits?user=HABIT-1").json()["items"]
    assert listed["refused"]
    assert not desk.delete(f"/v1/habits/{listed['habit_id']}/refuse").json()["refused"]


def test_a_habit_says_of_what_it_is():
    queue = SeriesKey("SUPPLIER", "", "", "", "", "to_device", 60)
    backlog = shown(Habit(queue, "backlog", None, 5, None, refused=False))
    assert backlog.series["queue"] == "to_device"
    assert backlog.summary == (
        "SUPPLIER to_device has backlogs at no fixed time (5 times in the last four weeks); it is no longer reported."
    )
    rate = SeriesKey("SUPPLIER", "to_dsp", "service_request", "4.1", "", "", 60)
    assert shown(Habit(rate, "storm", None, 1, None, refused=False, of_user=True)).summary == (
        "SUPPLIER to_dsp service_request 4.1 has more messages than usual at no fixed time "
        "(with the bursts of its User, 1 time in the last four weeks); it is no longer reported."
    )


def test_habits_beyond_the_limit_are_on_the_next_page(shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key = SeriesKey("PAGED", "to_user", "service_response", "4.1", "north", "", 900)
    every = [Habit(key, "storm", minute, 4, None, refused=False) for minute in range(5)]
    monkeypatch.setattr(shared_house.parts.engine, "habits", lambda: every, raising=False)
    read, cursor = [], "0"
    while cursor is not None:
        page = shared_house.client("triage").get("/v1/habits", params={"limit": 2, "cursor": cursor}).json()
        read, cursor = [*read, *(one["at"] for one in page["items"])], page["next"]
    assert read == ["00:00", "00:01", "00:02", "00:03", "00:04"]


def test_a_refusal_is_part_of_the_journal(shared_house: House) -> None:
    post(shared_house, 5)
    remember(shared_house, 21 * 60)
    desk = shared_house.client("triage")
    (habit,) = desk.get("/v1/habits?user=HABIT-1").json()["items"]
    desk.post(f"/v1/habits/{habit['habit_id']}/refuse")
    engine = shared_house.parts.engine
    (entry,) = [entry for entry in engine._journal.entries(0) if entry.kind == HABIT][-1:]
    assert engine._state.read(entry) is None
    before = engine.pipeline.pack()
    engine._state.apply(entry, None, None)  # type: ignore[arg-type]  # a ruling commits nothing
    assert engine.pipeline.pack() == before
