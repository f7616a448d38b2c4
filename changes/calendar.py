"""Calendar: every declared change in its revisions, and which revision counts in a window.

A change is identified by its owner and its `change_id` together (`Change.key`), so that no owner can take the identity of another's change.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from changes.calendar_view import CalendarView, ScopeTables
from models.canonical_json import decode, to_json
from models.change import Change
from models.times import instant, us

__all__ = ["Calendar", "CalendarView"]

_ALWAYS, _NEVER = -(2**62), 2**62


@dataclass(frozen=True, slots=True)
class _Revision:
    change: Change
    """As it came."""
    text: bytes
    """Canonical JSON; it distinguishes the contents of equal revisions."""
    arrived_us: int
    """_ALWAYS for a change from a file."""
    claimed_us: int | None = None
    """When a User declared it, by the monitor's own clock (_ALWAYS: before the first event); None: its `declared_at` counts."""
    record_keys: frozenset[str] = frozenset()
    """Keys of the records that brought it: a tombstone withdraws the revisions that came under its own key."""

    @property
    def rank(self) -> tuple[int, int, int, bytes]:
        """Of two known revisions the greater counts, whatever the order of arrival."""
        return rank(self.change, self.text)

    @property
    def known_us(self) -> int:
        """The earliest window end that may use it."""
        updated = self.change.updated_at
        return max(self.arrived_us + 1, _ALWAYS if updated is None else us(updated))

    @property
    def completed(self) -> Change:
        """The change with its arrival in the times that default to it."""
        if self.arrived_us == _ALWAYS or self.change.updated_at is not None:
            return self.change
        arrived = instant(self.arrived_us)
        return self.change.model_copy(update={"declared_at": arrived, "updated_at": arrived})


def rank(change: Change, text: bytes) -> tuple[int, int, int, bytes]:
    """Of two revisions of one change the greater counts: by revision, `updated_at`, `exported_at`, then text (its canonical JSON)."""
    return change.revision, _stamp(change.updated_at), _stamp(change.exported_at), text


def outranks(change: Change, other: Change | None) -> bool:
    """Whether `change` counts before `other`, another revision of it; True if there is no other."""
    return other is None or rank(change, to_json(change)) > rank(other, to_json(other))


def _stamp(at: datetime | None) -> int:
    return _ALWAYS if at is None else us(at)


