"""Bodies made to cost much: each is refused, or answered in bounded time with a bounded answer, and costs nobody else anything."""

import asyncio
import gzip
import socket
import time
from contextlib import suppress
from urllib.parse import urlparse

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from models.errors import HighwaterError
from service.http.request_limits import Limits
from service.ingest.event_bodies import decoded_post
from tests.service.builders import lines, queue
from tests.service.house import House, until

_LIMIT = 16_000_000
_BEARABLE_S = 8.0
"""Far above what is measured (under a second alone), far below what the attack cost: machines of tests are busy."""


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(b"") * 200_000, id="4 MB of empty gzip members"),
        pytest.param(gzip.compress(b"1\n" * 8_000_000), id="8,000,000 lines that are no event, packed"),
        pytest.param(b"{}\n" * 1_000_000, id="1,000,000 empty objects"),
        pytest.param(b"[" + b"1," * 1_000_000 + b"1]", id="an array of 1,000,000 numbers"),
        pytest.param(b"x\n" * 1_000_000, id="1,000,000 lines that are no JSON"),
    ],
)
def test_a_body_made_to_cost_is_refused_soon(body: bytes) -> None:
    began = time.process_time()
    with pytest.raises(HighwaterError):
        decoded_post(body, "T", _LIMIT)
    assert time.process_time() - began < _BEARABLE_S


def test_an_answer_names_the_first_thousand_rejections_and_counts_the_others(house: House) -> None:
    body = b"{}\n" * 5_000 + lines(queue(10))
    answer = house.client("ingest").post("/v1/events", content=body)
    assert answer.status_code == 202
    result = answer.json()
    assert (result["accepted"], len(result["rejected"]), result["rejected_more"]) == (1, 1000, 4000)
    assert len(answer.content) < 100_000


def test_honest_scrapes_that_compress_well_are_taken() -> None:
    body = lines(*(queue(10, f"USER-{user}") for user in range(20_000)))
    batch, weight = decoded_post(gzip.compress(body, 9), "T", _LIMIT)
    assert (len(batch), weight) == (20_000, len(body))


def test_one_token_with_slow_connections_leaves_room_for_the_others(house: House) -> None:
    address = urlparse(house.address)
    head = (
        f"POST /v1/events HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {house.secrets['ingest']}\r\n"
        "content-length: 15999999\r\n\r\n{"
    ).encode()
    slow = [socket.create_connection((address.hostname, address.port)) for _ in range(4)]
    try:
        for one in slow:
            one.sendall(head)
        many = lines(*(queue(10, f"U-{user}") for user in range(9000)))

        def posted() -> httpx2.Response | None:
            """The answer once the slow bodies are being read; before, there is room."""
            answer = house.client("ingest").post("/v1/events", content=many)
            return answer if answer.status_code == 429 else None

        refused = until(posted)
        assert house.client("admin").post("/v1/events", content=lines(queue(10))).status_code == 202
        assert "this token" in refused.json()["detail"]
    finally:
        for one in slow:
            one.close()


class Answering:
    """An application that refuses without a look at the body."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})


async def read_for(seconds: float, connections: int) -> tuple[int, list[Message]]:
    """How many bytes are read of endless bodies that were refused already, and what was answered meanwhile."""
    read, sent = 0, []

    async def receive() -> Message:
        nonlocal read
        read += 1_000_000
        return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    limits = Limits(Answering(), 16_000_000, 30)
    scope = {"type": "http", "path": "/v1/changes", "headers": [(b"transfer-encoding", b"chunked")]}
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(limits(scope, receive, send))
    return read, sent


def test_bodies_that_are_refused_already_are_read_slowly_whatever_the_number_of_connections() -> None:
    read, sent = asyncio.run(read_for(1, 10))
    assert 1_000_000 <= read <= 60_000_000
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [401] * 10
    assert all((b"connection", b"close") in message["headers"] for message in sent if message["type"] == "http.response.start")
