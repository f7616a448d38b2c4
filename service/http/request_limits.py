"""Request limits: a body that is too large or too slow is ended early; headers that protect browsers."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import answer

_CHANGES_LIMIT = 8 * 1_048_576
"""Maximum bytes of `POST /v1/changes`: room for 1,000 changes with all their texts."""
_OTHER_LIMIT = 1_048_576
"""Maximum bytes of any other body."""
_QUIET_S = 1.0
"""A refused client that sends nothing for so long has read the answer, or never will."""
_LINGER_S = 10.0
_LINGER_BYTES = 256_000_000
_LINGER_RATE = 40_000_000
"""Bytes a second that are read of all bodies together whose answer is given already: nobody's body is worth others' time then."""
_KEPT_OPEN = 65_536
"""Bytes of a body beyond which its connection ends with an answer that was given before all of it came."""


class _TooLargeError(Exception):
    """The body exceeded its limit while it was read."""


class _TooSlowError(Exception):
    """The body did not arrive in time."""


@dataclass(slots=True)
class _Body:
    """What is known of a request's body."""

    comes_anyway: bool
    """Whether the client sends it whatever the answer is."""
    whole: bool = False


class _Linger:
    """Reads on where the answer is given already, slowly, for all such bodies together."""

    def __init__(self) -> None:
        self._free_s = 0.0
        """When the next piece may be read."""

    async def read(self, receive: Receive) -> None:
        """Until the body ends, or long enough."""
        loop, seen = asyncio.get_running_loop(), 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while seen < _LINGER_BYTES:
                    message = await asyncio.wait_for(receive(), _QUIET_S)
                    size = len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
                    seen += size
                    self._free_s = max(self._free_s, loop.time()) + size / _LINGER_RATE
                    await asyncio.sleep(self._free_s - loop.time())


class Limits:
    """Answers 413 from the declared length alone, or as soon as more than the limit came; 408 for a body that does not arrive."""

    def __init__(self, app: ASGIApp, events_limit: int, read_timeout_s: float) -> None:
        self._app, self._events_limit, self._timeout_s = app, events_limit, read_timeout_s
        self._linger = _Linger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = {"/v1/events": self._events_limit, "/v1/changes": _CHANGES_LIMIT}.get(scope["path"], _OTHER_LIMIT)
        if _declared(scope) > limit:
            await self._refuse(_too_large(limit), receive, send)
            return
        started = False
        body = _Body(_comes_anyway(scope))

        async def noted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if body.comes_anyway and not body.whole and not 0 < _declared(scope) <= _KEPT_OPEN:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            ends = message["type"] == "http.response.body" and not message.get("more_body")
            if ends and body.comes_anyway and not body.whole:
                await send({**message, "more_body": True})
                await self._linger.read(receive)
                message = _END
            await send(message)

        try:
            await self._app(scope, self._counted(receive, limit, body), noted)
        except (_TooLargeError, _TooSlowError) as fault:
            if started:
                return
            await self._refuse(_too_large(limit) if isinstance(fault, _TooLargeError) else _too_slow(), receive, send)

    async def _refuse(self, response: Response, receive: Receive, send: Send) -> None:
        """Answers at once, then continues to read: closing while the client still sends would reset the connection and lose the answer."""
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        await self._linger.read(receive)
        await send(_END)

    def _counted(self, receive: Receive, limit: int, body: _Body) -> Callable[[], Any]:
        seen = 0
        loop, left_s = asyncio.get_running_loop(), self._timeout_s

        async def counted() -> Message:
            nonlocal seen, left_s
            if body.whole:
                return await receive()
            began_s = loop.time()
            try:
                async with asyncio.timeout(left_s):
                    message = await receive()
            except TimeoutError:
                raise _TooSlowError from None
            finally:
                # What a request waits for its turn between two parts is not its client's time.
                left_s -= loop.time() - began_s
            seen += len(message.get("body", b""))
            body.whole = not message.get("more_body", False)
            if seen > limit:
                raise _TooLargeError
            return message

        return counted


def _comes_anyway(scope: Scope) -> bool:
    names = {name for name, value in scope["headers"] if name != b"content-length" or value != b"0"}
    return b"expect" not in names and not names.isdisjoint((b"content-length", b"transfer-encoding"))


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _too_large(limit: int) -> Response:
    return answer(413, f"the body is more than {limit} bytes: send smaller ones", {"Connection": "close"})


def _too_slow() -> Response:
    return answer(408, "the request did not arrive in time", {"Connection": "close"})


_END: Message = {"type": "http.response.body", "body": b""}
_HEADERS = [
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]


class SafeHeaders:
    """Adds headers that protect browsers; responses of the API are never cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                extra = [*_HEADERS, (b"cache-control", b"no-cache" if scope["path"].startswith("/page/") else b"no-store")]
                message["headers"] = [*message["headers"], *((name, value) for name, value in extra if name not in given)]
            await send(message)

        await self._app(scope, receive, dressed)
