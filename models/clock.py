"""Clocks: where the time comes from, handed in by whoever builds a part, so that tests and the demo can set it."""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall_us`: microseconds since the epoch, may jump. `steady_s`: seconds that never do. `cpu_s`: processor time of this thread."""

    wall_us: Callable[[], int] = lambda: time.time_ns() // 1000
    steady_s: Callable[[], float] = time.monotonic
    cpu_s: Callable[[], float] = time.thread_time


class VirtualClock:
    """A clock for tests that stands still until it is moved: by hand, or by `run`, where waiting takes no time."""

    def __init__(self, wall_us: int = 0) -> None:
        """`wall_us`: the time of day at which it begins."""
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
        """Runs `main` in an event loop that lives by this clock: as soon as all tasks wait, the time of the next one has come.

        What is waited for must come from within the loop; work in other threads would be overtaken by the time.
        """
        with asyncio.Runner(loop_factory=lambda: _VirtualLoop(self)) as runner:
            return runner.run(main)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """Asks `clock` for the time, and moves it on where other loops would sleep."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_NoWaiting(clock))
        self._virtual = clock

    def time(self) -> float:
        """Seconds, as timers of this loop count them."""
        return self._virtual.elapsed_s


class _NoWaiting(selectors.DefaultSelector):
    """Files are looked at, and never waited for while there is a timer."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; else the clock moves on by `timeout`."""
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None and timeout > 0:
            self._clock.advance(timeout)
        return ready
