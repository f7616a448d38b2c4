"""Fair shares: of one User's or token's requests only a few are worked on at a time; its others wait, and nobody else's wait with them."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import MOVE, Share
from service.networks import network_of
from service.problems import answer

_APART = ("/v1/events", "/v1/stream")
"""Events take turns by themselves, and streams are counted by themselves."""
_HEALTH = ("/healthz", "/readyz")
"""Whether the monitor lives is answered whatever else waits; those who ask it from one address share a turn of their own."""
_TRIAL = re.compile("/v1/subscriptions/[^/]+/test")
"""A trial message waits for its receiver, and costs no work meanwhile."""
_OF_DESK = 4
"""A token of the desk is used by several people: so many times more of its requests are worked on at a time."""
_CREDIT_S = 3.0
"""Work that a share may do without a pause: a page that is opened on a slow machine."""
_CHARGED_S, _FILE_CHARGED_S = 1.0, 0.005
"""The most that one request is charged with, and one for a file of the page: those are kept in memory, and a page asks for fifty."""
_FILES = "/page/"
_PART = 0.5
"""The part of the time in which a share works beyond its credit, while others are there: the rest is everybody else's."""
_ALONE_AFTER_S = 1.0
_MOST_SHARES = 1_000

ShareOf = Callable[[HTTPConnection], Share | None]
"""None for a request whose secret did not work here before: it uses the share of its address."""


@dataclass(slots=True)
class _Requests:
    """The requests of one share."""

    slots: asyncio.Semaphore
    of_desk: bool
    open: int = 0
    credit_s: float = _CREDIT_S
    seen_s: float = 0.0
    """When one of them came, or was done with."""

    def charge(self, worked_s: float, now_s: float) -> float:
        """Pays for work that was done; the pause (s) after which the share is not in debt."""
        self.credit_s = min(_CREDIT_S, self.credit_s + (now_s - self.seen_s) * _PART) - min(worked_s, _CHARGED_S)
        self.seen_s = now_s
        return max(0.0, -self.credit_s / _PART)


class FairShares:
    """At most `at_once` requests of a share are worked on at a time, in their order; 429 to one beyond `waiting` that wait."""

    def __init__(self, app: ASGIApp, share_of: ShareOf, at_once: int, waiting: int) -> None:
        self._app, self._share_of, self._at_once, self._waiting = app, share_of, at_once, waiting
        self._requests: dict[str, _Requests] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] in _APART or _TRIAL.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        share = self._share_of_request(scope)
        requests = self._of(share)
        if requests.open >= self._at_once_of(share) + self._waiting:
            detail = f"more than {self._waiting} requests of this User, token or address wait (serve.quotas.requests_waiting)"
            await answer(429, f"{detail}: try again later", {"Retry-After": "1"})(scope, receive, send)
            return
        most_s = _FILE_CHARGED_S if scope["path"].startswith(_FILES) else _CHARGED_S
        slot = _Slot(requests, self._is_alone, most_s)
        scope[MOVE] = partial(self._move, slot)
        try:
            await self._in_turn(slot, scope, receive, send)
        finally:
            slot.requests.open -= 1

    def _share_of_request(self, scope: Scope) -> Share:
        if scope["path"] in _HEALTH:
            return Share(f"health of {_address(scope)}")
        return self._share_of(HTTPConnection(scope)) or Share(f"address {_address(scope)}")

    async def _move(self, slot: "_Slot", share: Share) -> None:
        await slot.move_to(self._of(share))

    def _at_once_of(self, share: Share) -> int:
        return self._at_once * (_OF_DESK if share.of_desk else 1)

    def _of(self, share: Share) -> _Requests:
        requests = self._requests.get(share.name)
        if requests is None:
            if len(self._requests) >= _MOST_SHARES:
                self._requests = {name: one for name, one in self._requests.items() if one.open}
            requests = self._requests[share.name] = _Requests(asyncio.Semaphore(self._at_once_of(share)), share.of_desk)
        return requests

    def _is_alone(self, requests: _Requests, now_s: float) -> bool:
        return not any(now_s - other.seen_s < _ALONE_AFTER_S for other in self._requests.values() if other is not requests)

    async def _in_turn(self, slot: "_Slot", scope: Scope, receive: Receive, send: Send) -> None:
        waited = slot.is_taken
        try:
            await slot.take()
            receive = slot.receiving(receive)
            # A request that is read only has no body: what comes after its end is that its client went away.
            if waited and scope["method"] in ("GET", "HEAD"):
                first = await receive()
                if first["type"] == "http.disconnect" or (not first.get("more_body") and await _is_gone(receive)):
                    return
                receive = _again(first, receive)
            await self._app(scope, receive, slot.sending(send))
        finally:
            slot.leave()


class _Slot:
    """One request's place among those that are worked on; it is left while the request waits for its client."""

    def __init__(self, requests: _Requests, is_alone: Callable[[_Requests, float], bool], most_s: float) -> None:
        self.requests, self._is_alone, self._most_s, self._loop = requests, is_alone, most_s, asyncio.get_running_loop()
        self._since_s: float | None = None
        requests.open += 1

    @property
    def is_taken(self) -> bool:
        """Whether this request has to wait."""
        return self.requests.slots.locked()

    async def move_to(self, requests: _Requests) -> None:
        """The request turns out to be of another share: it waits for its turn there, and for nobody of its address."""
        if requests is self.requests:
            return
        self.leave()
        self.requests.open -= 1
        self.requests = requests
        requests.open += 1
        await self.take()

    async def take(self) -> None:
        """Waits for its turn."""
        await self.requests.slots.acquire()
        self._since_s = self._loop.time()
        # Requests that never wait for anything would all be answered in one round of the event loop otherwise.
        await asyncio.sleep(0)

    def leave(self) -> None:
        """The next request's turn; a share in debt makes a pause before it, unless it is alone."""
        if self._since_s is None:
            return
        now_s, since_s = self._loop.time(), self._since_s
        self._since_s = None
        pause_s = self.requests.charge(min(now_s - since_s, self._most_s), now_s)
        if pause_s and not self.requests.of_desk and not self._is_alone(self.requests, now_s):
            self._loop.call_later(pause_s, self.requests.slots.release)
        else:
            self.requests.slots.release()

    def receiving(self, receive: Receive) -> Receive:
        """`receive`, which leaves the slot as long as the body does not arrive."""

        async def received() -> Message:
            message = await _at_once(receive)
            if message is not None:
                return message
            self.leave()
            message = await receive()
            await self.take()
            return message

        return received

    def sending(self, send: Send) -> Send:
        """`send`, which leaves the slot for the last part: the client may take it slowly."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.leave()
            await send(message)

        return sent


async def _at_once(receive: Receive) -> Message | None:
    """What arrived already."""
    try:
        async with asyncio.timeout(0):
            return await receive()
    except TimeoutError:
        return None


async def _is_gone(receive: Receive) -> bool:
    message = await _at_once(receive)
    return message is not None and message["type"] == "http.disconnect"


def _again(first: Message, receive: Receive) -> Receive:
    kept = [first]

    async def received() -> Message:
        return kept.pop() if kept else await receive()

    return received


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return network_of(client[0]) if client else ""
