"""Clocks: the source of time. Whoever builds a part passes the clock in, so that tests and the demo can set it."""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall_us`: microseconds since the epoch; it may jump. `steady_s`: seconds; it never jumps. `cpu_s`: processor time of this thread."""

    wall_us: Callable[[], int] = lambda: time.time_ns() // 1000
    steady_s: Callable[[], float] = time.monotonic
    cpu_s: Callable[[], float] = time.thread_time


class VirtualClock:
    """A clock for tests. It moves only when it is moved: by hand, or by `run`, in which waiting takes no time."""

    def __init__(self, wall_us: int = 0) -> None:
        """`wall_us`: the time of day at which the clock starts."""
        self._began_us = wall_us
        self.elapsed_s = 0.0

    @property
    def clock(self) -> Clock:
        """What parts take."""
        return Clock(lambda: self._began_us + round(self.elapsed_s * 1e6), lambda: self.elapsed_s, lambda: self.elapsed_s)

    def advance(self, seconds: float) -> None:
        """Moves it on."""
        self.elapsed_s += seconds

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs `main` in an event loop that uses this clock: as soon as all tasks wait, the clock moves to the next timer.

        Everything that the tasks wait for must come from within the loop. The clock would not wait for work in other threads.
        """
        with asyncio.Runner(loop_factory=lambda: _VirtualLoop(self)) as runner:
            return runner.run(main)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """Reads the time from `clock`, and advances the clock where other event loops would sleep."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_NoWaiting(clock))
        self._virtual = clock

    def time(self) -> float:
        """Seconds, in the unit of this loop's timers."""
        return self._virtual.elapsed_s


class _NoWaiting(selectors.DefaultSelector):
    """Files are polled. The loop never waits for a file while a timer is pending."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The files that are ready now; if none is, the clock advances by `timeout`."""
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None and timeout > 0:
            self._clock.advance(timeout)
        return ready
