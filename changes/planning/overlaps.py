"""Overlap: two planned changes with common time and scope, or one that removes the fallback of the other."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from changes.planning.systems import SystemMap
from changes.scope import scope_users
from changes.windows import window_us
from models.change import Change
from models.times import DAY_US, format_time

OVER = frozenset({"cancelled", "completed", "rolled_back"})

_TRIES = 40
"""Pairs that are compared for each conflict that two owners may have at most."""
_TRIES_OF_ALL = 100
"""Pairs that are compared for each conflict of the total."""

_Owners = tuple[str, str]
"""Two owners, sorted."""

Kind = Literal["bcdr_test", "dcc_and_user", "overlap", "fallback", "freeze", "load", "busy"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Changes that disturb each other, and when."""

    kind: Kind
    change_ids: tuple[str, ...]
    """Sorted."""
    from_us: int
    to_us: int
    text: str
    """One sentence for the people who plan."""


def _everything(change: Change) -> bool:
    del change
    return True


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an answer contains at most, so that the changes of one owner can't fill it."""

    most: int | None = None
    """Conflicts of two owners; None: all."""
    concerns: Callable[[Change], bool] = _everything
    """One change of each pair must do so."""
    total: int | None = None
    """Conflicts of all owners together; None: all. Where there are more, each two owners keep equally many, the earliest ones."""


@dataclass(frozen=True, slots=True)
class Overlaps:
    """The overlaps within the bounds."""

    conflicts: tuple[Conflict, ...]
    """By time, then ids."""
    incomplete: bool
    """Whether pairs were left out or not compared."""


def overlaps(changes: Iterable[Change], systems: SystemMap | None = None, bounds: Bounds | None = None) -> Overlaps:
    """Every pair of current or future changes with common time and scope.

    A BCDR test conflicts with every change that may disrupt its scope on its day (UTC) before it is over: trouble in the morning
    endangers the test.
    """
    known = systems or SystemMap()
    ahead = sorted((change for change in changes if change.status not in OVER), key=lambda change: (reach_us(change), change.change_id))
    tally = _Tally(bounds or Bounds())
    for owners, one, other in _meeting(ahead, tally):
        if not tally.is_full(owners) and (conflict := conflict_between(one, other, known)) is not None:
            tally.add(owners, conflict)
    meetings = (conflict for conflicts in tally.conflicts_of.values() for conflict in conflicts)
    return Overlaps(tuple(sorted(meetings, key=lambda conflict: (conflict.from_us, conflict.change_ids))), tally.incomplete)


class _Tally:
    """The conflicts found so far of each two owners, and what may still be compared."""

    def __init__(self, bounds: Bounds) -> None:
        self.concerns = bounds.concerns
        self.conflicts_of: dict[_Owners, list[Conflict]] = {}
        self.incomplete = False
        self._most, self._total, self._count = bounds.most, bounds.total, 0
        self._tries = None if bounds.most is None else bounds.most * _TRIES
        self._compared: Counter[_Owners] = Counter()
        self._left = None if bounds.total is None else bounds.total * _TRIES_OF_ALL

    def is_full(self, owners: _Owners) -> bool:
        """Whether no more of these two owners is compared."""
        full = self._most is not None and len(self.conflicts_of.get(owners, ())) >= self._most
        full = full or (self._tries is not None and self._compared[owners] >= self._tries) or (self._left is not None and self._left <= 0)
        self.incomplete |= full
        return full

    def compare(self, owners: _Owners, pairs: int) -> None:
        """Count `pairs` that are compared."""
        self._compared[owners] += pairs
        if self._left is not None:
            self._left -= pairs

    def add(self, owners: _Owners, conflict: Conflict) -> None:
        """Keep a conflict; beyond the total, those with the most conflicts give some up."""
        self.conflicts_of.setdefault(owners, []).append(conflict)
        self._count += 1
        if self._total is None or self._count <= self._total:
            return
        self.incomplete = True
        self._most = max(max(map(len, self.conflicts_of.values())) - 1, 1)
        for kept in self.conflicts_of.values():
            del kept[self._most :]
        self._count = sum(map(len, self.conflicts_of.values()))
        if self._count > self._total:
            del self.conflicts_of[owners]
            self._count, self._left = self._count - 1, 0


