"""Open streams: each ends as soon as the token or the session that it began with no longer works."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.access import Principal
from service.auth.authentication import SignIn

_LOOK_S = 1.0
"""How often all are looked up together: a token may end by its time, or by another program."""


class OpenStreams:
    """Looks up what the open streams began with, once a second and whenever a token or a session was ended here."""

    def __init__(self, authentication: SignIn, ring: Callable[[], None]) -> None:
        """`ring` wakes all listeners, from the event loop."""
        self._authentication, self._ring = authentication, ring
        self._open: Counter[Principal] = Counter()
        self._ended: set[Principal] = set()
        self._soon = asyncio.Event()

    @contextmanager
    def opened(self, principal: Principal) -> Iterator[Callable[[], bool]]:
        """While a stream is open; what it gives says whether it is over."""
        self._open[principal] += 1
        try:
            yield lambda: principal in self._ended
        finally:
            self._open[principal] -= 1
            if not self._open[principal]:
                del self._open[principal]
                self._ended.discard(principal)

    def look_soon(self) -> None:
        """A token or a session was ended: look now."""
        self._soon.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._soon.clear()
            watched = [principal for principal in self._open if principal not in self._ended]
            if watched:
                over = await asyncio.to_thread(self._authentication.ended, watched)
                self._ended |= {principal for principal in over if principal in self._open}
                if over:
                    self._ring()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._soon.wait()
            except TimeoutError:
                continue
