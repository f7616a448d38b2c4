"""Merge: which content counts when exports of one calendar are combined, in whatever order they are read.

- Of a series the newest export counts as a whole: occurrences that it does not contain are withdrawn.
- Of one record (`record_id`) the newest export says owner and id: what stands under its earlier name is withdrawn.
- Of one change the highest revision counts, then the later `updated_at`, then the later export.
- Two contents that none of these rules separates are a conflict: neither is chosen by chance.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from changes.files.record_names import OVER, Name, name_now, newest_names
from models.change import Change

_OCCURRENCE = re.compile(r"(.+)/\d{8}T\d{6}Z", re.ASCII)
_NEVER = datetime.min.replace(tzinfo=UTC)
_MOMENT = timedelta(milliseconds=1)
_OF_EXPORT: dict[str, None] = {"exported_at": None, "record_id": None}
"""Fields that say something about an export, and nothing about the change."""

Key = tuple[str, str]
"""`change_id` and owner."""
Rank = tuple[int, datetime, datetime]
SeriesRank = tuple[int, datetime]
"""Revision of a series, and when the export was made."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One revision of a change with contents that differ, and no sign of which is newer."""

    change_id: str
    owner: str
    revision: int
    name: Name | None = None
    """The names of its record, where they are what differs."""

    @property
    def text(self) -> str:
        """One line for people."""
        if self.name is not None:
            return self.name.unsettled_text
        return (
            f"{self.change_id} ({self.owner}): revision {self.revision} exists with different content: "
            "give a higher `revision` or a later `updated_at`"
        )


@dataclass(frozen=True, slots=True)
class Merged:
    """The changes that count, by `change_id` and owner, and the conflicts."""

    changes: tuple[Change, ...]
    disagreements: tuple[Disagreement, ...] = ()


def merge(changes: Iterable[Change], standing: Iterable[Change] = ()) -> Merged:
    """Which of `changes` and the existing ones in `standing` count; if nothing separates two contents, the existing one stays."""
    kept = {_key(one): one for one in standing}
    first: dict[Key, Change] = {}
    rivals: dict[Key, list[Change]] = {}
    candidates = _of_newest_series([*kept.values(), *changes])
    names = newest_names(candidates)
    for one in candidates if not names else (one for one in candidates if name_now(one, names) is None):
        key = one.change_id, one.owner
        if first.setdefault(key, one) is not one:
            rivals.setdefault(key, [first[key]]).append(one)
    counting: list[Change] = []
    disagreements = _of_names(names.values())
    for key in sorted(first):
        if key not in rivals:
            counting.append(first[key])
            continue
        best = _best(rivals[key])
        if len(best) == 1:
            counting.append(best[0])
            continue
        disagreements.append(Disagreement(best[0].change_id, best[0].owner, best[0].revision))
        if kept.get(key) in best:
            counting.append(kept[key])
    return Merged(tuple(counting), tuple(disagreements))


def same_content(one: Change, other: Change) -> bool:
    """Whether their contents are equal, whenever and from wherever they were exported."""
    return one == other or one.model_copy(update=_OF_EXPORT) == other.model_copy(update=_OF_EXPORT)


def _of_names(names: Iterable[Name]) -> list[Disagreement]:
    """The records whose newest name is not known."""
    return [Disagreement(name.change.change_id, name.change.owner, name.change.revision, name) for name in names if name.others]


def no_longer_held(standing: Sequence[Change], export: Sequence[Change], after: datetime, owner: str | None = None) -> tuple[Change, ...]:
    """Existing changes of the export's owners that end after `after`, are not cancelled, and are missing in a full `export`.

    `owner`: whose export it is, where that is known although the export may be empty.
    """
    owners, held = {one.owner for one in export} | ({owner} if owner else set()), {_key(one) for one in export}
    missing = (one for one in standing if one.owner in owners and _key(one) not in held)
    return tuple(one for one in missing if one.planned_end > after and one.status not in OVER)


def _key(change: Change) -> Key:
    return change.change_id, change.owner


def _rank(change: Change) -> Rank:
    return change.revision, change.updated_at or _NEVER, change.exported_at or _NEVER


def _best(changes: Sequence[Change]) -> list[Change]:
    """The changes of the highest rank with different contents."""
    highest = max(map(_rank, changes))
    best: list[Change] = []
    for one in changes:
        if _rank(one) == highest and not any(same_content(one, other) for other in best):
            best.append(one)
    return best


def series_ranks(changes: Iterable[Change], known: Iterable[Key] = ()) -> dict[Key, SeriesRank]:
    """Of each series among `changes`, and of those `known` already, the newest export."""
    held = list(changes)
    series: set[Key] = {(one.series, one.owner) for one in held if one.series is not None}.union(known)
    newest: dict[Key, SeriesRank] = {}
    for one in held if series else ():
        key = _series_of(one, series)
        # An occurrence that came without its series is no export of it.
        if key is not None and (one.series is None or one.series_revision is not None):
            newest[key] = max(series_rank(one), newest.get(key, (0, _NEVER)))
    return newest


def is_superseded(change: Change, newest: Mapping[Key, SeriesRank]) -> bool:
    """Whether a newer export of its series than the one that holds it is known."""
    key = _series_of(change, newest.keys())
    return key is not None and key in newest and series_rank(change) < newest[key]


def withdrawn(
    standing: Iterable[Change], export: Sequence[Change], newest: Mapping[Key, SeriesRank], since: datetime | None = None
) -> list[Change]:
    """What stands of the series in `export`, ends after `since`, and is not held by it although it is the newest: it is cancelled by it.

    What the same export holds beside that, where it arrives in parts, counts before the cancellation.
    """
    ranks = {key: rank for key, rank in series_ranks(export, newest).items() if rank >= newest.get(key, rank)}
    held = {_key(one) for one in export}
    cancelled: list[Change] = []
    for one in standing:
        key = _series_of(one, ranks.keys())
        if key not in ranks or _key(one) in held or one.status in OVER or series_rank(one) >= ranks[key]:
            continue
        if since is not None and one.planned_end <= since:
            continue
        revision, exported_at = ranks[key]
        update: dict[str, object] = {"status": "cancelled"}
        update |= {"revision": one.revision + 1} if exported_at == _NEVER else {"exported_at": exported_at - _MOMENT}
        update |= {"series_revision": revision} if one.series is not None else {}
        cancelled.append(one.model_copy(update=update))
    return cancelled


def _of_newest_series(changes: Sequence[Change]) -> list[Change]:
    """Removes the occurrences of a series that a newer export of it does not contain; a single event of that UID is such an export."""
    newest = series_ranks(changes)
    if not newest:
        return list(changes)
    return [one for one in changes if not is_superseded(one, newest)]


def _series_of(change: Change, series: Collection[Key]) -> Key | None:
    if change.series is not None:
        return change.series, change.owner
    # A single event of that UID, or an occurrence from a file that did not record the series yet.
    for name in (change.change_id, _occurrence_of(change.change_id)):
        if (name, change.owner) in series:
            return name, change.owner
    return None


def series_rank(change: Change) -> SeriesRank:
    """Which export of its series holds it."""
    if change.series is None and _occurrence_of(change.change_id):
        return 0, _NEVER
    return change.series_revision or change.revision, change.exported_at or _NEVER


def _occurrence_of(change_id: str) -> str:
    match = _OCCURRENCE.fullmatch(change_id)
    return "" if match is None else match[1]
