"""HTTP connections with limits: of time for a request's head, of its size, and of what frames its body."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.networks import is_loopback, network_of

_HEAD_BYTES, _HEADERS = 65_536, 256
"""The most of one request's head."""
_FRAMING_BYTES = 65_536
"""What may frame a body beyond as many bytes as it has: a chunk of one byte is framed by five."""
_CHUNK_BYTES = 8
"""What frames one chunk, with some room."""
_PIPELINED = 100
"""Requests that wait on their connection for the answer to an earlier one."""


class _TooMuchError(Exception):
    """The request is refused; the parser answers 400."""


def with_header_timeout(
    seconds: float, most_of_an_address: int, is_proxy: Callable[[str], bool] = lambda _: False
) -> type[HttpToolsProtocol]:
    """Uvicorn's protocol, closing a connection that has not sent a complete request head within `seconds`.

    A connection beyond `most_of_an_address` of one address is closed at once. Neither this machine (loopback)
    nor a trusted proxy has a limit: the requests of a proxy are counted by the address that it names, see `request_counts`.
    """

    class LimitedProtocol(_PatientProtocol):
        """With the limits and the counts of this server."""

        limits = _Limits(seconds, most_of_an_address, is_proxy)

    return LimitedProtocol


@dataclass(frozen=True, slots=True)
class _Limits:
    """The limits of one server, and the connections that are open now."""

    seconds: float
    most_of_an_address: int
    is_proxy: Callable[[str], bool]
    open_connections: Counter[str] = field(default_factory=Counter)


class _PatientProtocol(HttpToolsProtocol):
    """The time counts from the connection, or from the first byte after a response."""

    limits: ClassVar[_Limits]
    _impatience: asyncio.TimerHandle | None = None
    _counted: str | None = None
    _head = _header_lines = 0
    _is_in_body = False
    _body = _framing = _chunks = 0
    """Bytes of the current request."""
    _asks_for_upgrade = False
    """Whether the current request asks for another protocol, such as HTTP/2: the parser ends it with its head, whatever its body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        address = _counted_address(transport, self.limits.is_proxy)
        if address is not None:
            self.limits.open_connections[address] += 1
            self._counted = address
            if self.limits.open_connections[address] > self.limits.most_of_an_address:
                transport.abort()
                return
        self._begin_to_wait()

    def data_received(self, data: bytes) -> None:
        requests = id(self.cycle)
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self._impatience is None:
            self._begin_to_wait()
        self._framing += len(data)
        self._parse(data)
        self._framing = max(0, self._framing)
        if id(self.cycle) != requests:
            self._stop_waiting()
        if self._framing > _FRAMING_BYTES + self._body and not self.transport.is_closing():
            self.send_400_response("Invalid HTTP request received.")

    def _parse(self, data: bytes) -> None:
        """As uvicorn's own; but a request that asks for another protocol is read again without that: its body is no other request."""
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not self._asks_for_upgrade:
                    return
                data = self._plain_head() + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return

    def _plain_head(self) -> bytes:
        """The current request's head without the wish for another protocol."""
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._asks_for_upgrade = False
        self._head = self._header_lines = 0
        self._is_in_body = False

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(name, value)
        # What follows the body is no header of the request: a proxy that checks headers does not check it.
        if not self._is_in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= _PIPELINED:
            raise _TooMuchError
        self._asks_for_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._asks_for_upgrade:
            return
        self._is_in_body, self._body, self._chunks = True, 0, 0
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """Begins a chunk."""
        self._chunks += 1
        if self._chunks * _CHUNK_BYTES > _FRAMING_BYTES + self._body:
            raise _TooMuchError

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        self._framing -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._asks_for_upgrade:
            return
        self._framing = 0
        super().on_message_complete()

    def _count(self, *parts: bytes) -> None:
        self._head += sum(map(len, parts))
        self._header_lines += 1
        if self._head > _HEAD_BYTES or self._header_lines > _HEADERS:
            raise _TooMuchError

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._counted is not None:
            counts = self.limits.open_connections
            counts[self._counted] -= 1
            if not counts[self._counted]:
                del counts[self._counted]
            self._counted = None
        super().connection_lost(exc)

    def _begin_to_wait(self) -> None:
        self._impatience = self.loop.call_later(self.limits.seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _give_up(self) -> None:
        self._impatience = None
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()


def _counted_address(transport: asyncio.BaseTransport, is_proxy: Callable[[str], bool]) -> str | None:
    """The client's address, or its network; None for one that is not counted."""
    peer = transport.get_extra_info("peername")
    address = str(peer[0]) if peer else ""
    return None if not address or is_loopback(address) or is_proxy(address) else network_of(address)