def same_scope(one: Change, other: Change, systems: SystemMap) -> bool:
    """Whether some traffic or system is in the scope of both.

    Different names alone do not show that the systems of two parties are different: only the dependency map can show it.
    """
    users, others = scope_users(one), scope_users(other)
    if users is not None and others is not None and not users & others:
        return False
    parts = ("services", "regions", "directions", "queues")
    if not all(_share(getattr(one, part), getattr(other, part)) for part in parts):
        return False
    if not one.systems or not other.systems:
        return True
    if one.owner == other.owner:
        return systems.linked(one.systems, other.systems)
    return not systems.separate(one.systems, other.systems)


def reach_us(change: Change) -> tuple[int, int]:
    """The span, end exclusive, in which nothing else should happen to its scope; a point in time takes a moment."""
    start, end = window_us(change)
    return start // DAY_US * DAY_US if change.category == "bcdr_test" else start, max(end, start + 1)


def conflict_between(one: Change, other: Change, systems: SystemMap) -> Conflict | None:
    """The conflict of two changes with common time; None if they are independent."""
    if one.disruption == "none" and other.disruption == "none":
        return None
    if one.owner != other.owner and one.source == other.source == "user" and not (one.systems and other.systems):
        return None  # traffic of two Users, and no system that takes over for another
    first, second = sorted((one, other), key=lambda change: (change.category != "bcdr_test", change.source != "dcc", change.change_id))
    kind, text = _kind(first, second, systems)
    if kind is None:
        return None
    (start, end), (other_start, other_end) = reach_us(one), reach_us(other)
    from_us, to_us = max(start, other_start), min(end, other_end)
    when = f", {format_time(from_us)} to {format_time(to_us)}"
    return Conflict(kind, tuple(sorted((one.change_id, other.change_id))), from_us, to_us, text + when)


def _kind(first: Change, second: Change, systems: SystemMap) -> tuple[Kind | None, str]:
    for touched, instead in ((first, second), (second, first)):
        lost = systems.fallback_lost(touched.systems, instead.systems)
        if lost is not None:
            return "fallback", f"{named(touched)} touches {lost[0]} while {named(instead)} touches {lost[1]}, which takes over for it"
    if not same_scope(first, second, systems):
        return None, ""
    if first.category == "bcdr_test":
        if second.disruption == "none":
            return None, ""
        return "bcdr_test", f"{named(second)} may disrupt the BCDR test {named(first)} on its day"
    if first.source == "dcc" and second.source == "user":
        return "dcc_and_user", f"{named(second)} takes place during the DCC's change {named(first)}"
    return "overlap", f"{named(first)} and {named(second)} touch the same scope at the same time"


def named(change: Change) -> str:
    """`CHG-1 (SUP-01: Work)`."""
    return f"{change.change_id} ({change.owner}: {change.title})"


def _share(some: Sequence[str], others: Sequence[str]) -> bool:
    return not some or not others or not set(some).isdisjoint(others)


def _meeting(ahead: Sequence[Change], tally: _Tally) -> Iterator[tuple[_Owners, Change, Change]]:
    """Pairs with common time, from changes sorted by the start of their reach."""
    under_way: dict[str, list[tuple[int, Change]]] = {}
    for change in ahead:
        start, end = reach_us(change)
        concerned = tally.concerns(change)
        for owner, theirs in list(under_way.items()):
            owners = (owner, change.owner) if owner <= change.owner else (change.owner, owner)
            if tally.is_full(owners):
                continue
            theirs[:] = [(until, other) for until, other in theirs if until > start]
            if not theirs:
                del under_way[owner]
                continue
            pairs = [(owners, other, change) for _, other in theirs if concerned or tally.concerns(other)]
            tally.compare(owners, len(pairs))
            yield from pairs
        under_way.setdefault(change.owner, []).append((end, change))
