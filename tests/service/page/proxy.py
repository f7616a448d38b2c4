"""A reverse proxy's part in trouble: it forwards, or answers what a proxy answers while the monitor behind it is away."""

import asyncio
import threading
from contextlib import suppress
from urllib.parse import urlsplit

_HTML = b"<html><body><h1>Maintenance</h1></body></html>"
_STATUS = {"502": b"502 Bad Gateway", "503": b"503 Service Unavailable", "429": b"429 Too Many Requests", "400": b"400 Bad Request"}


class Proxy:
    """`answer("502")`, `answer("html")`, `answer("closed")`, `answer("silence")`; `answer(None)` forwards again."""

    def __init__(self, target: str) -> None:
        target_url = urlsplit(target)
        self._target = target_url.hostname or "", target_url.port or 80
        self._fault: str | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop).result(10)
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def answer(self, fault: str | None) -> None:
        """From now on; connections that are open end, unless nothing is to be heard at all."""
        self._fault = fault
        if fault != "silence":
            self._loop.call_soon_threadsafe(self._cut)

    def lead_to(self, target: str) -> None:
        """From now on, to another address."""
        target_url = urlsplit(target)
        self._target = target_url.hostname or "", target_url.port or 80

    def close(self) -> None:
        """End everything."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        self._cut()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _cut(self) -> None:
        for writer in self._open:
            writer.close()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._fault is None:
                await self._forward(reader, writer)
            elif self._fault == "silence":
                await asyncio.sleep(3600)
            elif self._fault != "closed":
                await reader.readuntil(b"\r\n\r\n")
                status = _STATUS.get(self._fault, b"200 OK")
                extra = b"Retry-After: 1\r\n" if self._fault in ("429", "503") else b""
                head = b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n"
                writer.write(head % (status, len(_HTML), extra) + _HTML)
                await writer.drain()
        writer.close()
        self._open.discard(writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._open.add(far_writer)
        await asyncio.gather(self._pipe(reader, far_writer, up=True), self._pipe(far_reader, writer, up=False))
        self._open.discard(far_writer)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with suppress(OSError):
            while (part := await reader.read(65536)) and self._fault in (None, "silence"):
                if self._fault == "silence":
                    await asyncio.sleep(3600)
                if up:
                    part = part.replace(
                        self.address.removeprefix("http://").encode(), b"%s:%d" % (self._target[0].encode(), self._target[1])
                    )
                writer.write(part)
                await writer.drain()
        writer.close()
