"""What frames a request is bounded before anybody is signed in: no head, chunk or row of requests occupies the event loop."""

import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.service.builders import lines, queue
from tests.service.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("framing") / "data") as opened:
        yield opened


def sent(house: House, *parts: bytes) -> list[bytes]:
    """The statuses of the answers to these bytes, until the connection ends."""
    host, port = house.address.removeprefix("http://").split(":")
    received = b""
    # A monitor that refuses ends the connection while the rest is still sent; what it answered before counts.
    with socket.create_connection((host, int(port)), timeout=30) as plug, suppress(ConnectionError):
        for part in parts:
            plug.sendall(part)
        while data := plug.recv(65_536):
            received += data
    return re.findall(rb"HTTP/1\.1 (\d+)", received)


def head(house: House, line: bytes, *more: bytes) -> bytes:
    secret = house.secrets["ingest"].encode()
    return b"\r\n".join([line + b" HTTP/1.1", b"host: x", b"authorization: Bearer " + secret, *more, b"", b""])


def chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


CHUNKED = b"transfer-encoding: chunked"


END = b"connection: close"
BODY = lines(*(queue(10, f"U-{number}") for number in range(2_000)))


@pytest.mark.parametrize(("size", "status"), [(1, b"400"), (4, b"400"), (120, b"202")])
def test_a_body_in_tiny_chunks_is_refused_and_one_in_small_chunks_taken(house: House, size: int, status: bytes) -> None:
    assert sent(house, head(house, b"POST /v1/events", CHUNKED, END), chunks(BODY, size)) == [status]


def test_a_short_body_may_come_in_any_chunks(house: House) -> None:
    assert sent(house, head(house, b"POST /v1/events", CHUNKED, END), chunks(lines(queue(10)), 1)) == [b"202"]


@pytest.mark.parametrize(
    "more",
    [[b"x: y"] * 300, [b"cookie: " + b"a=b;" * 20_000], [b"x" * 70_000 + b": y"]],
    ids=["many headers", "a long header", "a long name"],
)
def test_a_head_without_bound_is_refused(house: House, more: list[bytes]) -> None:
    assert sent(house, head(house, b"GET /v1/status", *more)) == [b"400"]


def test_a_head_that_goes_on_is_refused_before_it_ends(house: House) -> None:
    assert sent(house, b"GET / HTTP/1.1\r\nx: ", *[b"y" * 65_536] * 8) in ([b"400"], [])


def test_a_row_of_requests_on_one_connection_is_bounded(house: House) -> None:
    one = head(house, b"GET /healthz")
    assert sent(house, one * 20 + head(house, b"GET /healthz", b"connection: close")) == [b"200"] * 21
    assert b"400" in sent(house, one * 400)


def test_what_follows_a_body_is_no_header(house: House) -> None:
    trailer = b"authorization: Bearer " + house.secrets["ingest"].encode()
    nobody = b"POST /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    body = chunks(lines(queue(10)), 200)[:-2] + trailer + b"\r\n\r\n"
    assert sent(house, nobody + body) == [b"401"]
    one = head(house, b"GET /healthz")
    assert sent(house, one + nobody + body) == [b"200", b"401"], "nor where it waits for an earlier answer"


@pytest.mark.parametrize("in_one", [True, False], ids=["in one packet", "in several"])
@pytest.mark.parametrize("is_chunked", [True, False], ids=["in chunks", "with a length"])
def test_who_asks_for_http_2_is_answered_in_http_1_with_its_body(house: House, in_one: bool, is_chunked: bool) -> None:
    body = lines(queue(10))
    framing = CHUNKED if is_chunked else b"content-length: %d" % len(body)
    asks = (b"connection: upgrade, http2-settings", b"upgrade: h2c", b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA", framing)
    parts = (head(house, b"POST /v1/events", *asks), chunks(body, 200) if is_chunked else body, head(house, b"GET /healthz", END))
    assert sent(house, *([b"".join(parts)] if in_one else parts)) == [b"202", b"200"]
