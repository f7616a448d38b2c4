"""Record: one change in the system that it was exported from, whatever owner and id it has in an export.

A change is known by owner and `change_id`. When its owner is corrected at the source, or it gets another id there, the next export
contains it under another name; without more knowledge both would stay in force.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from models.change import Change

OVER = frozenset({"cancelled", "completed", "rolled_back"})

Rank = tuple[datetime | None, datetime | None]
"""The last update of a record, and when the export was made."""


@dataclass(frozen=True, slots=True)
class Name:
    """The change that holds a record in its newest export; `others` too if nothing says which is newer."""

    rank: Rank
    change: Change
    others: tuple[Change, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """`owner/change_id` of each."""
        return frozenset(one.key for one in (self.change, *self.others))

    @property
    def unsettled_text(self) -> str:
        """One line for people about a record with several names."""
        first, *more = sorted(self.keys)
        return (
            f"{first}: the same record stands as {', '.join(more)} too, and nothing says which name is newer: "
            "export the time of its last update, or cancel the one that is wrong"
        )

    def beside(self, change: Change) -> "Name":
        """With another change of the same rank; one that is cancelled has left its name."""
        if change.status == "cancelled":
            return self
        if self.change.status == "cancelled":
            return Name(self.rank, change)
        return Name(self.rank, self.change, (*self.others, change))


def newest_names(changes: Iterable[Change]) -> dict[str, Name]:
    """Of each `record_id` among `changes`, the name in its newest export."""
    newest: dict[str, Name] = {}
    for one in sorted((one for one in changes if one.record_id is not None), key=lambda one: _rank(one).count(None)):
        rank, known = _rank(one), newest.get(one.record_id or "")
        if known is None or _is_older(known.rank, rank):
            newest[one.record_id or ""] = Name(rank, one)
        elif not _is_older(rank, known.rank) and one.key not in known.keys:
            newest[one.record_id or ""] = known.beside(one)
    return newest


def name_now(change: Change, newest: Mapping[str, Name]) -> str | None:
    """`owner/change_id` of the change that holds the record now, None if that is `change` itself or unknown."""
    name = None if change.record_id is None else newest.get(change.record_id)
    if name is None or name.change.key == change.key or not _is_older(_rank(change), name.rank):
        return None
    return name.change.key


def renamed(standing: Iterable[Change], newest: Mapping[str, Name]) -> list[tuple[Change, str]]:
    """What stands under a name that the record no longer has: cancelled by the export that says so, and the name now."""
    gone: list[tuple[Change, str]] = []
    for one in standing:
        now = None if one.record_id is None or one.status in OVER else name_now(one, newest)
        if one.record_id is not None and now is not None:
            update = {"status": "cancelled", **_stamps(newest[one.record_id].rank)}
            gone.append((one.model_copy(update=update), now))
    return gone


def _stamps(rank: Rank) -> dict[str, datetime]:
    return {name: at for name, at in zip(("updated_at", "exported_at"), rank, strict=True) if at is not None}


def same_elsewhere(new: Sequence[Change], standing: Iterable[Change]) -> list[str]:
    """One line for people about each of `new` that is likely a change which stands under another owner: same id, and same title or time.

    Where both have a record id, that decides.
    """
    ids = {one.change_id for one in new}
    by_id: dict[str, list[Change]] = {}
    for one in standing if new else ():
        if one.change_id in ids and one.status not in OVER:
            by_id.setdefault(one.change_id, []).append(one)
    pairs: dict[tuple[str, str, str], None] = {}
    for one in new:
        for other in by_id.get(one.change_id, ()) if one.status not in OVER else ():
            if other.owner != one.owner and None in (one.record_id, other.record_id) and _is_alike(one, other):
                pairs[(one.series or one.change_id, one.owner, other.owner)] = None
    return [
        f"{name} is new for {owner} and stands for {before} too: if the owner was corrected, cancel that of {before}"
        for name, owner, before in pairs
    ]


def _is_alike(one: Change, other: Change) -> bool:
    return one.title == other.title or (one.planned_start, one.planned_end) == (other.planned_start, other.planned_end)


def _rank(change: Change) -> Rank:
    return change.updated_at, change.exported_at


def _is_older(one: Rank, other: Rank) -> bool:
    """Whether a time that both have says so; a missing time says nothing."""
    for mine, theirs in zip(one, other, strict=True):
        if mine is not None and theirs is not None and mine != theirs:
            return mine < theirs
    return False
