"""Notice: a message to people about a change as its plan and its work progress."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from changes.planning.overlaps import named
from changes.windows import ENDED, GOING_ON, window_us
from models.change import Change
from models.times import format_time, instant, us

NoticeKind = Literal["declared", "moved", "about_to_start", "started", "overrun", "ended", "cancelled", "conflict"]
_IDLE = ("draft", "cancelled")
_BY_REVISION = ("declared", "moved", "cancelled")
"""Notices about a revision; each of the others occurs once in a plan."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice about a change, made from the parts that its reader may see."""

    kind: NoticeKind
    change: Change
    at_us: int
    """When it came to be; of what is about to start, the start."""
    text: str

    @property
    def reference(self) -> str:
        """Nobody gets the same notice twice: a moved plan gives new ones."""
        plan = f"{format_time(us(self.change.planned_start))}/{format_time(us(self.change.planned_end))}"
        version = str(self.change.revision) if self.kind in _BY_REVISION else ""
        if self.kind == "conflict":
            version = sha256(self.text.encode()).hexdigest()[:16]
        return f"notice:{self.kind}:{self.change.key}:{plan}:{version}"

    @property
    def as_object(self) -> dict[str, Any]:
        """A JSON-like object."""
        change = self.change
        return {
            "notice": self.kind,
            "change_id": change.change_id,
            "owner": change.owner,
            "title": change.title,
            "category": change.category,
            "status": change.status,
            "planned_start": format_time(us(change.planned_start)),
            "planned_end": format_time(us(change.planned_end)),
            "at": format_time(self.at_us),
            "summary": self.text,
        }


def of_revision(before: Change | None, after: Change, now_us: int) -> Iterator[Notice]:
    """The differences of a revision to the previous one as the reader saw it; none for a plan that is over."""
    was_planned = before is not None and before.status not in _IDLE
    if after.status == "draft":
        return
    if after.status == "cancelled":
        if was_planned:
            yield Notice("cancelled", after, now_us, f"{named(after)} is cancelled; it was planned for {_span(after)}.")
        return
    if before is None or not was_planned:
        if window_us(after)[1] > now_us:
            yield Notice("declared", after, now_us, f"{named(after)} is declared for {_span(after)}.")
        return
    if (before.planned_start, before.planned_end) != (after.planned_start, after.planned_end):
        text = f"{named(after)} is moved: {_span(after)} instead of {_span(before)}."
        yield Notice("moved", after, now_us, text)
    if after.status in GOING_ON and before.status not in GOING_ON and after.actual_end is None:
        yield _started(after, window_us(after)[0])
    if after.status in ENDED and before.status not in ENDED:
        yield _ended(after, window_us(after)[1])


def due(change: Change, since_us: int, now_us: int, ahead_us: int) -> Iterator[Notice]:
    """What came to be by the clock after `since_us` and until `now_us`; `ahead_us` before its start a change is about to start."""
    if change.status in _IDLE:
        return
    start_us, end_us = window_us(change)
    planned_end_us = us(change.planned_end)
    if since_us < start_us - ahead_us <= now_us < start_us and change.status not in ENDED:
        yield Notice("about_to_start", change, start_us, f"{named(change)} is to start at {_time(start_us)}.")
    if since_us < start_us <= now_us:
        yield _started(change, start_us)
    if change.status in GOING_ON and change.actual_end is None:
        if since_us < planned_end_us <= now_us:
            text = f"{named(change)} overruns: it is still in progress, and was planned to end at {_time(planned_end_us)}."
            yield Notice("overrun", change, planned_end_us, text)
    elif since_us < end_us <= now_us:
        yield _ended(change, end_us)


def conflict(change: Change, conflict_of: dict[str, Any], now_us: int) -> Notice:
    """Of a conflict as `planning` describes it to the reader."""
    text = str(conflict_of["text"])
    return Notice("conflict", change, now_us, f"{named(change)}: {text}" if conflict_of["kind"] == "busy" else f"Conflict: {text}")


def _started(change: Change, start_us: int) -> Notice:
    if change.actual_start is not None or change.status in GOING_ON:
        return Notice("started", change, start_us, f"{named(change)} started at {_time(start_us)}.")
    return Notice("started", change, start_us, f"{named(change)} was to start at {_time(start_us)}; its owner has reported nothing since.")


def _ended(change: Change, end_us: int) -> Notice:
    if change.actual_end is not None or change.status in ENDED:
        word = "was rolled back" if change.status == "rolled_back" else "ended"
        return Notice("ended", change, end_us, f"{named(change)} {word} at {_time(end_us)}.")
    return Notice("ended", change, end_us, f"{named(change)} was to end at {_time(end_us)}; its owner has reported nothing since.")


def _span(change: Change) -> str:
    start, end = change.planned_start, change.planned_end
    if start.date() == end.date():
        return f"{start.day} {start:%b %H:%M} to {end:%H:%M} UTC"
    return f"{start.day} {start:%b %H:%M} to {end.day} {end:%b %H:%M} UTC"


def _time(at_us: int) -> str:
    at = instant(at_us)
    return f"{at.day} {at:%b %H:%M} UTC"
