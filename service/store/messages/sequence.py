"""Sequence: the messages about one alert for a subscriber, so that they form a story: begun, changed, over.

An alert begins for a subscriber with the first revision that the subscriber's preferences allow; from then on its end is sent, whatever
its severity then. Nothing is sent about an alert that never began for the subscriber, and no older revision follows a newer one.
"""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["open", "update", "end"]


@dataclass(frozen=True, slots=True)
class Sent:
    """The messages of one alert or incident to a subscriber so far."""

    revision: int
    """The last revision that was considered."""
    sequence: int
    """Number of the last message."""
    is_open: bool
    """Whether its beginning was sent and its end was not."""
    severity: str = ""
    """Severity of the last message."""


NOTHING_SENT = Sent(0, 0, is_open=False)


@dataclass(frozen=True, slots=True)
class Revision:
    """The part of a revision on which the sequence depends."""

    revision: int
    resolved: bool
    severity: str
    admitted: bool
    """Whether the subscriber's preferences admit it: kind, severity, processes."""


def advance(sent: Sent, now: Revision, *, updates: bool, ends: bool) -> tuple[Sent, Phase | None]:
    """The next message to the subscriber and the new state; None if this revision gives no message.

    `updates`, `ends`: whether the subscriber wants changes of an open alert, and its end.
    """
    if now.revision <= sent.revision:
        return sent, None
    phase = _phase(sent, now, updates=updates, ends=ends)
    if phase is None:
        is_open = sent.is_open and not now.resolved
        return Sent(now.revision, sent.sequence, is_open, sent.severity), None
    return Sent(now.revision, sent.sequence + 1, phase != "end", now.severity), phase


def _phase(sent: Sent, now: Revision, *, updates: bool, ends: bool) -> Phase | None:
    if sent.is_open:
        if now.resolved:
            return "end" if ends else None
        return "update" if updates and now.admitted else None
    return "open" if now.admitted and not now.resolved else None
