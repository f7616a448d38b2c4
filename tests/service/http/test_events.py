"""Posting events: every bad body gets a clear answer and costs nothing else."""

import gzip
import http.client
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from models.clock import Clock
from models.columns import EventBatch
from service.ingest.journal import EVENTS
from streams.flow import FlowStep
from streams.pipeline import Pipeline
from tests.service.builders import lines, queue, traffic
from tests.service.house import House

GOOD = lines(queue(10), traffic(10))


def test_bad_lines_are_listed_by_their_index_and_the_rest_is_in(house: House) -> None:
    body = lines(queue(10), queue(10, depth=-1)) + b"no json\n" + lines(traffic(10))
    answer = house.client("ingest").post("/v1/events", content=body)
    assert answer.status_code == 202
    result = answer.json()
    assert result["accepted"] == 2
    assert [one["index"] for one in result["rejected"]] == [1, 2]
    assert "depth" in result["rejected"][0]["reason"]
    house.judged()
    letters = house.client("observer").get("/v1/dead-letters").json()["items"]
    assert {letter["position"]["index"] for letter in letters} == {1, 2}


def test_an_array_and_gzip_are_taken_too(house: House) -> None:
    client = house.client("ingest")
    array = json.dumps([queue(10), {**queue(10), "depth": True}]).encode()
    assert client.post("/v1/events", content=array).json() == {
        "accepted": 1,
        "rejected": [{"index": 1, "reason": "depth must be a whole number, not true"}],
    }
    packed = gzip.compress(lines(queue(20))) + gzip.compress(lines(queue(30)))
    assert client.post("/v1/events", content=packed, headers={"content-encoding": "gzip"}).json() == {"accepted": 2, "rejected": []}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"this is no json", {}, 400),
        (b"\xff\xfe\x00", {}, 400),
        (b"\x1f\x8b broken", {"content-encoding": "gzip"}, 400),
        (gzip.compress(GOOD)[:-9], {"content-encoding": "gzip"}, 400),
        (gzip.compress(b" " * 60_000_000), {"content-encoding": "gzip"}, 413),
        (GOOD, {"content-encoding": "br"}, 415),
        (GOOD, {"idempotency-key": "k" * 300}, 422),
    ],
    ids=["no JSON", "no UTF-8", "no gzip", "gzip cut short", "gzip bomb", "brotli", "long key"],
)
def test_a_body_that_can_not_be_used_gets_a_problem(shared_house: House, body: bytes, headers: dict[str, str], status: int) -> None:
    answer = shared_house.client("ingest").post("/v1/events", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= answer.json().keys()


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"queue","observed_at":"2026-01-05T00:00:10Z","user":"ACME","queue":"q","depth":NaN}',
        b'{"kind":"queue","observed_at":"2026-01-05T00:00:10Z","user":"ACME","queue":"q","depth":' + b"9" * 5000 + b"}",
        b'{"kind":"queue","observed_at":"2026-01-05T00:00:10Z","user":"ACME","queue":"q","depth":' + b"[" * 50_000 + b"}",
        b'{"kind":"queue","observed_at":"2026-01-05T00:00:10","user":"ACME","queue":"q","depth":1}',
        b'{"kind":"queue","observed_at":"2026-01-05T00:00:10Z","user":"AC\xffME","queue":"q","depth":1}',
        b'{"kind":"queue","observed_at":"2026-01-05T00:00:10Z","user":"\\ud800","queue":"q","depth":1}',
    ],
    ids=["NaN", "huge integer", "deep nesting", "no offset", "bad UTF-8 inside", "lone surrogate"],
)
def test_a_strange_line_is_rejected_alone(shared_house: House, line: bytes) -> None:
    answer = shared_house.client("ingest").post("/v1/events", content=lines(queue(10)) + line + b"\n" + lines(traffic(10)))
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 2
    assert [one["index"] for one in answer.json()["rejected"]] == [1]


def raw_exchange(house: House, head: str, rest: bytes = b"", wait_s: float = 10) -> bytes:
    host, port = house.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait_s) as plug:
        plug.sendall(head.encode() + rest)
        got = b""
        while part := plug.recv(65_536):
            got += part
        return got


def test_a_hundred_megabytes_are_refused_without_being_read(house: House) -> None:
    head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.secrets['ingest']}\r\ncontent-length: 104857600\r\n\r\n"
    began = time.monotonic()
    answer = raw_exchange(house, head)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer
    assert time.monotonic() - began < 9, "it waited for the body"


def test_a_client_that_sends_the_hundred_megabytes_gets_its_answer(house: House) -> None:
    answer = house.client("ingest").post("/v1/events", content=b"x" * 100_000_000)
    assert answer.status_code == 413


def test_a_client_that_sends_everything_before_it_reads_gets_its_answer(house: House) -> None:
    host, port = house.address.removeprefix("http://").split(":")
    plug = http.client.HTTPConnection(host, int(port), timeout=60)
    plug.request("POST", "/v1/events", b" " * 34_000_000, {"Authorization": f"Bearer {house.secrets['ingest']}"})
    assert plug.getresponse().status == 413


def test_an_endless_body_without_a_length_is_cut_at_the_limit(tmp_path: Path) -> None:
    with House(tmp_path / "small", max_body_mb=1) as house:
        head = (
            f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.secrets['ingest']}\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        chunk = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
        assert raw_exchange(house, head, chunk * 5).startswith(b"HTTP/1.1 413")


