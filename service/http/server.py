"""Serving: one HTTP server in the foreground, stopped gracefully by SIGTERM or Ctrl-C."""

import asyncio
import gc
import resource
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from models.errors import ConfigurationError
from service.composition import Parts
from service.event_stream import EventStream
from service.http.app import create_app
from service.http.header_timeout import with_header_timeout
from service.networks import proxy_networks
from streams.metrics.encoding import encoded

_GRACE_S = 5
_MOST_FILES = 65_536
_WAITING_CONNECTIONS, _ACCEPTED_AT_ONCE = 2_048, 2
"""New connections wait in the system's queue, and few are accepted between two pieces of other work: asyncio would accept all of them."""
_COLLECT_AFTER = (50_000, 20, 20)
"""Few objects here have cycles: a full collection looks at every declared change, and nobody is answered meanwhile."""
_SWITCH_S = 0.0002
"""How long a thread that computes keeps others from running; Python's own 5 ms are felt at each step of a request."""


class Server(uvicorn.Server):
    """Stops once, without raising the signal again: the monitor must still write its checkpoint."""

    def __init__(
        self,
        app: FastAPI | Starlette,
        events: EventStream,
        read_timeout_s: float,
        started: Callable[[], None] | None = None,
        *,
        most_connections: int = 1_000,
        proxies: Sequence[str] = (),
    ) -> None:
        believed = ProxyHeadersMiddleware(app, list(proxy_networks(proxies)))  # type: ignore[arg-type]  # as Starlette's type of it
        super().__init__(
            uvicorn.Config(
                believed,
                http=with_header_timeout(read_timeout_s, most_connections, believed.trusted_hosts.__contains__),
                proxy_headers=False,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
                timeout_keep_alive=30,
                backlog=_ACCEPTED_AT_ONCE,
                lifespan="on" if started else "off",
            )
        )
        self._events, self._started = events, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then prints the address."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(_WAITING_CONNECTIONS)
        if self._started is not None:
            self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the event streams first: they would never end by themselves."""
        self._events.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask the server to stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._asked_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.handle_exit(number, frame)


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes any free one. Raises ConfigurationError if the address is not available."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio disables Nagle's delay only on sockets that are declared as TCP; with the delay every answer takes 40 ms more.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
        except OSError:
            bound.close()
            raise
    except OSError as fault:
        raise ConfigurationError(f"can't listen on {host}:{port}: {fault.strerror or fault}; choose another with --port") from None
    return bound


def address_of(bound: socket.socket) -> str:
    """`http://host:port` of a listening socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(parts: Parts, started: Callable[[str], None], beside: Callable[[], Awaitable[None]] | None = None) -> None:
    """Serves until it is stopped, or until `beside` is done. The monitor has started already and continues."""
    _allow_many_files()
    share_the_processor()
    with listening_socket(parts.parameters.host, parts.parameters.port) as bound:
        asyncio.run(_serve(parts, bound, started, beside))


def share_the_processor() -> None:
    """Threads wait for each other only briefly, and for the garbage collector rarely.

    What has been loaded until now is never looked at again by the garbage collector, and the rest not at every few hundred objects.
    """
    sys.setswitchinterval(_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _allow_many_files() -> None:
    """As many open connections as the system lets this process have, instead of the 1,024 that shells begin with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(parts: Parts, bound: socket.socket, started: Callable[[str], None], beside: Callable[[], Awaitable[None]] | None) -> None:
    ready = asyncio.Event()

    def on_started() -> None:
        started(address_of(bound))
        ready.set()

    parameters = parts.parameters
    server = Server(
        create_app(parts),
        parts.events,
        parameters.read_timeout_s,
        on_started,
        most_connections=parameters.quotas.connections_per_address,
        proxies=parameters.trusted_proxies,
    )
    serving = asyncio.create_task(server.serve([bound]))
    tasks = [asyncio.create_task(task) for task in (_metrics(parts), _beside(ready, beside, server)) if task is not None]
    try:
        await serving
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _beside(ready: asyncio.Event, beside: Callable[[], Awaitable[None]] | None, server: Server) -> None:
    if beside is not None:
        await ready.wait()
        try:
            await beside()
        finally:
            server.should_exit = True


async def _metrics(parts: Parts) -> None:
    """`/metrics` on its own port, if one is set: without a token, for a network that only Prometheus can reach."""
    parameters = parts.parameters
    if parameters.metrics_port is None:
        return

    def answer(request: Request) -> Response:
        text, content_type = encoded(parts.registry, request.headers.get("accept", ""))
        return Response(text, media_type=content_type)

    with listening_socket(parameters.host, parameters.metrics_port) as bound:
        await Server(Starlette(routes=[Route("/metrics", answer)]), parts.events, parameters.read_timeout_s).serve([bound])
