"""Intake: accepts input, writes it to the journal in groups, and passes it on in the order of the journal."""

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from models.clock import Clock
from models.columns import EventBatch
from models.errors import HighwaterError
from service.ingest.journal import EVENTS, Entry, Journal, NewEntry

_GROUP = 64
"""Entries that share one flush at most."""
_SHARE = 2
"""Maximum share of the backlog for one stream (1 / 2), so that room for other streams remains."""
_BUSY = "more events are waiting than can be judged now: send this again after the time in Retry-After"


class BusyError(HighwaterError):
    """More input is waiting for judgement than the backlog allows: try again later."""


class StoppingError(HighwaterError):
    """The monitor is stopping."""


class UnreachableError(HighwaterError):
    """The process that judges the events can't be reached: try again later."""


class RemoteIntake(Protocol):
    """Accepts posted events where another process judges them."""

    def take(self, batch: EventBatch) -> None:
        """Returns when everything is safe there. Raises BusyError or UnreachableError."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry that is safe on disk, with what was decoded from it."""

    entry: Entry
    payload: Any
    """EventBatch, list of changes, or None, by the entry's kind."""
    weight: int = 0
    """Bytes that it counts for while it waits: those of the inflated body."""


class _Submitted(NamedTuple):
    draft: NewEntry
    payload: Any
    weight: int
    future: "Future[Entry]"


@dataclass(slots=True)
class _Stream:
    seen_s: float
    idle: bool = False
    sent: bool = True
    """False for one that was active before a restart and has sent nothing since."""


class Intake:
    """One thread writes the journal; the submitter waits on the future, which is done when the entry is on disk."""

    def __init__(self, journal: Journal, clock: Clock, backlog_bytes: int, elsewhere: RemoteIntake | None = None) -> None:
        self.taken: queue.SimpleQueue[Taken | None] = queue.SimpleQueue()
        """The next entries to judge, in journal order; None at the end."""
        self.fault: str | None = None
        """Why the journal can't be written at the moment."""
        self.elsewhere = elsewhere
        """Where posted events go, if they are not judged here."""
        self._journal = journal
        self._clock = clock
        self._limit = backlog_bytes
        self._waiting = self._expected = 0
        self._held: Counter[str] = Counter()
        """Bytes that each stream has in flight: read, waiting or being judged."""
        self._guard = threading.Lock()
        self._drafts: queue.SimpleQueue[_Submitted | None] = queue.SimpleQueue()
        self._streams: dict[str, _Stream] = {}
        self._forwarded_s: dict[str, float] = {}
        """Stream → when it last sent something that is judged elsewhere."""
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        """Bytes accepted and not judged yet."""
        return self._waiting

    def check_room(self) -> None:
        """Raises BusyError while the backlog is full: call it before reading a body."""
        if self._waiting >= self._limit:
            raise BusyError(_BUSY)

    @contextmanager
    def expecting(self, size: int, stream: str = "") -> Iterator[None]:
        """Reserves room while a body of `size` bytes is read and decoded for `stream`.

        Raises BusyError if it does not fit, or exceeds the stream's share; a single body is always accepted.
        """
        with self._guard:
            held = self._waiting + self._expected
            if held and held + size > self._limit:
                raise BusyError(_BUSY)
            own = self._held[stream]
            if own and own + size > self._limit // _SHARE:
                raise BusyError(f"this token has {own} bytes in flight and may have {self._limit // _SHARE}: wait for the answers first")
            self._expected += size
            self._held[stream] += size
        try:
            yield
        finally:
            with self._guard:
                self._expected -= size
                self._let_go(stream, size)

    def submit(
        self, kind: int, stream: str, body: bytes, payload: Any, arrived_us: int, key: str = "", weight: int | None = None
    ) -> "Future[Entry]":
        """Accepts one input, which counts `weight` bytes (default: its size) until it is judged.

        Raises BusyError or StoppingError; the future raises OSError if the disk refuses.
        """
        counted = len(body) if weight is None else weight
        future: Future[Entry] = Future()
        future.set_running_or_notify_cancel()  # the submitter may stop waiting; the entry is written nevertheless
        with self._guard:
            if self._closed:
                raise StoppingError("the monitor is stopping: send this again later")
            if kind == EVENTS:
                self.check_room()
                self._streams[stream] = _Stream(self._clock.steady_s())
            self._waiting += counted
            self._held[stream] += counted
            self._drafts.put(_Submitted(NewEntry(kind, arrived_us, stream, key, body), payload, counted, future))
        return future

    def judged(self, taken: Taken) -> None:
        """It no longer counts as waiting."""
        with self._guard:
            self._waiting -= taken.weight
            self._let_go(taken.entry.stream, taken.weight)

    def _let_go(self, stream: str, size: int) -> None:
        self._held[stream] -= size
        if self._held[stream] <= 0:
            del self._held[stream]

    def quiet_s(self) -> dict[str, float]:
        """Stream → seconds since its last input."""
        now_s = self._clock.steady_s()
        with self._guard:
            seen_s = {name: stream.seen_s for name, stream in self._streams.items()} | self._forwarded_s
            return {name: now_s - at_s for name, at_s in seen_s.items()}

    def sent(self) -> set[str]:
        """Streams that brought something since the start."""
        with self._guard:
            return {name for name, stream in self._streams.items() if stream.sent} | set(self._forwarded_s)

    def forwarded(self, stream: str) -> None:
        """The stream sent something that is safe where it is judged."""
        with self._guard:
            self._forwarded_s[stream] = self._clock.steady_s()

    def newly_idle(self, idle_s: float) -> list[str]:
        """Streams without input for `idle_s`; each is returned once until it brings something again."""
        now_s = self._clock.steady_s()
        with self._guard:
            fallen = [name for name, stream in self._streams.items() if not stream.idle and now_s - stream.seen_s > idle_s]
            for name in fallen:
                self._streams[name].idle = True
        return sorted(fallen)

    def undo_idle(self, stream: str) -> None:
        """The idle entry could not be written: it is returned again next time."""
        with self._guard:
            self._streams[stream].idle = False

    def remember(self, streams: set[str]) -> None:
        """Streams that were active before a restart: their pause counts from now."""
        for name in streams:
            self._streams.setdefault(name, _Stream(self._clock.steady_s(), sent=False))

    def close(self) -> None:
        """Writes everything that was submitted, then stops."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._drafts.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while (first := self._drafts.get()) is not None:
            group, last = [first], False
            while len(group) < _GROUP and not self._drafts.empty():
                item = self._drafts.get()
                if item is None:
                    last = True
                    break
                group.append(item)
            self._write(group)
            if last:
                break
        self.taken.put(None)

    def _write(self, group: "list[_Submitted]") -> None:
        try:
            entries = self._journal.append([one.draft for one in group])
        except OSError as fault:
            self.fault = f"the journal can't be written: {fault.strerror or fault}"
            with self._guard:
                for one in group:
                    self._waiting -= one.weight
                    self._let_go(one.draft.stream, one.weight)
            for one in group:
                one.future.set_exception(fault)
            return
        self.fault = None
        for entry, one in zip(entries, group, strict=True):
            self.taken.put(Taken(entry, one.payload, one.weight))
            one.future.set_result(entry)
