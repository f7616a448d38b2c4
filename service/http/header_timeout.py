"""HTTP connections with a time limit: a client that sends its request line and headers too slowly is disconnected."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def with_header_timeout(seconds: float) -> type[H11Protocol]:
    """Uvicorn's protocol, closing a connection that has not sent a complete request head within `seconds`."""

    class PatientProtocol(H11Protocol):
        """The time counts from the connection, or from the first byte after a response."""

        _impatience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            self._begin_to_wait()

        def data_received(self, data: bytes) -> None:
            requests = id(self.cycle)
            idle = self.cycle is None or self.cycle.response_complete
            if idle and self._impatience is None:
                self._begin_to_wait()
            super().data_received(data)
            if id(self.cycle) != requests:
                self._stop_waiting()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _begin_to_wait(self) -> None:
            self._impatience = self.loop.call_later(seconds, self._give_up)

        def _stop_waiting(self) -> None:
            if self._impatience is not None:
                self._impatience.cancel()
                self._impatience = None

        def _give_up(self) -> None:
            self._impatience = None
            if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
                self.transport.close()

    return PatientProtocol
