"""Conflicts: planned changes that disturb each other, are in a freeze, or exceed the capacity of the network."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from changes.planning.free_slots import Slot, free_slots
from changes.planning.freezes import FreezeParameters, Frozen, frozen
from changes.planning.load import Capacity, collisions
from changes.planning.overlaps import OVER, Bounds, Conflict, conflict_between, named, overlaps, reach_us
from changes.planning.systems import SystemMap
from changes.windows import effect_us
from models.change import Change
from models.times import HOUR_US, format_time

__all__ = ["Bounds", "Capacity", "Conflict", "Judged", "PlanningRules", "conflicts", "conflicts_of", "described", "judged", "slots_for"]


@dataclass(frozen=True)
class PlanningRules:
    """The knowledge for conflict checks: the operator's settings and the monitor's learned rates."""

    systems: SystemMap = field(default_factory=SystemMap)
    freezes: tuple[FreezeParameters, ...] = ()
    capacity: Capacity = field(default_factory=Capacity)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found among many changes."""

    conflicts: tuple[Conflict, ...]
    """By time, then ids."""
    incomplete: bool
    """Whether the bounds left something out."""


def conflicts(changes: Iterable[Change], rules: PlanningRules | None = None, bounds: Bounds | None = None) -> tuple[Conflict, ...]:
    """The conflicts among current and future changes, by time, then ids; of the overlaps those within `bounds`."""
    return judged(changes, rules, bounds).conflicts


def judged(changes: Iterable[Change], rules: PlanningRules | None = None, bounds: Bounds | None = None) -> Judged:
    """The same, and whether the bounds left something out."""
    known, parameters = [change for change in changes if change.status not in OVER], rules or PlanningRules()
    meetings = overlaps(known, parameters.systems, bounds)
    others = [*_frozen(known, parameters), *collisions(known, parameters.capacity)]
    most = None if bounds is None else bounds.total
    left_out = most is not None and len(others) > most
    return Judged(_sorted([*meetings.conflicts, *_sorted(others)[:most]]), meetings.incomplete or left_out)


def conflicts_of(change: Change, others: Iterable[Change], rules: PlanningRules | None = None) -> tuple[Conflict, ...]:
    """The conflicts that declaring `change` would cause."""
    return _Neighbours(change, others, rules or PlanningRules()).conflicts(change)


def slots_for(change: Change, others: Iterable[Change], earliest_us: int, rules: PlanningRules | None = None) -> tuple[Slot, ...]:
    """Up to three times, not before `earliest_us`, at which the change would have no conflict."""
    neighbours = _Neighbours(change, others, rules or PlanningRules())
    return free_slots(change, neighbours.leave_free, earliest_us)


def described(change: Change, others: Iterable[Change], rules: PlanningRules | None = None) -> list[dict[str, Any]]:
    """`conflicts_of` as JSON-like objects: kind, change_ids, changes (`owner/change_id`), from, to, text."""
    return [as_object(conflict) for conflict in conflicts_of(change, others, rules)]


def as_object(conflict: Conflict) -> dict[str, Any]:
    """One conflict as a JSON-like object."""
    return {
        "kind": conflict.kind,
        "change_ids": list(conflict.change_ids),
        "changes": list(conflict.keys),
        "from": format_time(conflict.from_us),
        "to": format_time(conflict.to_us),
        "text": conflict.text,
    }


class _Neighbours:
    """The other changes with which one change may conflict at any time."""

    def __init__(self, change: Change, others: Iterable[Change], rules: PlanningRules) -> None:
        self._rules = rules
        mine = (change.change_id, change.owner)
        ahead = [one for one in others if one.status not in OVER and (one.change_id, one.owner) != mine]
        self._reaches = [(*reach_us(one), one) for one in ahead]
        rising = change.expected is not None and change.expected.effect == "up"
        self._rises = [(*effect_us(one), one) for one in ahead if one.expected is not None] if rising else []

    def conflicts(self, change: Change) -> tuple[Conflict, ...]:
        """The conflicts of the change as it is planned here."""
        return _sorted(self._all(change))

    def leave_free(self, change: Change) -> bool:
        """Whether there are none; the first one is enough to know."""
        return next(self._all(change), None) is None

    def _all(self, change: Change) -> Iterator[Conflict]:
        if change.status in OVER:
            return
        start, end = reach_us(change)
        for begins, ends, other in self._reaches:
            if begins < end and start < ends and (conflict := conflict_between(change, other, self._rules.systems)) is not None:
                yield conflict
        yield from _frozen([change], self._rules)
        if self._rises or change.expected is not None:
            start, end = effect_us(change)
            rises = [one for begins, ends, one in self._rises if begins < end + HOUR_US and start - HOUR_US < ends]
            yield from (one for one in collisions([change, *rises], self._rules.capacity, change) if change.key in one.keys)


def _frozen(changes: Sequence[Change], rules: PlanningRules) -> list[Conflict]:
    return [Conflict("freeze", (one.change.key,), one.from_us, one.to_us, _why(one)) for one in frozen(changes, rules.freezes)]


def _why(one: Frozen) -> str:
    days = f"{one.freeze.first_day} to {one.freeze.last_day}"
    return f"{named(one.change)} is in the freeze {one.freeze.name!r}, {days}: {one.freeze.reason}"


def _sorted(conflicts_found: Iterable[Conflict]) -> tuple[Conflict, ...]:
    return tuple(sorted(conflicts_found, key=lambda conflict: (conflict.from_us, conflict.change_ids, conflict.kind, conflict.keys)))
