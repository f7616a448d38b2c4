"""Conflicts: planned changes that get into each other's way, or load more on the network than it carries."""

from collections.abc import Iterable
from typing import Any

from changes.planning.load import Capacity, collisions
from changes.planning.overlaps import Conflict, overlaps
from models.change import Change
from models.times import format_time

__all__ = ["Capacity", "Conflict", "conflicts", "conflicts_of", "described"]


def conflicts(changes: Iterable[Change], capacity: Capacity | None = None) -> tuple[Conflict, ...]:
    """Overlaps and collisions of declared load among the changes still to come or under way, by time, then ids."""
    known = list(changes)
    found = [*overlaps(known), *collisions(known, capacity or Capacity())]
    return tuple(sorted(found, key=lambda conflict: (conflict.from_us, conflict.change_ids, conflict.kind)))


def conflicts_of(change: Change, others: Iterable[Change], capacity: Capacity | None = None) -> tuple[Conflict, ...]:
    """The conflicts that declaring `change` would bring."""
    known = [change, *(other for other in others if other.change_id != change.change_id)]
    return tuple(conflict for conflict in conflicts(known, capacity) if change.change_id in conflict.change_ids)


def described(change: Change, others: Iterable[Change], capacity: Capacity | None = None) -> list[dict[str, Any]]:
    """`conflicts_of` as JSON-like objects: kind, change_ids, from, to, text."""
    return [as_object(conflict) for conflict in conflicts_of(change, others, capacity)]


def as_object(conflict: Conflict) -> dict[str, Any]:
    """One conflict as a JSON-like object."""
    return {
        "kind": conflict.kind,
        "change_ids": list(conflict.change_ids),
        "from": format_time(conflict.from_us),
        "to": format_time(conflict.to_us),
        "text": conflict.text,
    }
