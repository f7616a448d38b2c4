"""Calendar: every declared change in its revisions, and which of them counts in a window."""

import hashlib
from dataclasses import dataclass
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
    """Canonical JSON: tells equal revisions of different content apart."""
    arrived_us: int
    """_ALWAYS for what stood in a file."""

    @property
    def rank(self) -> tuple[int, int, bytes]:
        """Of two revisions known the greater counts, in whatever order they came."""
        updated = self.change.updated_at
        return self.change.revision, _ALWAYS if updated is None else us(updated), self.text

    @property
    def known_us(self) -> int:
        """The earliest window end that may use it."""
        updated = self.change.updated_at
        return max(self.arrived_us + 1, _ALWAYS if updated is None else us(updated))

    @property
    def completed(self) -> Change:
        """With the times that default to its arrival."""
        if self.arrived_us == _ALWAYS or self.change.updated_at is not None:
            return self.change
        arrived = instant(self.arrived_us)
        return self.change.model_copy(update={"declared_at": arrived, "updated_at": arrived})


class Calendar:
    """Keeps revisions; a view is cheap while nothing changes, and packs to a tree."""

    def __init__(self) -> None:
        self._revisions: dict[str, dict[bytes, _Revision]] = {}
        self._version = 0
        self._at_us: int | None = None
        """The window of the last view."""
        self._until_us = _ALWAYS
        """Up to here, exclusive, the last view stands."""
        self._view: CalendarView | None = None
        self._changed = True
        self._digest = ""
        """Of what the last view holds; outlives a restart, unlike the view."""
        self._declarations = ScopeTables()

    def declare(self, change: Change, arrived_us: int | None) -> None:
        """A revision, in any order. It counts from the first window that ends at or after its `updated_at` and after `arrived_us`.

        `arrived_us` is stream time: the end of the last window that had closed when it came (not the wall clock, which knows nothing of a
        stream that is behind or replayed). None: always known, as changes in files are.
        """
        text = to_json(change)
        revisions = self._revisions.setdefault(change.change_id, {})
        before = revisions.get(text)
        revision = _Revision(change, text, _ALWAYS if arrived_us is None else arrived_us)
        if before is None or revision.arrived_us < before.arrived_us:
            revisions[text] = revision
            self._changed = True

    def withdraw(self, change_id: str) -> None:
        """A tombstone: the change and all its revisions so far are gone from the next window on."""
        if self._revisions.pop(change_id, None) is not None:
            self._changed = True

    def forget(self, before_us: int) -> None:
        """Drops changes that every revision says were over before `before_us`, so that years of them do not pile up."""
        over = [
            change_id
            for change_id, revisions in self._revisions.items()
            if all(
                max(us(one.change.planned_end), us(one.change.actual_end or one.change.planned_end)) < before_us
                for one in revisions.values()
            )
        ]
        for change_id in over:
            self.withdraw(change_id)

    def view(self, at_us: int) -> CalendarView:
        """What counts in the window that ends at `at_us`; the same object as before if nothing differs."""
        if self._view is not None and not self._changed and self._at_us is not None and self._at_us <= at_us < self._until_us:
            return self._view
        known, until_us = self._known(at_us)
        digest = _digest(known)
        if digest != self._digest:
            self._version += 1
        if digest != self._digest or self._view is None:
            self._view = CalendarView(self._version, tuple(one.completed for one in known), self._declarations)
        self._at_us, self._until_us, self._changed, self._digest = at_us, until_us, False, digest
        return self._view

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`; the same revisions in another order give the same tree."""
        revisions = sorted((one.change.change_id, one.text, one.arrived_us) for known in self._revisions.values() for one in known.values())
        return {
            "revisions": [[text.decode(), None if arrived_us == _ALWAYS else arrived_us] for _, text, arrived_us in revisions],
            "version": self._version,
            "digest": self._digest,
        }

    @classmethod
    def unpack(cls, tree: dict[str, Any]) -> "Calendar":
        """The calendar that `pack` was called on; its next view has the version it would have had."""
        calendar = cls()
        for text, arrived_us in tree["revisions"]:
            calendar.declare(decode(Change, text), arrived_us)
        calendar._version, calendar._digest = tree["version"], tree["digest"]
        return calendar

    def _known(self, at_us: int) -> tuple[list[_Revision], int]:
        """The revision of each change that counts, and the first later window end that may know more."""
        counting, until_us = [], _NEVER
        for change_id in sorted(self._revisions):
            known = []
            for one in self._revisions[change_id].values():
                if one.known_us <= at_us:
                    known.append(one)
                else:
                    until_us = min(until_us, one.known_us)
            if known:
                counting.append(max(known, key=lambda one: one.rank))
        return counting, until_us


def _digest(revisions: list[_Revision]) -> str:
    digest = hashlib.sha256()
    for one in revisions:
        arrived = "" if one.change.updated_at is not None else str(one.arrived_us)
        digest.update(one.text + arrived.encode() + b"\n")
    return digest.hexdigest()
