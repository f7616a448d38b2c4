"""Interface of the detectors: their view of a window and their result, in columns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from models.columns import Columns, Expected, Flags, Floats, Ints, QueueTick, TrafficTick
from models.times import SECOND_US


@dataclass(frozen=True, slots=True)
class TrafficWindow:
    """One window of one block of message rates with its expectation; arrays have shape (series,)."""

    tick: TrafficTick
    """If a series reports again after a gap, its first window counts as not reported."""
    returned: Flags
    """Where this happened in this window."""
    expected: Expected
    low: Floats
    """The minimum that the expectation and its uncertainty can explain, messages per window: missing messages are counted below it."""
    high: Floats
    """The maximum that they can explain: excess messages are counted above it."""
    slid: Floats
    """Excess messages that the last window lacked: they moved from that window into this one."""
    autocorrelation: Floats
    """Correlation of one window's count with the next one's, 0 ≤ r < 1; `expected.dispersion` is widened by (1 + r) / (1 - r) for it."""
    level: Floats
    """The level of the series relative to its profile; 1 is as in the profile."""
    declared: Flags
    """Whether a declared change covers the series now: nothing is learned."""
    recovering: Flags
    """Whether a blocked route has just opened: an excess is owed then, not a storm."""
    silent: Flags
    """Whether a silence is open, or begins in this window."""
    accepted: Floats
    """Ratio to the old level where a new one becomes the normal one in this window, else 0."""
    habit: Ints
    """On how many days a storm or drop came at this time of day, including this one, if it is a habit from this window on; else 0."""


@dataclass(frozen=True, slots=True)
class QueueWindow:
    """One window of one block of queues; arrays have shape (series,)."""

    tick: QueueTick
    declared: Flags


@dataclass(frozen=True, slots=True)
class FindingDetails:
    """The details of findings for some series; arrays have shape (rows,)."""

    began_us: Ints
    """Start of the run that the evidence comes from."""
    observed: Floats
    expected: Floats
    evidence: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signal:
    """The result of one detector for one window, before the phases are determined; arrays have shape (series,)."""

    score: Floats
    """Evidence in nats."""
    over: Flags
    """Evidence enough for an alarm."""
    has_ended: Flags
    """Evidence enough that the finding is over; read only where a finding is open."""
    evidence_rising: Flags
    """Rising evidence: nothing should learn from this series now."""
    serious: Flags
    """Where `over`: whether the budget allows a warning."""
    shown: Callable[[Ints], FindingDetails]
    """The details of some series, in the state right after the window: few series have any."""
    habit: Ints | None = None
    """Where `over` is only a recurring habit: on how many days at this time of day, including this one; else 0."""


class TrafficDetector(Protocol):
    """A detector of message rates. `state` is changed in place; the result depends only on state and window."""

    @property
    def kind(self) -> str:
        """One of `models.columns.KINDS`."""

    @property
    def learned(self) -> tuple[str, ...]:
        """Columns to keep for a new installation: usual values, no evidence."""

    def fresh(self, series: int) -> Columns:
        """State of `series` new series; the last axis of each array is the series."""

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """Processes one window for all series of a block; `is_open` marks series with an open finding of this detector."""


class QueueDetector(Protocol):
    """A detector of queue depths, like `TrafficDetector`."""

    @property
    def kind(self) -> str:
        """One of `models.columns.KINDS`."""

    @property
    def learned(self) -> tuple[str, ...]:
        """Columns to keep for a new installation."""

    def fresh(self, series: int) -> Columns:
        """State of `series` new queues."""

    def step(self, state: Columns, window: QueueWindow, is_open: Flags, /) -> Signal:
        """Processes one window for all queues of a block."""


def run_started_us(at_us: int, window_s: int, windows: Floats) -> Ints:
    """Start of a run of `windows` windows whose last one ends at `at_us`, microseconds."""
    started: Ints = at_us - np.maximum(windows, 1.0).astype(np.int64) * (window_s * SECOND_US)
    return started
