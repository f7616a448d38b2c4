"""Scope: the traffic that a change covers; the only module that matches a change with a series."""

from collections.abc import Collection

import numpy as np

from models.change import Change
from models.columns import Flags, Indices, SeriesKey

_PARTS = ("user", "direction", "service", "region", "queue")
_MASKS_MOST = 1000


Words = tuple[Collection[str], Collection[str], Collection[str], Collection[str]]
"""Services, regions, directions and queues of a scope; an empty part does not restrict it."""


def scope_users(change: Change) -> frozenset[str] | None:
    """The Users whose traffic a change covers; None for everyone.

    A User-led change is the claim of one party: it covers its owner's traffic only, whatever `users` it names.
    """
    if change.source == "user":
        return frozenset((change.owner,))
    return frozenset(change.users) or None


def scope_words(change: Change) -> Words:
    """The other parts of its scope."""
    return change.services, change.regions, change.directions, change.queues


def admits(words: Words, key: SeriesKey) -> bool:
    """Whether services, regions, directions and queues include a series; fields that a series does not have do not restrict it."""
    carried = (key.service, key.region, _direction(key), key.queue)
    return all(not listed or not part or part in listed for listed, part in zip(words, carried, strict=True))


def matches(change: Change, key: SeriesKey) -> bool:
    """Whether a series is in the scope. A field that the series does not have can't exclude it."""
    users = scope_users(change)
    return (users is None or key.user in users) and admits(scope_words(change), key)


class ScopeTable:
    """The fields of many series as columns, so that matching a change's scope takes a few array operations."""

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
    """A queue to a party contains messages of that direction."""
    return key.direction or (key.queue if key.queue in ("to_user", "to_dsp") else "")
