"""Commit waiters: everyone who waits until a journal entry is judged and committed."""

import threading
from concurrent.futures import Future

from models.errors import StateError


class CommitWaiters:
    """Entries are reached in order; an error ends every wait."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._reached = 0
        self._fault: str | None = None
        self._futures: list[tuple[int, Future[None]]] = []

    def for_entry(self, seq: int) -> "Future[None]":
        """Done when `reached` was called for this entry or a later one; StateError after `fail_all`."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # the caller may stop waiting; the entry is judged nevertheless
        with self._guard:
            if self._reached >= seq:
                future.set_result(None)
            elif self._fault is not None:
                future.set_exception(StateError(self._fault))
            else:
                self._futures.append((seq, future))
        return future

    def reached(self, seq: int) -> None:
        """Everything up to this entry is judged and committed."""
        with self._guard:
            self._reached = seq
            done = [future for wanted, future in self._futures if wanted <= seq]
            self._futures = [(wanted, future) for wanted, future in self._futures if wanted > seq]
        for future in done:
            future.set_result(None)

    def fail_all(self, fault: Exception) -> None:
        """No further entry will be judged."""
        with self._guard:
            self._fault = f"the engine stopped: {fault}"
            ended, self._futures = self._futures, []
        for _, future in ended:
            future.set_exception(StateError(self._fault))
