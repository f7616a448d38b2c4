"""Serving: one HTTP server in the foreground, stopped gracefully by SIGTERM or Ctrl-C."""

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.errors import ConfigurationError
from service.http.app import create_app
from service.http.header_timeout import with_header_timeout
from service.monitor import Monitor
from streams.metrics.encoding import encoded

_GRACE_S = 5


class Server(uvicorn.Server):
    """Stops once, without raising the signal again: the monitor still has its checkpoint to write."""

    def __init__(self, app: FastAPI | Starlette, monitor: Monitor, started: Callable[[], None] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=with_header_timeout(monitor.parameters.read_timeout_s),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
                timeout_keep_alive=30,
                lifespan="on" if started else "off",
            )
        )
        self._monitor, self._told = monitor, started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self._told is not None:
            self._told()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams first: they would never end by themselves."""
        self._monitor.hub.close()
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
    """A bound socket; port 0 takes any free one. Raises ConfigurationError if the address can't be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio turns Nagle's delay off only on sockets that say they are TCP; with it every answer takes 40 ms more.
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


def serve(monitor: Monitor, started: Callable[[str], None], beside: Callable[[], Awaitable[None]] | None = None) -> None:
    """Serve until asked to stop, or until `beside` is done. The monitor is open already and stays open."""
    parameters = monitor.parameters
    with listening_socket(parameters.host, parameters.port) as bound:
        asyncio.run(_serve(monitor, bound, started, beside))


async def _serve(
    monitor: Monitor, bound: socket.socket, started: Callable[[str], None], beside: Callable[[], Awaitable[None]] | None
) -> None:
    ready = asyncio.Event()

    def told() -> None:
        started(address_of(bound))
        ready.set()

    server = Server(create_app(monitor), monitor, told)
    serving = asyncio.create_task(server.serve([bound]))
    tasks = [asyncio.create_task(task) for task in (_metrics(monitor), _beside(ready, beside, server)) if task is not None]
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


async def _metrics(monitor: Monitor) -> None:
    """`/metrics` on a port of its own, where one is set: without a token, for a network that only Prometheus reaches."""
    if monitor.parameters.metrics_port is None:
        return

    def answer(request: Request) -> Response:
        text, content_type = encoded(monitor.registry, request.headers.get("accept", ""))
        return Response(text, media_type=content_type)

    with listening_socket(monitor.parameters.host, monitor.parameters.metrics_port) as bound:
        await Server(Starlette(routes=[Route("/metrics", answer)]), monitor).serve([bound])
