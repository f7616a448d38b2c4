"""Connections of one address: beyond the limit they are closed at once; this machine's own are not counted."""

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http.header_timeout import with_header_timeout


class Transport(asyncio.Transport):
    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 1)})
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_connections_beyond_the_limit_of_an_address_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("connection_made", "connection_lost"):
        monkeypatch.setattr(HttpToolsProtocol, name, lambda *_: None)
    protocol = with_header_timeout(30, 2, lambda address: address == "192.0.2.80")

    def connected(address: str) -> tuple[Any, Transport]:
        one: Any = protocol.__new__(protocol)
        one.loop = asyncio.new_event_loop()
        transport = Transport(address)
        one.connection_made(transport)
        one.loop.close()
        return one, transport

    first, _ = connected("192.0.2.1")
    assert [connected("192.0.2.1")[1].aborted for _ in range(2)] == [False, True]
    assert not connected("2001:db8::1")[1].aborted
    assert not any(connected("127.0.0.1")[1].aborted for _ in range(9))
    first._impatience = None
    first.connection_lost(None)
    first.connection_lost(None)
    assert connected("192.0.2.1")[1].aborted, "one left, and two of three are still there"
    assert not any(connected("192.0.2.80")[1].aborted for _ in range(9)), "a proxy"
    assert not any(connected("::ffff:127.0.0.1")[1].aborted for _ in range(9)), "this machine, on a socket for both versions"
    assert [connected(f"2001:db8:1::{number}")[1].aborted for number in range(3)] == [False, False, True], "one sender has them all"
