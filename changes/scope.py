"""Scope: whose traffic a change touches."""

from collections.abc import Collection

import numpy as np

from models.change import Change
from models.columns import Flags, Indices, SeriesKey

_PARTS = ("user", "direction", "service", "region", "queue")
_MASKS_MOST = 1000


def scope_users(change: Change) -> frozenset[str] | None:
    """The Users that it touches; None for everyone. A User's change without a list touches that User."""
    if change.users:
        return frozenset(change.users)
    return frozenset((change.owner,)) if change.source == "user" else None


def matches(change: Change, key: SeriesKey) -> bool:
    """Whether a series lies in the scope. A part that the series does not name can't exclude it."""
    users = scope_users(change)
    if users is not None and key.user not in users:
        return False
    parts = ((_direction(key), change.directions), (key.service, change.services), (key.region, change.regions), (key.queue, change.queues))
    return all(not part or not listed or part in listed for part, listed in parts)


class ScopeTable:
    """The parts of many series as columns, so that a change's scope over them is a few array operations."""

    def __init__(self, keys: tuple[SeriesKey, ...]) -> None:
        self.keys = keys
        self._masks: dict[Change, Flags] = {}
        self._names: dict[str, dict[str, int]] = {part: {"": 0} for part in _PARTS}
        self._columns = {part: self._column(part) for part in _PARTS}

    def mask(self, change: Change) -> Flags:
        """(series,) `matches` of each; the caller must not write into it."""
        if len(self._masks) >= _MASKS_MOST:
            self._masks.clear()
        if change not in self._masks:
            self._masks[change] = self._mask(change)
        return self._masks[change]

    def _column(self, part: str) -> Indices:
        names = self._names[part]
        values = (_direction(key) if part == "direction" else getattr(key, part) for key in self.keys)
        return np.fromiter((names.setdefault(value, len(names)) for value in values), np.int32, len(self.keys))

    def _mask(self, change: Change) -> Flags:
        inside = np.ones(len(self.keys), np.bool_)
        users = scope_users(change)
        if users is not None:
            inside &= self._named("user", users)
        for part, listed in (
            ("direction", change.directions),
            ("service", change.services),
            ("region", change.regions),
            ("queue", change.queues),
        ):
            if listed:
                inside &= self._named(part, listed) | (self._columns[part] == 0)
        return inside

    def _named(self, part: str, listed: Collection[str]) -> Flags:
        names = self._names[part]
        return np.isin(self._columns[part], [names[name] for name in listed if name in names])


def _direction(key: SeriesKey) -> str:
    """A queue to somebody holds messages of that direction."""
    return key.direction or (key.queue if key.queue in ("to_user", "to_dsp") else "")
