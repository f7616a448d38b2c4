"""Overlap: two planned changes with common time and scope, or one that removes the fallback of the other."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal, NamedTuple

from changes.planning.systems import SystemMap
from changes.scope import scope_users
from changes.windows import window_us
from models.change import Change
from models.times import DAY_US, format_time

OVER = frozenset({"cancelled", "completed", "rolled_back"})

_TRIES = 40
"""Pairs that are compared for each conflict that two owners may have at most."""
_TRIES_OF_ALL = 100
"""Pairs that are compared for each conflict of the total; each two owners have an equal share of them, as far as they need it."""

_Owners = tuple[str, str]
"""Two owners, sorted."""

Kind = Literal["bcdr_test", "dcc_and_user", "overlap", "fallback", "freeze", "load", "busy"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Changes that disturb each other, and when."""

    kind: Kind
    keys: tuple[str, ...]
    """`owner/change_id` of each, sorted: two owners may use one id."""
    from_us: int
    to_us: int
    text: str
    """One sentence for the people who plan."""

    @property
    def change_ids(self) -> tuple[str, ...]:
        """The ids without their owners, sorted."""
        return tuple(sorted(key.partition("/")[2] for key in self.keys))


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
    within = bounds or Bounds()
    pairs: Counter[_Owners] = Counter()
    for owners, _, theirs in _meeting(ahead, within.concerns):
        pairs[owners] += len(theirs)
    tally = _Tally(within, pairs)
    for owners, change, theirs in _meeting(ahead, within.concerns):
        for _, _, other in theirs:
            if not tally.take_pair(owners):
                break
            if (conflict := conflict_between(other, change, known)) is not None:
                tally.add(owners, conflict)
    meetings = (conflict for conflicts in tally.conflicts_of.values() for conflict in conflicts)
    return Overlaps(tuple(sorted(meetings, key=lambda conflict: (conflict.from_us, conflict.change_ids))), tally.incomplete)


class _Tally:
    """The conflicts so far of each two owners, and how many of their pairs may still be compared."""

    def __init__(self, bounds: Bounds, pairs: Counter[_Owners]) -> None:
        self.conflicts_of: dict[_Owners, list[Conflict]] = {}
        self.incomplete = False
        self._most, self._total, self._count = bounds.most, bounds.total, 0
        self._left = _shares(bounds, pairs)

    def take_pair(self, owners: _Owners) -> bool:
        """Whether one more pair of these two owners is compared."""
        if self._left.get(owners, 0) <= 0 or (self._most is not None and len(self.conflicts_of.get(owners, ())) >= self._most):
            self.incomplete = True
            return False
        self._left[owners] -= 1
        return True

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
            self._count -= 1
            self._left.clear()


def _shares(bounds: Bounds, pairs: Counter[_Owners]) -> dict[_Owners, int]:
    """How many pairs of each two owners are compared: what the ones do not need, the others have."""
    wanted = {owners: count if bounds.most is None else min(count, bounds.most * _TRIES) for owners, count in pairs.items()}
    if bounds.total is None:
        return wanted
    left, shares = bounds.total * _TRIES_OF_ALL, {}
    for served, (owners, count) in enumerate(sorted(wanted.items(), key=lambda one: (one[1], one[0]))):
        shares[owners] = min(count, left // (len(wanted) - served))
        left -= shares[owners]
    return shares


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
    if not _may_conflict(_traits(one), _traits(other), same_owner=one.owner == other.owner):
        return None
    first, second = sorted((one, other), key=lambda change: (change.category != "bcdr_test", change.source != "dcc", change.change_id))
    kind, text = _kind(first, second, systems)
    if kind is None:
        return None
    (start, end), (other_start, other_end) = reach_us(one), reach_us(other)
    from_us, to_us = max(start, other_start), min(end, other_end)
    when = f", {format_time(from_us)} to {format_time(to_us)}"
    return Conflict(kind, tuple(sorted((one.key, other.key))), from_us, to_us, text + when)


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


class _Traits(NamedTuple):
    """What alone may rule a conflict out."""

    of_user: bool
    has_systems: bool
    disrupts: bool
    concerned: bool
    """Whether the one who asks is concerned."""


def _traits(change: Change, concerns: Callable[[Change], bool] = _everything) -> _Traits:
    return _Traits(change.source == "user", bool(change.systems), change.disruption != "none", concerns(change))


def _may_conflict(one: _Traits, other: _Traits, *, same_owner: bool) -> bool:
    if not (one.disrupts or other.disrupts) or not (one.concerned or other.concerned):
        return False
    if same_owner or not (one.of_user and other.of_user):
        return True
    return one.has_systems and other.has_systems  # traffic of two Users is apart; a system may take over for another


_UnderWay = list[tuple[int, int, Change]]
"""A heap of changes by their end."""


def _meeting(ahead: Sequence[Change], concerns: Callable[[Change], bool]) -> Iterator[tuple[_Owners, Change, _UnderWay]]:
    """Each change with those of one owner that are under way and may conflict with it, from changes sorted by the start of their reach."""
    under_way: dict[_Traits, dict[str, _UnderWay]] = {}
    for number, change in enumerate(ahead):
        start, end = reach_us(change)
        traits = _traits(change, concerns)
        for other_traits, of_owner in under_way.items():
            for owner in _owners_beside(change.owner, of_owner, traits, other_traits):
                theirs = of_owner[owner]
                while theirs and theirs[0][0] <= start:
                    heappop(theirs)
                if theirs:
                    yield (owner, change.owner) if owner <= change.owner else (change.owner, owner), change, theirs
                else:
                    del of_owner[owner]
        heappush(under_way.setdefault(traits, {}).setdefault(change.owner, []), (end, number, change))


def _owners_beside(owner: str, of_owner: dict[str, _UnderWay], traits: _Traits, other_traits: _Traits) -> list[str]:
    """The owners whose changes with `other_traits` may conflict with one of `owner`."""
    if _may_conflict(traits, other_traits, same_owner=False):
        return list(of_owner)
    return [owner] if owner in of_owner and _may_conflict(traits, other_traits, same_owner=True) else []