def test_a_request_that_trickles_is_closed(tmp_path: Path) -> None:
    with House(tmp_path / "slow", read_timeout_s=1) as house:
        assert raw_exchange(house, "POST /v1/events HTTP/1.1\r\nhost: x\r\nx-slow: ") == b""
        head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {house.secrets['ingest']}\r\ncontent-length: 1000\r\n\r\n"
        assert raw_exchange(house, head, b'{"kind"').startswith(b"HTTP/1.1 408")


def test_a_repeated_post_with_a_key_gets_the_same_answer_and_counts_once(house: House) -> None:
    client = house.client("ingest")
    body = lines(queue(10)) + b"broken\n"
    headers = {"idempotency-key": "batch-7"}
    first = client.post("/v1/events", content=body, headers=headers)
    house.judged()
    entries = house.parts.engine._journal.next_seq
    assert client.post("/v1/events", content=body, headers=headers).json() == first.json()
    assert house.parts.engine._journal.next_seq == entries
    other = client.post("/v1/events", content=lines(queue(20)), headers=headers)
    assert other.status_code == 422


def test_the_same_events_again_change_nothing(house: House) -> None:
    client = house.client("ingest")
    body = lines(queue(10), queue(20), queue(120))
    for _ in range(2):
        assert client.post("/v1/events", content=body).json()["accepted"] == 3
    house.judged()
    assert house.parts.board.events["late"] == 2
    assert house.parts.board.windows == 9


def test_a_full_backlog_is_answered_429_with_a_pause(tmp_path: Path) -> None:
    with House(tmp_path / "full", backlog_mb=0.0001) as house:
        house.parts.intake._waiting = 1000
        answer = house.client("ingest").post("/v1/events", content=GOOD)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        house.parts.intake._waiting = 0
        assert house.client("ingest").post("/v1/events", content=GOOD).status_code == 202


def test_a_disk_that_refuses_is_answered_503_and_nothing_is_half_taken(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client("ingest")
    with monkeypatch.context() as patch:
        patch.setattr(house.parts.engine._journal, "append", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        answer = client.post("/v1/events", content=GOOD)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert house.client(None).get("/readyz").status_code == 503
    assert client.post("/v1/events", content=GOOD).status_code == 202
    assert house.client(None).get("/readyz").status_code == 200
    assert house.parts.intake.waiting_bytes >= 0


def test_each_token_is_a_stream_of_its_own(house: House) -> None:
    house.client("ingest").post("/v1/events", content=lines(queue(10)))
    house.client("admin").post("/v1/events", content=lines(queue(10)))
    house.judged()
    assert len(house.parts.engine.streams) == 2


def test_an_entry_that_breaks_the_judge_is_left_out_and_the_watch_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.client("ingest")
    client.post("/v1/events", content=lines(queue(10)))
    house.judged()
    feed = Pipeline.feed

    def refuse(self: Pipeline, batch: EventBatch, *given: Any) -> FlowStep:
        if any(key.user == "EVIL" for key in batch.keys):
            raise ZeroDivisionError
        return feed(self, batch, *given)

    monkeypatch.setattr(Pipeline, "feed", refuse)
    client.post("/v1/events", content=lines(queue(20, "EVIL")))
    house.judged()
    client.post("/v1/events", content=lines(queue(30)))
    house.judged()
    assert house.parts.board.events["accepted"] == 2
    assert [entry.kind for entry in house.parts.engine._journal.entries(0)] == [EVENTS] * 3
    assert house.parts.engine.quarantined == 1


def test_bodies_on_their_way_count_against_the_backlog(tmp_path: Path) -> None:
    with House(tmp_path / "full", backlog_mb=1) as house:
        client, body = house.client("ingest"), lines(*(queue(10, f"USER-{user}") for user in range(2000)))
        assert 100_000 < len(body) < 500_000
        with house.parts.intake.expecting(900_000):
            assert client.post("/v1/events", content=body).status_code == 429
        assert client.post("/v1/events", content=body).status_code == 202
        house.judged()
        assert house.parts.intake._expected == 0
        with house.parts.intake.expecting(5_000_000):
            assert house.parts.intake._expected == 5_000_000, "one alone always fits"


def test_a_compressed_body_counts_as_what_it_inflates_to(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    body, weights = lines(*(queue(10, f"USER-{user}") for user in range(2000))), []
    submit = house.parts.intake.submit

    def noted(*given: Any) -> Any:
        weights.append(given[-1])
        return submit(*given)

    monkeypatch.setattr(house.parts.intake, "submit", noted)
    packed = gzip.compress(body)
    assert len(packed) < len(body) / 5
    answer = house.client("ingest").post("/v1/events", content=packed, headers={"content-encoding": "gzip"})
    assert answer.json()["accepted"] == 2000
    assert weights == [len(body)]
    house.judged()
    assert house.parts.engine._schedule.uncovered_bytes == len(body), "a restart works through what they inflate to"
    assert house.parts.intake.waiting_bytes == 0


def test_checkpoints_come_by_the_clock_and_sooner_where_much_came_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady = [1000.0]
    with House(tmp_path / "data", clock=Clock(steady_s=lambda: steady[0]), checkpoint_every_s=60) as house:
        assert [house.parts.engine._schedule.is_due() for steady[0] in (1016.0, 1059.0, 1060.0)] == [False, False, True]
        monkeypatch.setattr("service.engine.checkpoint_schedule._MUCH_BYTES", 10)
        steady[0] = 1001.0
        house.client("ingest").post("/v1/events", content=lines(queue(10)))
        house.judged()
        assert [house.parts.engine._schedule.is_due() for steady[0] in (1014.0, 1015.0)] == [False, True]