class Calendar:
    """Stores revisions; a view is cheap while nothing changes, and packs to a tree."""

    def __init__(self) -> None:
        self._revisions: dict[str, dict[bytes, _Revision]] = {}
        """By key of the change, then by text."""
        self._version = 0
        self._at_us: int | None = None
        """The window of the last view."""
        self._until_us = _ALWAYS
        """The last view is valid up to here, exclusive."""
        self._view: CalendarView | None = None
        self._changed = True
        self._digest = ""
        """Version of the last view; unlike the view it is part of the packed state."""
        self._tables = ScopeTables()

    def declare(self, change: Change, arrived_us: int | None, *, claimed_us: int | None = None, record_key: str | None = None) -> None:
        """Adds a revision, in any order. It counts from the first window that ends at or after its `updated_at` and after `arrived_us`.

        `arrived_us` is stream time: the end of the last window that had closed at its arrival (not the wall clock, which is wrong for a
        stream that is behind or replayed). None: always known, as changes in files are. `claimed_us`: given if a User declared it, whose
        own `declared_at` is not trusted (`NEVER_LATE`: before there was anything to be late for). `record_key`: the key of the record
        that brought it, by default its own.
        """
        text = to_json(change)
        revisions = self._revisions.setdefault(change.key, {})
        before = revisions.get(text)
        keys = frozenset((change.key if record_key is None else record_key,))
        revision = _Revision(change, text, _ALWAYS if arrived_us is None else arrived_us, claimed_us, keys)
        if before is None or revision.arrived_us < before.arrived_us:
            revisions[text] = revision if before is None else replace(revision, record_keys=keys | before.record_keys)
            self._changed = True
        elif not keys <= before.record_keys:
            revisions[text] = replace(before, record_keys=keys | before.record_keys)

    def withdraw(self, record_key: str) -> None:
        """A tombstone: the revisions that came under this key, and no others, are removed from the next window on."""
        for key, revisions in list(self._revisions.items()):
            for text, one in list(revisions.items()):
                if record_key not in one.record_keys:
                    continue
                left = one.record_keys - {record_key}
                if left:
                    revisions[text] = replace(one, record_keys=left)
                else:
                    del revisions[text]
                    self._changed = True
            if not revisions:
                del self._revisions[key]

    def forget(self, before_us: int) -> None:
        """Removes changes that ended before `before_us` in every revision, so that years of them do not accumulate."""
        over = [
            key
            for key, revisions in self._revisions.items()
            if all(
                max(us(one.change.planned_end), us(one.change.actual_end or one.change.planned_end)) < before_us
                for one in revisions.values()
            )
        ]
        for key in over:
            del self._revisions[key]
            self._changed = True

    def keys_by_id(self) -> Mapping[str, str]:
        """`change_id` → key, for ids that only one owner uses."""
        keys: dict[str, str | None] = {}
        for key, revisions in sorted(self._revisions.items()):
            change_id = next(iter(revisions.values())).change.change_id
            keys[change_id] = None if change_id in keys else key
        return {change_id: key for change_id, key in keys.items() if key is not None}

    def view(self, at_us: int) -> CalendarView:
        """The changes that count in the window that ends at `at_us`; the same object as before if nothing differs."""
        if self._view is not None and not self._changed and self._at_us is not None and self._at_us <= at_us < self._until_us:
            return self._view
        known, until_us = self._known(at_us)
        changes = tuple(_as_declared(revisions) for revisions in known)
        digest = _digest(known, changes)
        if digest != self._digest:
            self._version += 1
        if digest != self._digest or self._view is None:
            earlier = {changes[index].key: revision for index, revisions in enumerate(known) if (revision := _earlier(revisions))}
            self._view = CalendarView(self._version, changes, self._tables, earlier)
        self._at_us, self._until_us, self._changed, self._digest = at_us, until_us, False, digest
        return self._view

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`; the same revisions in another order give the same tree."""
        revisions = sorted(
            ((one.change.change_id, one.change.owner, one.text, one) for known in self._revisions.values() for one in known.values()),
            key=lambda row: row[:3],
        )
        return {"revisions": [_packed(one) for *_, one in revisions], "version": self._version, "digest": self._digest}

    @classmethod
    def unpack(cls, tree: dict[str, Any]) -> "Calendar":
        """Inverse of `pack`; the next view has the same version as without packing."""
        calendar = cls()
        for text, arrived_us, *more in tree["revisions"]:
            change = decode(Change, text)
            claimed_us, record_keys = more or (None, [change.key])
            for record_key in record_keys:
                calendar.declare(change, arrived_us, claimed_us=claimed_us, record_key=record_key)
        calendar._version, calendar._digest = tree["version"], tree["digest"]
        return calendar

    def rewound(self, at_us: int) -> "Calendar":
        """The same changes for a stream whose time was set back: what arrived after `at_us` arrived then."""
        calendar = Calendar()
        for revisions in self._revisions.values():
            for one in revisions.values():
                arrived_us = None if one.arrived_us == _ALWAYS else min(one.arrived_us, at_us)
                for record_key in sorted(one.record_keys):
                    calendar.declare(one.change, arrived_us, claimed_us=one.claimed_us, record_key=record_key)
        return calendar

    def _known(self, at_us: int) -> tuple[list[list[_Revision]], int]:
        """For each change the known revisions, the one that counts last, and the next window end at which another revision may count."""
        known_changes, until_us = [], _NEVER
        for revisions in self._revisions.values():
            known = []
            for one in revisions.values():
                if one.known_us <= at_us:
                    known.append(one)
                else:
                    until_us = min(until_us, one.known_us)
            if known:
                known_changes.append(sorted(known, key=lambda one: one.rank))
        known_changes.sort(key=lambda known: (known[-1].change.change_id, known[-1].change.owner))
        return known_changes, until_us


NEVER_LATE = _ALWAYS
"""`claimed_us` of a User's change from before the first event: there was nothing to be late for."""


def _as_declared(known: list[_Revision]) -> Change:
    """The revision that counts, with times from the monitor instead of the owner where the monitor has better ones.

    Its declaration time is the arrival of the change's first revision. If a revision begins earlier than all previous ones, it is the
    arrival of that revision.
    """
    counting = known[-1]
    if counting.claimed_us is None:
        return counting.completed
    starts_at = counting.change.starts_at
    claimed = [one.claimed_us for one in known if one.claimed_us is not None and one.change.starts_at <= starts_at]
    declared_us = min(claimed)
    declared_at = None if declared_us == NEVER_LATE else instant(declared_us)
    return counting.completed.model_copy(update={"declared_at": declared_at})


def _earlier(known: list[_Revision]) -> tuple[tuple[int, Change], ...]:
    """(time known, revision) of the User's revisions up to the one that counts; empty if they are all the same.

    Changes from files have no arrival: their own times count.
    """
    counting = known[-1]
    before = [one for one in known[:-1] if one.arrived_us < counting.arrived_us]
    if not before or counting.change.source != "user":
        return ()
    return tuple((one.arrived_us, one.completed) for one in (*before, counting))


def _packed(one: _Revision) -> list[Any]:
    arrived_us = None if one.arrived_us == _ALWAYS else one.arrived_us
    if one.claimed_us is None and one.record_keys == {one.change.key}:
        return [one.text.decode(), arrived_us]
    return [one.text.decode(), arrived_us, one.claimed_us, sorted(one.record_keys)]


def _digest(known: list[list[_Revision]], changes: tuple[Change, ...]) -> str:
    digest = hashlib.sha256()
    for revisions, change in zip(known, changes, strict=True):
        one = revisions[-1]
        arrived = "" if one.change.updated_at is not None else str(one.arrived_us)
        digest.update(one.text + arrived.encode())
        if one.claimed_us is not None:
            digest.update(str(change.declared_at).encode())
        for arrived_us, earlier in _earlier(revisions)[:-1]:
            digest.update(f"{arrived_us}".encode() + to_json(earlier))
        digest.update(b"\n")
    return digest.hexdigest()
