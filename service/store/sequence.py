"""Sequence: which messages one alert gives a subscriber, so that they read as a story: begun, changed, over.

An alert begins for a subscriber with the first revision that the subscriber's preferences admit; from then on its end is told, whatever
severity it fell to. Nothing is told of an alert that never began for the subscriber, and no older revision follows a newer one.
"""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["open", "update", "end"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a subscriber was told of one alert or incident."""

    revision: int
    """The last one that was considered."""
    sequence: int
    """Number of the last message."""
    is_open: bool
    """Whether its beginning was told and its end was not."""
    severity: str = ""
    """Of the last message."""


UNTOLD = Told(0, 0, is_open=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision as far as the sequence depends on it."""

    revision: int
    resolved: bool
    severity: str
    admitted: bool
    """Whether the subscriber's preferences admit it: kind, severity, processes."""


def advance(told: Told, now: Revision, *, updates: bool, ends: bool) -> tuple[Told, Phase | None]:
    """What the subscriber is told next, and what it was told then; None where this revision gives no message.

    `updates`, `ends`: whether the subscriber asks for changes of an open alert, and for its end.
    """
    if now.revision <= told.revision:
        return told, None
    phase = _phase(told, now, updates=updates, ends=ends)
    if phase is None:
        is_open = told.is_open and not now.resolved
        return Told(now.revision, told.sequence, is_open, told.severity), None
    return Told(now.revision, told.sequence + 1, phase != "end", now.severity), phase


def _phase(told: Told, now: Revision, *, updates: bool, ends: bool) -> Phase | None:
    if told.is_open:
        if now.resolved:
            return "end" if ends else None
        return "update" if updates and now.admitted else None
    return "open" if now.admitted and not now.resolved else None
