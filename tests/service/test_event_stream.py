"""The event stream: whoever reconnects misses nothing and sees nothing twice, and nobody sees another's."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from service.event_stream import EventStream
from tests.service.builders import alert, change, declared, desk, incident, own, report
from tests.service.house import House, until


def events(answer: httpx2.Response, begun: Callable[[], None] | None = None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line == ": connected" and begun is not None:
            begun()
        assert line != ": still here", "nothing came"
        name, _, value = line.partition(": ")
        if line == "" and "data" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])
        if line == "":
            fields = {}
        elif name:
            fields[name] = value


def take(house: House, role: str, count: int, *, after: str | None = None, query: str = "") -> list[tuple[str, str, dict[str, Any]]]:
    headers = {} if after is None else {"last-event-id": after}
    with house.client(role).stream("GET", f"/v1/stream{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        listed = []
        for event in events(answer):
            listed.append(event)
            if len(listed) == count:
                break
        return listed


def test_what_happens_arrives_as_it_is_committed(house: House) -> None:
    house.publish(desk(alert("A-0")))
    with house.client("observer").stream("GET", "/v1/stream") as answer:
        result = events(
            answer, begun=lambda: house.publish([*desk(alert("A-1"), incident("I-1"), report("C-1")), *declared(change("C-1"))])
        )
        assert [next(result)[1] for _ in range(4)] == ["alert", "incident", "report", "change"]


def test_a_client_that_reconnects_goes_on_where_it_was(house: House) -> None:
    house.publish(desk(*(alert(f"A-{number}") for number in range(6))))
    first = take(house, "observer", 2, after="0")
    rest = take(house, "observer", 4, after=first[-1][0])
    assert [record["alert_id"] for _, _, record in first + rest] == [f"A-{number}" for number in range(6)]


def test_the_page_s_first_connection_begins_after_its_list(house: House) -> None:
    house.publish(desk(alert("A-1")))
    listed = house.client("observer").get("/v1/alerts")
    house.publish(desk(alert("A-2")))
    ((_, _, record),) = take(house, "observer", 1, query=f"?last_event_id={listed.headers['last-event-id']}")
    assert record["alert_id"] == "A-2"


def test_old_events_come_from_the_data_file_and_new_ones_from_memory_without_a_seam(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.event_stream._KEPT", 3)
    for number in range(20):
        house.publish(desk(alert(f"A-{number:02d}")))
    assert house.parts.events._oldest_missing > 0
    answer = take(house, "observer", 20, after="0")
    assert [record["alert_id"] for _, _, record in answer] == [f"A-{number:02d}" for number in range(20)]


def test_a_restart_keeps_the_numbering(house: House) -> None:
    house.publish(desk(alert("A-1")))
    assert EventStream(house.parts.database).last_seq == house.parts.events.last_seq == 1


def test_a_user_hears_its_own_only_under_the_same_ids(house: House) -> None:
    house.publish([*desk(alert("A-1"), alert("B-1", user="BOLT")), *own("BOLT", alert("B-1", user="BOLT")), *own("ACME", alert("A-1"))])
    house.publish(
        declared(change("B-C", owner="BOLT", title="secret"), change("B-P", owner="BOLT", visibility="public_summary", contact="secret"))
    )
    house.publish(declared(change("D-1", owner="DCC")))
    answer = take(house, "user:ACME", 3, after="0")
    assert [(kind, record.get("alert_id") or record["change_id"]) for _, kind, record in answer] == [
        ("alert", "A-1"),
        ("change", "B-P"),
        ("change", "D-1"),
    ]
    assert "secret" not in json.dumps(answer)


def test_a_summary_that_is_withdrawn_can_not_be_had_by_an_old_event_id(house: House) -> None:
    client = house.client("user:BOLT")
    public = {
        "change_id": "B-1",
        "owner": "BOLT",
        "title": "told once",
        "planned_start": "2026-01-05T00:00:00Z",
        "planned_end": "2026-01-05T02:00:00Z",
    }
    assert client.post("/v1/changes", json={**public, "visibility": "public_summary"}).status_code == 201
    assert [one["title"] for one in house.client("user:ACME").get("/v1/changes").json()["items"]] == ["told once"]
    assert client.put("/v1/changes/B-1", json={**public, "visibility": "dcc_only"}).status_code == 200
    house.publish(own("ACME", alert("A-1")))
    ((_, kind, _),) = take(house, "user:ACME", 1, after="0")
    assert kind == "alert"
    assert house.client("user:ACME").get("/v1/changes").json()["items"] == []


def test_a_revoked_token_s_stream_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.http.routes.stream._PING_S", 0.2)
    monkeypatch.setattr("service.auth.open_streams._LOOK_S", 0.1)
    made = house.client("admin").post("/v1/tokens", json={"role": "observer", "name": "short-lived"}).json()
    with httpx2.stream("GET", f"{house.address}/v1/stream", headers={"authorization": f"Bearer {made['secret']}"}, timeout=10) as answer:
        parts = answer.iter_bytes()
        next(parts)
        assert house.client("admin").delete(f"/v1/tokens/{made['id']}").status_code == 204
        for _ in parts:
            pass
    assert house.client(None).get("/v1/alerts", headers={"authorization": f"Bearer {made['secret']}"}).status_code == 401


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 30])
def test_an_event_id_that_is_none_of_ours_is_said(shared_house: House, after: str) -> None:
    assert shared_house.client("observer").get("/v1/stream", headers={"last-event-id": after}).status_code == 400


def test_a_stop_ends_open_streams(tmp_path: Path) -> None:
    with httpx2.Client(timeout=20) as outside:
        with House(tmp_path / "data") as house:
            request = outside.build_request(
                "GET", f"{house.address}/v1/stream", headers={"authorization": f"Bearer {house.secrets['observer']}"}
            )
            answer = outside.send(request, stream=True)
            parts = answer.iter_bytes()
            next(parts)
        assert not house._thread.is_alive()
        assert list(parts) == []


def test_one_token_does_not_use_up_every_stream(tmp_path: Path) -> None:
    with House(tmp_path / "data", quotas={"streams_per_token": 1}) as house:
        one_stream_only(house)


def one_stream_only(house: House) -> None:
    client = house.client("user:ACME")
    with client.stream("GET", "/v1/stream") as first:
        parts = first.iter_bytes()
        assert b"connected" in next(parts)
        with client.stream("GET", "/v1/stream") as refused:
            assert refused.status_code == 429
            assert "retry-after" in refused.headers
        with house.client("user:BOLT").stream("GET", "/v1/stream") as other:
            assert other.status_code == 200
    until(lambda: not house.parts.events.listeners.total())
    with client.stream("GET", "/v1/stream") as again:
        assert again.status_code == 200
