"""Sequence: the messages about one alert for a subscriber, so that they form a story: begun, changed, over.

An alert begins for a subscriber with the first revision that the subscriber's preferences allow; from then on its end is sent, whatever
its severity then. Nothing is sent about an alert that never began for the subscriber, and no older revision follows a newer one.
"""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["open", "update", "end"]


@dataclass(frozen=True, slots=True)
class Told:
    """The messages of one alert or incident to a subscriber so far."""

    revision: int
    """The last revision that was considered."""
    sequence: int
    """Number of the last message."""
    is_open: bool
    """Whether its beginning was sent and its end was not."""
    severity: str = ""
    """Severity of the last message."""


UNTOLD = Told(0, 0, is_open=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """The part of a revision on which the sequence depends."""

    revision: int
    resolved: bool
    severity: str
    admitted: bool
    """Whether the subscriber's preferences admit it: kind, severity, processes."""


def advance(told: Told, now: Revision, *, updates: bool, ends: bool) -> tuple[Told, Phase | None]:
    """The next message to the subscriber and the new state; None if this revision gives no message.

    `updates`, `ends`: whether the subscriber wants changes of an open alert, and its end.
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
