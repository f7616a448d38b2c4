"""Contract of the detectors: what each sees of a window and what it answers, in columns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from models.columns import Columns, Expected, Flags, Floats, Ints, QueueTick, TrafficTick
from models.times import SECOND_US


@dataclass(frozen=True, slots=True)
class TrafficWindow:
    """One window of one block of message rates, with what was expected of it; arrays have shape (series,)."""

    tick: TrafficTick
    """Where a series reports again after a gap, its first window counts as not reported."""
    returned: Flags
    """Where it did so in this window."""
    expected: Expected
    low: Floats
    """The least that expectation and its uncertainty can explain, messages a window: what is missing counts from here."""
    high: Floats
    """The most that they can explain: what is too much counts from here."""
    slid: Floats
    """Of the messages that are too many, those that the last window lacked: they slid from that one into this one."""
    autocorrelation: Floats
    """Correlation of one window's count with the next one's, 0 ≤ r < 1; `expected.dispersion` is widened by (1 + r) / (1 - r) for it."""
    level: Floats
    """How the series' level stands against its profile, 1 = as in the profile."""
    declared: Flags
    """Whether a declared change covers the series now: nothing is learned."""
    recovering: Flags
    """Whether a blocked route has just opened: more than expected is owed, not a storm."""
    silent: Flags
    """Whether a silence is open, or begins in this window."""
    accepted: Floats
    """Ratio to the old level where a new one is taken as the normal one in this window, else 0."""
    habit: Ints
    """On how many days a storm or drop came at this time of day, this one included, where it is a habit from this window on; else 0."""


@dataclass(frozen=True, slots=True)
class QueueWindow:
    """One window of one block of queues; arrays have shape (series,)."""

    tick: QueueTick
    declared: Flags


@dataclass(frozen=True, slots=True)
class FindingDetails:
    """What a finding says of some series; arrays have shape (rows,)."""

    began_us: Ints
    """Start of the run that the evidence comes from."""
    observed: Floats
    expected: Floats
    evidence: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signal:
    """What one detector says of one window before phases are told apart; arrays have shape (series,)."""

    score: Floats
    """Evidence in nats."""
    over: Flags
    """Evidence enough for an alarm."""
    has_ended: Flags
    """Evidence enough that it is over; read only where a finding is open."""
    evidence_rising: Flags
    """Evidence on its way: nothing should learn from this series now."""
    serious: Flags
    """Where `over`: whether the budget allows a warning."""
    shown: Callable[[Ints], FindingDetails]
    """What is to be said of some series, as things stand right after the step: few have anything to say."""
    habit: Ints | None = None
    """Where `over` is no more than the series does every so often: on how many days at this time of day, this one included; else 0."""


class TrafficDetector(Protocol):
    """A detector of message rates. `state` is changed in place; a step is a pure function of state and window."""

    @property
    def kind(self) -> str:
        """One of `models.columns.KINDS`."""

    @property
    def learned(self) -> tuple[str, ...]:
        """Columns worth keeping for a new installation: what is usual, no evidence."""

    def fresh(self, series: int) -> Columns:
        """State of `series` new series; the last axis of each array is the series."""

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """One window for all series of a block; `is_open` says where a finding of this detector is open."""


class QueueDetector(Protocol):
    """A detector of queue depths; as `TrafficDetector`."""

    @property
    def kind(self) -> str:
        """One of `models.columns.KINDS`."""

    @property
    def learned(self) -> tuple[str, ...]:
        """Columns worth keeping for a new installation."""

    def fresh(self, series: int) -> Columns:
        """State of `series` new queues."""

    def step(self, state: Columns, window: QueueWindow, is_open: Flags, /) -> Signal:
        """One window for all queues of a block."""


def run_started_us(at_us: int, window_s: int, windows: Floats) -> Ints:
    """Start of a run of `windows` windows whose last one ends at `at_us`, microseconds."""
    started: Ints = at_us - np.maximum(windows, 1.0).astype(np.int64) * (window_s * SECOND_US)
    return started
