"""Campaigns: hostile input of every kind is answered as the contract says, alone, and never costs its neighbours anything."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from changes.files.reader import ReadOptions, read_changes
from models.errors import HighwaterError
from models.times import SECOND_US
from service.ingest.event_bodies import decoded_post
from streams.pipeline import Pipeline
from tests.hostile import campaigns
from tests.service.builders import MONDAY, lines, queue
from tests.service.house import House

_LIMIT = 16_000_000
CHEAP, WHOLE = 300, 10_000
BOUND = 2**53


def judge_events(count: int, seed: int) -> int:
    """Each hostile event between two sound ones: the sound ones stand, it stands or has a reason, and the pipeline goes on.

    Returns how many events were judged, the sound ones included.
    """
    chance, pipeline = random.Random(seed), Pipeline()
    accepted = 0
    for number in range(count):
        hostile = campaigns.as_json(campaigns.event(chance))
        around = [queue(10 * number, "BEFORE"), queue(10 * number, "AFTER")]
        body = lines(around[0]) + hostile + b"\n" + lines(around[1])
        batch, _ = decoded_post(body, "T", _LIMIT)
        users = [batch.keys[key].user for key in batch.key]
        assert (users[0], users[-1]) == ("BEFORE", "AFTER"), hostile
        assert len(batch) + len(batch.rejections) == 3, hostile
        assert all(rejection.reason and rejection.position["index"] == 1 for rejection in batch.rejections), hostile
        assert max(abs(int(value)) for column in (batch.value, batch.failures, batch.capacity) for value in column) <= BOUND
        step = pipeline.feed(batch, "T", MONDAY + 10 * number * SECOND_US)
        accepted += step.accepted
    return accepted


def test_hostile_events_stand_alone() -> None:
    assert judge_events(CHEAP, 1) >= CHEAP


@pytest.mark.soak
def test_ten_thousand_hostile_events_stand_alone() -> None:
    assert judge_events(WHOLE, 101) >= WHOLE


def declare(house: House, count: int, seed: int) -> tuple[bytes, bytes]:
    """Every answer is one of the contract's and says why. Returns what another User reads before and after."""
    chance, acme, bolt = random.Random(seed), house.client("user:ACME"), house.client("user:BOLT")
    assert bolt.post("/v1/changes", json={**campaigns.change_json("OWN", "BOLT")}).status_code in (200, 201)
    before = bolt.get("/v1/changes").content
    for _ in range(count // 25):
        several = [campaigns.change(chance) for _ in range(25)]
        answer = acme.post("/v1/changes", content=campaigns.as_json(several), headers={"content-type": "application/json"})
        assert answer.status_code in (200, 201, 403, 409, 422), answer.text
        items = answer.json()["items"]
        assert len(items) == len(several)
        for item, given in zip(items, several, strict=True):
            assert item["status"] in (200, 201, 403, 409, 422), (item, given)
            assert ("change" in item) == (item["status"] < 400)
            if item["status"] < 400:
                assert (item["owner"], item["change"]["source"]) == ("ACME", "user"), given
            else:
                assert item["detail"], given
        single = acme.put("/v1/changes/H-1", content=campaigns.as_json(campaigns.change(chance)))
        assert single.status_code in (200, 201, 403, 404, 409, 422), single.text
    return before, bolt.get("/v1/changes").content


def test_hostile_changes_are_answered_one_by_one(house: House) -> None:
    before, after = declare(house, 100, 2)
    assert after == before, "no other User sees or loses anything"
    assert house.client(None).get("/readyz").text == "ready\n"


@pytest.mark.soak
def test_ten_thousand_hostile_changes(house: House) -> None:
    before, after = declare(house, WHOLE, 102)
    assert after == before, "no other User sees or loses anything"
    assert house.client(None).get("/readyz").text == "ready\n"


def read_calendars(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """Read, or refused with a sentence; what is read is bounded. Returns how many changes were read, and how many parts refused."""
    chance, path = random.Random(seed), folder / "hostile.ics"
    read = refused = 0
    for _ in range(count):
        path.write_bytes(text := campaigns.calendar(chance))
        try:
            changes, rejections = read_changes(path, ReadOptions(owner="ACME"))
        except HighwaterError:
            refused += 1
            continue
        assert len(changes) <= 10_000, text
        assert all(rejection.reason for rejection in rejections), text
        read, refused = read + len(changes), refused + len(rejections)
    return read, refused


def test_hostile_calendars_are_read_or_refused(tmp_path: Path) -> None:
    read, refused = read_calendars(tmp_path, 100, 3)
    assert min(read, refused) > 100 // 20, "both kinds are tried"


@pytest.mark.soak
def test_ten_thousand_hostile_calendars(tmp_path: Path) -> None:
    read, refused = read_calendars(tmp_path, WHOLE, 103)
    assert min(read, refused) > WHOLE // 20, "both kinds are tried"


def subscribe(house: House, count: int, seed: int) -> list[Any]:
    """Each address that leads inwards, to a file or to a service that is not allowed is refused with a reason. Returns those taken."""
    chance, acme = random.Random(seed), house.client("user:ACME")
    for _ in range(count):
        address, channel = campaigns.address(chance), chance.choice(["webhook", "mail", "chat"])
        answer = acme.post("/v1/subscriptions", json={"name": "x", "channel": channel, "target": address})
        assert answer.status_code == 422, (address, channel, answer.text)
        assert answer.json()["detail"]
    taken: list[Any] = acme.get("/v1/subscriptions").json()["items"]
    return taken


def test_hostile_addresses_are_refused(house: House) -> None:
    assert subscribe(house, CHEAP // 3, 4) == []


@pytest.mark.soak
def test_ten_thousand_hostile_addresses(house: House) -> None:
    assert subscribe(house, WHOLE, 104) == []


def post_bodies(house: House, count: int, seed: int) -> int:
    """202 with an answer that adds up, 400 or 413; what another token posts meanwhile is all taken. Returns how much that was."""
    chance, hostile, honest = random.Random(seed), house.client("ingest"), house.client("admin")
    sound = 0
    for number in range(count):
        body = campaigns.body(chance)
        answer = hostile.post("/v1/events", content=body)
        assert answer.status_code in (202, 400, 413), answer.text
        if answer.status_code == 202:
            result = answer.json()
            assert all(one["reason"] for one in result["rejected"])
        else:
            assert json.loads(answer.content)["detail"]
        if number % 20 == 0:
            posted = honest.post("/v1/events", content=lines(*(queue(10 * number, f"H-{user}") for user in range(5))))
            assert posted.json() == {"accepted": 5, "rejected": []}
            sound += 5
    house.judged()
    return sound


def test_hostile_bodies_are_answered_and_cost_no_other_token_anything(house: House) -> None:
    sound = post_bodies(house, CHEAP // 3, 5)
    assert house.parts.board.events["accepted"] >= sound
    assert (house.parts.engine.quarantined, house.parts.engine.fault) == (0, None)


@pytest.mark.soak
def test_ten_thousand_hostile_bodies(house: House) -> None:
    sound = post_bodies(house, WHOLE, 105)
    assert house.parts.board.events["accepted"] >= sound
    assert (house.parts.engine.quarantined, house.parts.engine.fault) == (0, None)
