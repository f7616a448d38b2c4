"""Watermarks: the progress of each stream in event time, which decides the windows that can close."""

from typing import Any

import numpy as np

from models.columns import Ints
from models.times import SECOND_US

NEVER = -(1 << 62)
"""Earlier than every instant, µs."""


class Watermarks:
    """One watermark per stream. Windows close on the lowest one of the active streams, and a closed window stays closed."""

    def __init__(self, allowed_lateness_s: int) -> None:
        self._lateness_us = allowed_lateness_s * SECOND_US
        self._highest: dict[str, int] = {}
        self._idle: set[str] = set()
        self._released_us = NEVER
        """Highest time of the held events: it counts at the end of the input only."""
        self._closed_us = NEVER

    @property
    def closed_us(self) -> int:
        """Windows that end at or before it are closed; NEVER before the first event."""
        return self._closed_us

    def before_each(self, stream: str, window_end_us: Ints, observed_us: Ints) -> Ints:
        """(n,) the value of `closed_us` just before each of n events of `stream`, in input order; late events do not move it."""
        own = self._own(stream, window_end_us, observed_us)
        # An idle stream closes nothing before its first event activates it.
        before = np.concatenate(([NEVER if stream in self._idle else self._highest.get(stream, NEVER)], own[:-1]))
        return np.asarray(np.maximum(self._closed_us, np.minimum(before, self._others(stream)) - self._lateness_us))

    def advance(self, stream: str, window_end_us: Ints, observed_us: Ints) -> None:
        """Processes n events of `stream`, which becomes active."""
        if len(observed_us) == 0:
            return
        highest = int(self._own(stream, window_end_us, observed_us)[-1])
        if highest > NEVER:
            self._highest[stream] = highest
            self._idle.discard(stream)
            self._close()

    def catch_up(self, window_end_us: Ints, observed_us: Ints) -> None:
        """Processes n events that were held. Their sender's clock is not reliable, so they move no watermark before the end."""
        self._released_us = max(self._released_us, int(observed_us[window_end_us > self._closed_us].max(initial=NEVER)))

    def expect(self, stream: str) -> None:
        """Windows wait for `stream` before its first event, until it is idle."""
        self._highest.setdefault(stream, NEVER)

    def idle(self, stream: str) -> None:
        """`stream` no longer holds the others back, until its next event."""
        if stream in self._highest:
            self._idle.add(stream)
            self._close()

    def follow(self, watermark_us: int) -> None:
        """Remote streams have reached `watermark_us`."""
        self._closed_us = max(self._closed_us, watermark_us)

    def finish(self) -> None:
        """The end of the input: the watermark of every stream is its highest event."""
        self._closed_us = max(self._closed_us, self._released_us, *self._highest.values())

    def _own(self, stream: str, window_end_us: Ints, observed_us: Ints) -> Ints:
        counted = np.where(window_end_us > self._closed_us, observed_us, NEVER)
        return np.maximum(np.maximum.accumulate(counted), self._highest.get(stream, NEVER))

    def _others(self, stream: str) -> int:
        return min((at for name, at in self._highest.items() if name != stream and name not in self._idle), default=-NEVER)

    def _close(self) -> None:
        active = [at for name, at in self._highest.items() if name not in self._idle]
        if active:
            self._closed_us = max(self._closed_us, min(active) - self._lateness_us)

    def pack(self) -> Any:
        """State as a tree."""
        return {
            "highest": {name: self._highest[name] for name in sorted(self._highest)},
            "idle": sorted(self._idle),
            "released": self._released_us,
            "closed": self._closed_us,
        }

    @classmethod
    def unpack(cls, allowed_lateness_s: int, tree: Any) -> "Watermarks":
        """Inverse of `pack`."""
        marks = cls(allowed_lateness_s)
        marks._highest, marks._idle = dict(tree["highest"]), set(tree["idle"])
        marks._released_us, marks._closed_us = tree["released"], tree["closed"]
        return marks
