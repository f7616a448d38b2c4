"""The event stream's buffer: the newest records, and a notification for every listener."""

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from service.access import DESK, Principal, sees_record
from service.ingest.turns import Turns
from service.store.database import Database
from service.store.records import CHANGE, Logged, last_seq, log_after

_KEPT = 1000
_READ = 500
_SENT = 100
"""Maximum number of records that a listener gets at a time: others have their turn in between."""
_WAIT_A_LISTENER_S, _LONGEST_WAIT_S = 0.0005, 0.2
"""How long new records wait for more of them, for each open stream: waking a thousand streams costs a tenth of a second."""


class EventStream:
    """Listeners wait on it; committed records are published to it from the writer's thread, in log order."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: list[Logged] = []
        self._guard = threading.Lock()
        self._last = database.read(last_seq)
        self._oldest_missing = self._last
        """Rows up to this one are in the data file only."""
        self._bell: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.catching_up = Turns()
        """Streams of one share that send many old records do so one at a time."""
        self.listeners: Counter[str] = Counter()
        """Open streams of each token."""
        self._closed = self._is_ring_due = False
        self._announced: deque[Logged] = deque(maxlen=_KEPT)
        """Events for listeners that are not in the log have no position (0)."""
        self._announced_total = 0

    @property
    def last_seq(self) -> int:
        """Position of the newest record."""
        return self._last

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listeners run in this loop."""
        self._loop, self._bell = loop, asyncio.Event()

    def close(self) -> None:
        """Let every listener end: the monitor is stopping."""
        self._closed = True
        self.ring()

    def publish(self, logged: Sequence[Logged]) -> None:
        """Adds records that were just committed; from the writer's thread, in the order of the log."""
        if not logged:
            return
        with self._guard:
            self._take_back(logged)
            self._recent.extend(logged)
            self._last = logged[-1].seq
            if len(self._recent) > 2 * _KEPT:
                cut = len(self._recent) - _KEPT
                self._oldest_missing = self._recent[cut - 1].seq
                del self._recent[:cut]
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring_soon)

    def announce(self, kind: str, content: Mapping[str, Any]) -> None:
        """Notifies the triage desk at once of an event that is not a record; other readers find it in a list. From the loop."""
        self._announced.append(Logged(0, kind, DESK, "", json.dumps(content, ensure_ascii=False).encode(), ""))
        self._announced_total += 1
        self.ring()

    def _announced_since(self, announced_before: int) -> list[Logged]:
        fresh = min(self._announced_total - announced_before, len(self._announced))
        return list(self._announced)[-fresh:] if fresh else []

    def _take_back(self, logged: Sequence[Logged]) -> None:
        """Content that a change's new revision hides from somebody is removed from the data file; it is removed here too."""
        shown = {(one.id, one.audience) for one in logged if one.kind == CHANGE}
        revised = {one.id for one in logged if one.kind == CHANGE and one.audience == DESK}
        if revised:
            self._recent = [one for one in self._recent if one.kind != CHANGE or one.id not in revised or (one.id, one.audience) in shown]

    def _ring_soon(self) -> None:
        """Many records at short intervals wake many listeners once."""
        if self._loop is not None and not self._is_ring_due:
            self._is_ring_due = True
            self._loop.call_later(min(_LONGEST_WAIT_S, self.listeners.total() * _WAIT_A_LISTENER_S), self.ring)

    def ring(self) -> None:
        """Wake every listener. From the loop."""
        self._is_ring_due = False
        if self._bell is not None:
            self._bell.set()
            self._bell = asyncio.Event()

    def _after(self, seq: int) -> list[Logged] | None:
        """The next records from the buffer; None if they are only in the data file."""
        with self._guard:
            if seq < self._oldest_missing:
                return None
            low, high = 0, len(self._recent)
            while low < high:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if self._recent[middle].seq <= seq else (low, middle)
            return self._recent[low : low + _READ]

    @contextmanager
    def counted(self, principal: Principal) -> Iterator[None]:
        """Active while a token's stream is open."""
        self.listeners[principal.id] += 1
        try:
            yield
        finally:
            self.listeners[principal.id] -= 1
            self.listeners += Counter()  # removes tokens with no open stream

    async def listen(
        self, principal: Principal, after_seq: int, quiet_s: float, is_over: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[list[Logged]]:
        """What the principal may see after `after_seq`, each once and in order, a few at a time; nothing when nothing came for `quiet_s`.

        It ends once `is_over`, which is asked whenever `ring` was called.
        """
        if self._bell is None:
            raise RuntimeError("attach the hub to a loop first")
        loop = asyncio.get_running_loop()
        spoke_s, announced_before = loop.time(), self._announced_total
        while not self._closed and not is_over():
            bell, remembered = self._bell, self._after(after_seq)
            announced, announced_before = self._announced_since(announced_before), self._announced_total
            if remembered is None:
                batch, after_seq = await self._from_file(principal, after_seq)
            else:
                batch, after_seq = remembered, remembered[-1].seq if remembered else after_seq
            seen = [logged for logged in (*batch, *announced) if sees_record(principal, logged.audience, logged.owner)]
            for start in range(0, len(seen), _SENT):
                if is_over():
                    return
                yield seen[start : start + _SENT]
                spoke_s = loop.time()
            if batch or announced:
                continue
            # Notifications for others' records must neither delay a heartbeat nor be visible in its timing.
            with suppress(TimeoutError):
                async with asyncio.timeout_at(spoke_s + quiet_s):
                    await bell.wait()
                    continue
            yield []
            spoke_s = loop.time()

    async def _from_file(self, principal: Principal, seq: int) -> tuple[list[Logged], int]:
        """For one stream of a share at a time."""
        async with self.catching_up.of(principal.share.name):
            return await asyncio.to_thread(self._database.read, partial(log_after, principal=principal, seq=seq, limit=_READ))
