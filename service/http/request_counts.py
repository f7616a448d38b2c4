"""Requests at a time: those that arrive through one proxy share its connections, and are counted by the address that it names."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from service.networks import is_loopback, network_of
from service.problems import answer


class RequestCounts:
    """Answers 429 to a request beyond `most` of one address at a time, event streams included; this machine's own are not counted."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        address, port = scope.get("client") or (None, 0)
        # An address that a proxy named has no port: such a caller is not on this machine, whatever was written into the header.
        if scope["type"] != "http" or (is_loopback(address) and port):
            await self._app(scope, receive, send)
            return
        network = network_of(address)
        if self._open[network] >= self._most:
            detail = f"more than {self._most} requests of this address are open (serve.quotas.connections_per_address): try again later"
            await answer(429, detail, {"Retry-After": "5", "Connection": "close"})(scope, receive, send)
            return
        self._open[network] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[network] -= 1
            if not self._open[network]:
                del self._open[network]
