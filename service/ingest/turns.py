"""Turns: heavy work of one token is done one piece at a time, so that many connections of it get no more of the processor than one."""

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """A lock for each token, kept only while somebody uses it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, token: str) -> asyncio.Lock:
        """Held during one piece of work; those who wait get it in their order."""
        lock = self._locks.get(token)
        if lock is None:
            lock = self._locks[token] = asyncio.Lock()
        return lock
