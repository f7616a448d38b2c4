"""What the page asks: the monitor's state, queues now, totals, the heat map, the calendar by window, acts of the desk."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from changes.windows import window_us
from models.change import Change
from models.times import DAY_US, format_time, parse_time
from service.charts import queries
from service.http.routes.page.totals import _coarser
from service.planning.calendar_page import CalendarSpan, _days, _meets
from tests.service.builders import change_json, desk, incident, lines, queue, traffic
from tests.service.house import House

DAY = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-05T02:00:00Z"}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("told") / "data") as house:
        events = [make(second, user) for second in range(10, 7200, 10) for make in (traffic, queue) for user in ("ACME", "BOLT")]
        house.client("ingest").post("/v1/events", content=lines(*events)).raise_for_status()
        house.judged()
        house.publish(desk(incident("I-1")))
        yield house


def test_the_state_tells_how_old_the_data_is_and_only_the_desk_who_sends(result: House) -> None:
    state = result.client("triage").get("/v1/status").json()
    assert state["data_until"] == "2026-01-05T01:59:20Z"
    assert [(one["name"], one["stopped"]) for one in state["sources"]] == [("ingest of the tests", False)]
    assert not state["simulated"]
    own = result.client("user:ACME").get("/v1/status").json()
    assert own["sources"] == []
    assert own["events"] == {}


def test_data_is_old_after_two_windows_of_its_feed(result: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client, database = result.client("triage"), result.parts.database
    assert database.read(queries.shortest_window_s) == 10
    for window_s, old_after_s in ((10, 120), (60, 180), (900, 1860)):
        monkeypatch.setattr(queries, "shortest_window_s", lambda _, window_s=window_s: window_s)
        assert client.get("/v1/status").json()["old_after_s"] == old_after_s


def test_the_end_of_a_sign_in_is_said(result: House) -> None:
    browser = result.client(None, follow_redirects=False)
    assert browser.get("/v1/session").status_code == 401
    browser.headers["x-highwater"] = "test"
    assert browser.get("/v1/session").status_code == 204, "the page only wants to know"
    browser.post("/v1/session", json={"token": result.secrets["triage"]}).raise_for_status()
    assert browser.get("/v1/status").json()["signed_in_until"] is not None


def test_queues_now_and_totals_are_a_users_own_only(result: House) -> None:
    assert [one["user"] for one in result.client("triage").get("/v1/queues").json()["items"]] == ["ACME", "BOLT"]
    assert [one["user"] for one in result.client("user:ACME").get("/v1/queues").json()["items"]] == ["ACME"]
    every = result.client("triage").get("/v1/series/totals", params=DAY).json()
    own = result.client("user:ACME").get("/v1/series/totals", params=DAY).json()
    assert (every["series"], own["series"]) == (2, 1)
    rate = every["columns"].index("mean")
    assert [row[rate] for row in own["points"][:3]] == [600.0, 600.0, 600.0], "100 messages in ten seconds are 600 a minute"
    assert [row[rate] for row in every["points"][:3]] == [1200.0, 1200.0, 1200.0]
    assert result.client("user:ACME").get("/v1/series/totals", params={**DAY, "user": "BOLT"}).json()["points"] == []


def test_a_total_keeps_the_extremes_of_what_it_joins(result: House) -> None:
    coarse = result.client("triage").get("/v1/series/totals", params={**DAY, "points": 3}).json()
    low, high = coarse["columns"].index("low"), coarse["columns"].index("high")
    assert len(coarse["points"]) == 3
    assert all(row[low] <= 1200.0 <= row[high] for row in coarse["points"])


def test_the_heat_map_adds_up_every_user_and_gaps_are_null(result: House) -> None:
    answer = result.client("triage").get("/v1/series/heat", params={**DAY, "to": "2026-01-05T03:00:00Z", "bucket_s": 3600}).json()
    assert answer["users"] == ["ACME", "BOLT"]
    assert answer["messages"][0][0] == 360 * 100
    assert answer["messages"][0][2] is None
    assert result.client("user:ACME").get("/v1/series/heat", params=DAY).json()["users"] == ["ACME"]
    again = result.client("triage").get("/v1/series/heat", params={**DAY, "to": "2026-01-05T03:00:00Z", "bucket_s": 3600}).json()
    assert again == answer
    assert result.client("triage").get("/v1/series/heat", params={**DAY, "to": "2026-01-09T03:00:00Z"}).status_code == 422


def test_the_calendar_of_a_window_holds_what_meets_it_with_conflicts_and_nothing_of_others(result: House) -> None:
    at = {"planned_start": "2026-03-01T00:00:00Z", "planned_end": "2026-03-01T04:00:00Z"}
    result.client("triage").post("/v1/changes", json=change_json("T-1", "DCC", title="Test", category="bcdr_test", **at)).raise_for_status()
    result.client("user:ACME").post("/v1/changes", json=change_json("W-1", title="Work", **at)).raise_for_status()
    result.client("user:BOLT").post("/v1/changes", json=change_json("B-1", "BOLT", title="Hidden", **at)).raise_for_status()
    window = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}
    every = result.client("triage").get("/v1/calendar", params=window).json()
    assert sorted(one["change_id"] for one in every["items"]) == ["B-1", "T-1", "W-1"]
    assert any("T-1" in one["text"] for one in every["conflicts"])
    assert every["days"] == [{"day": "2026-03-01", "dcc": 1, "other": 2, "tests": 1}]
    few = result.client("triage").get("/v1/calendar", params={**window, "limit": 1}).json()
    assert (len(few["items"]), few["days"]) == (1, every["days"])
    own = result.client("user:ACME").get("/v1/calendar", params=window)
    assert sorted(one["change_id"] for one in own.json()["items"]) == ["T-1", "W-1"]
    assert own.json()["days"] == [{"day": "2026-03-01", "dcc": 1, "other": 1, "tests": 1}]
    assert "B-1" not in own.text
    assert result.client("triage").get("/v1/calendar", params={**window, "q": "hidden"}).json()["total"] == 1
    assert result.client("triage").get("/v1/calendar", params={"from": window["to"], "to": window["from"]}).status_code == 422


def test_hidden_fields_of_a_public_summary_are_null_in_the_calendar(result: House) -> None:
    at = {"planned_start": "2026-04-01T00:00:00Z", "planned_end": "2026-04-01T04:00:00Z"}
    made = change_json("P-1", "BOLT", title="Public", visibility="public_summary", description="secret", **at)
    result.client("user:BOLT").post("/v1/changes", json=made).raise_for_status()
    window = {"from": "2026-04-01T00:00:00Z", "to": "2026-04-02T00:00:00Z"}
    (seen,) = result.client("user:ACME").get("/v1/calendar", params=window).json()["items"]
    assert (seen["title"], seen["planned_start"]) == ("Public", "2026-04-01T00:00:00Z")
    assert [seen[name] for name in ("disruption", "users", "systems", "description", "expected")] == [None] * 5
    (own,) = result.client("user:BOLT").get("/v1/calendar", params=window).json()["items"]
    assert (own["disruption"], own["description"]) == ("risk", "secret")


def test_a_heat_map_of_nobody_is_empty_before_the_first_event_and_for_a_new_user(result: House) -> None:
    assert _coarser(np.zeros((5, 0, 24)), 3).shape == (5, 0, 8)
    made = result.client("admin").post("/v1/tokens", json={"role": "user:NEW", "name": "NEW"}).json()
    answer = result.client(None).get("/v1/series/heat", params=DAY, headers={"authorization": f"Bearer {made['secret']}"})
    assert (answer.status_code, answer.json()["users"]) == (200, [])


def test_a_month_that_has_no_schedule_is_refused(result: House) -> None:
    for month in ("9999-12", "0001-01", "2026-13", "\u0662\u0660\u0662\u0666-\u0660\u0662", "2026-02\n"):
        assert result.client("triage").get("/v1/calendar/issue", params={"month": month}).status_code == 422, month


def test_an_incident_is_closed_reopened_and_written_down(result: House) -> None:
    desk_client = result.client("triage")
    closed = desk_client.post("/v1/incidents/I-1/close", json={"name": "Ada", "note": "over"}).json()["state"]
    assert closed["closed"]["by"] == "Ada"
    assert desk_client.delete("/v1/incidents/I-1/close").json()["state"]["closed"] is None
    kept = desk_client.put("/v1/incidents/I-1/post-mortem", json={"markdown": "# What we learnt", "name": "Ada"}).json()["state"]
    assert kept["post_mortem"]["markdown"] == "# What we learnt"
    markdown = desk_client.get("/v1/incidents/I-1/export").json()["markdown"]
    assert "## What people did" in markdown
    assert result.client("user:ACME").post("/v1/incidents/I-1/close").status_code == 403


def test_what_the_desk_does_is_reported_on_its_stream_and_on_no_users(result: House) -> None:
    with result.client("triage").stream("GET", "/v1/stream") as stream, result.client("user:ACME").stream("GET", "/v1/stream") as other:
        parts, others = stream.iter_text(), other.iter_text()
        assert "connected" in next(parts)
        assert "connected" in next(others)
        result.client("admin").post("/v1/incidents/I-1/notes", json={"note": "look", "name": "Ada"}).raise_for_status()
        event = next(parts)
        assert event.startswith("event: triage\n")
        answer = json.loads(event.partition("data: ")[2])
        assert (answer["subject"], answer["id"], answer["state"]["notes"][-1]["by"]) == ("incidents", "I-1", "Ada")
        result.client("user:ACME").post("/v1/changes", json=change_json("W-9", title="Later")).raise_for_status()
        assert "event: change" in next(others)


def test_changes_are_counted_by_day_at_a_cost_that_does_not_grow_with_their_length() -> None:
    start_us, end_us = parse_time("2026-01-05T12:00:00Z"), parse_time("2026-04-05T00:00:00Z")
    span = CalendarSpan(start_us=start_us, end_us=end_us, owner=None, category=None, q=None, limit=1)

    def changes(days: int) -> list[Change]:
        begins = [start_us + (index % 110 - 10) * DAY_US for index in range(400)]
        kinds = [{"source": "dcc", "category": "bcdr_test"}, {"source": "user"}]
        times = [{"planned_start": format_time(at), "planned_end": format_time(at + days * DAY_US)} for at in begins]
        made = [Change.model_validate(change_json(**time, **kinds[index % 2])) for index, time in enumerate(times)]
        return [one for one in made if _meets(one, span)]

    def counted(given: list[Change]) -> tuple[list[dict[str, Any]], int]:
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            results = _days(given, start_us, end_us)
        finally:
            sys.setprofile(before)
        return results, calls

    short, long = changes(1), changes(90)
    (by_day, few), (by_day_long, many) = counted(short), counted(long)
    assert many / len(long) < 2 * few / len(short)
    for given, results in ((short, by_day), (long, by_day_long)):
        assert {one["day"]: (one["dcc"], one["other"], one["tests"]) for one in results} == _one_by_one(given, start_us, end_us)
    assert len(by_day_long) == 90


def _one_by_one(changes: list[Change], start_us: int, end_us: int) -> dict[str, tuple[int, int, int]]:
    """Each day of each change on its own."""
    counts: dict[str, tuple[int, int, int]] = {}
    for change in changes:
        begins_us, ends_us = window_us(change)
        last_us = max(begins_us, min(ends_us, end_us) - 1)
        for day in range(max(begins_us, start_us) // DAY_US, last_us // DAY_US + 1):
            name = format_time(day * DAY_US)[:10]
            dcc, other, tests = counts.get(name, (0, 0, 0))
            of_dcc = change.source == "dcc"
            counts[name] = (dcc + of_dcc, other + (not of_dcc), tests + (change.category == "bcdr_test"))
    return counts
