"""The events of one calendar and the relations between them: series, replaced occurrences, and when a series was exported."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from changes.files.events.content_lines import Component, ContentLine
from changes.files.events.moments import Moment, parse_moments
from changes.files.events.recurrence import Occurrence, Repetition, instant_of
from models.errors import Malformed
from models.times import format_time, us


@dataclass(frozen=True, slots=True)
class Event:
    """One VEVENT that can be understood."""

    number: int
    component: Component
    uid: str
    times: Repetition
    replaces: str | None
    """The `change_id` of the occurrence that it replaces."""
    replaces_on: Moment | None
    sequence: int
    stamped: datetime | None
    """DTSTAMP."""


def occurrence_id(uid: str, start: datetime) -> str:
    """`change_id` of one occurrence of a repeating event."""
    return f"{uid}/{start.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def rank(event: Event) -> tuple[int, datetime]:
    """The higher one counts where two events of a UID compete."""
    return event.sequence, event.stamped or datetime.min.replace(tzinfo=UTC)


class Series:
    """The relations between the events of one calendar: which event replaces an occurrence of another, and when a series was exported."""

    def __init__(self, events: list[Event], overrides: list[Component], now: datetime | None, *, takes_back: bool = False) -> None:
        self._takes_back = takes_back
        self._masters = {one.uid: one for one in sorted(events, key=rank) if one.replaces is None and one.times.repeats}
        self._replaced = {one.replaces for one in events if one.replaces is not None}
        self._replaced_series = {one.uid for one in events if one.replaces is not None}
        self._days = {(one.uid, one.replaces_on.local.date()) for one in events if one.replaces_on is not None and one.replaces_on.is_date}
        # If an event that replaces an occurrence can't be understood, the occurrence is left out too: the event shows that it differs.
        self._withheld: dict[str, list[Component]] = {}
        understood = {id(one.component) for one in events}
        for component in overrides:
            uid = component.first("UID")
            if id(component) not in understood and uid is not None:
                self._withheld.setdefault(uid.text, []).append(component)
        stamps: dict[str, datetime] = {}
        for one in events:
            if one.stamped is not None:
                stamps[one.uid] = max(one.stamped, stamps.get(one.uid, one.stamped))
        self._stamps = stamps
        self.about = now or max(stamps.values(), default=None)

    def replaces(self, event: Event, one: Occurrence, zone: tzinfo | None) -> bool:
        """Whether another event replaces this occurrence of a series, or another event of its UID outranks the whole event."""
        if rank(event) < rank(self._masters[event.uid]) or occurrence_id(event.uid, one.start) in self._replaced:
            return True
        clock = event.times.start.zone or zone
        if (event.uid, one.start.astimezone(clock).date()) in self._days:
            return True
        return any(_concerns(component, one, clock) for component in self._withheld.get(event.uid, ()))

    def is_alone(self, event: Event) -> bool:
        """Whether the event alone defines its series: no other event contains an occurrence of it."""
        return self._masters.get(event.uid) is event and event.uid not in self._replaced_series and event.uid not in self._withheld

    def fields(self, event: Event) -> dict[str, Any]:
        """Series, its revision, and when the export was made.

        METHOD:CANCEL need not repeat RRULE (RFC 5546, 3.2.5): an event that it takes back withdraws whatever the UID has. A replaced
        occurrence without its series is no export of the series: it counts by its own revision.
        """
        master = self._masters.get(event.uid)
        stamped = event.stamped if master is None else self._stamps.get(event.uid)
        exported = {} if stamped is None else {"exported_at": format_time(us(stamped))}
        if master is None and event.replaces is not None:
            return {**exported, "series": event.uid}
        if master is None:
            return {**exported, "series": event.uid, "series_revision": event.sequence + 1} if self._takes_back else exported
        return {**exported, "series": event.uid, "series_revision": master.sequence + 1}


def _concerns(override: Component, one: Occurrence, clock: tzinfo | None) -> bool:
    """Whether a RECURRENCE-ID that could not be used means this occurrence, or (RANGE) an earlier one."""
    line = override.first("RECURRENCE-ID")
    if line is None or line.fault:
        return False
    try:
        moment = parse_moments(ContentLine(line.name, {}, line.value))[0]
        from_that = instant_of(moment, clock)
    except Malformed:
        return False
    if "RANGE" in line.parameters:
        return one.start >= from_that
    return one.start.astimezone(clock).date() == moment.local.date() if moment.is_date else one.start == from_that
