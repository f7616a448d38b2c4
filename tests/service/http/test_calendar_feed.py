"""The calendar feed: a key a token, what its token may see, nothing once either ends; read with two independent parsers."""

from datetime import UTC, datetime, timedelta

import icalendar
import pytest

from changes.files.events.content_lines import read_components
from tests.service.builders import change_json
from tests.service.house import House


def feed_of(house: House, role: str) -> str:
    made = house.client(role).post("/v1/calendar/feed")
    assert made.status_code == 201
    return str(made.json()["url"])


def declare(house: House) -> None:
    desk = house.client("triage")
    for name, owner, more in (
        ("OWN", "ACME", {}),
        ("DCC-1", "DCC", {"title": "Maintenance; with, signs"}),
        ("PUBLIC", "BOLT", {"visibility": "public_summary", "description": "secret words"}),
        ("HIDDEN", "BOLT", {}),
        ("DRAFT", "DCC", {"status": "draft"}),
    ):
        begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
        later = {"planned_start": begin.isoformat(), "planned_end": (begin + timedelta(hours=2)).isoformat()}
        assert desk.post("/v1/changes", json=change_json(name, owner, **later, **more)).status_code == 201


def test_a_user_s_feed_holds_its_own_and_public_changes(house: House) -> None:
    declare(house)
    answer = house.client(None).get(feed_of(house, "user:ACME"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    events = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert sorted(str(event["UID"]) for event in events) == ["ACME/OWN", "BOLT/PUBLIC", "DCC/DCC-1"]
    assert b"secret words" not in answer.content
    (calendar,) = read_components(answer.content)
    assert sorted(one.first("UID").text for one in calendar.inner) == ["ACME/OWN", "BOLT/PUBLIC", "DCC/DCC-1"]
    assert all(event["DTSTART"].dt.tzinfo is not None and event["DTSTAMP"].dt <= datetime.now(UTC).replace(year=2100) for event in events)
    assert any(str(event["SUMMARY"]) == "DCC: Maintenance; with, signs" for event in events)


def test_the_desk_s_feed_holds_everything(house: House) -> None:
    declare(house)
    assert house.client(None).get(feed_of(house, "triage")).text.count("BEGIN:VEVENT") == 5


def test_a_feed_ends_with_its_key_and_with_its_token(house: House) -> None:
    first = feed_of(house, "user:ACME")
    second = feed_of(house, "user:ACME")
    anyone = house.client(None)
    assert [anyone.get(first).status_code, anyone.get(second).status_code] == [401, 200]
    assert house.client("user:ACME").get("/v1/calendar/feed").json()["created_at"] is not None
    assert house.client("user:ACME").delete("/v1/calendar/feed").status_code == 204
    assert anyone.get(second).status_code == 401
    assert house.client("user:ACME").delete("/v1/calendar/feed").status_code == 404


@pytest.mark.parametrize("path", ["/v1/calendar.ics?key=x", "/v1/calendar.ics?key="])
def test_no_other_key_opens_it(house: House, path: str) -> None:
    assert house.client(None).get(path).status_code == 401
