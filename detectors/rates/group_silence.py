"""Together: the series of one User that fall silent at the same time, each too quiet to be missed alone."""

from typing import Any

import numpy as np

from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import SECOND_US

LEVELS = 2
"""A User's direction as a whole, and each message class in it."""


class GroupSilence:
    """Adds up how unlikely it is that nothing at all comes, over the series of each group; a message anywhere in it clears it.

    Only begins findings: each series' own evidence ends its own.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._levels: tuple[_Level, ...] = ()

    def arrange(self, keys: tuple[SeriesKey, ...]) -> None:
        """Groups for `keys`; evidence of groups that there were goes on."""
        named: tuple[list[tuple[str, ...]], ...] = (
            [(key.user, key.direction) for key in keys],
            [(key.user, key.direction, key.message_class) for key in keys],
        )
        before = self._levels or (None,) * LEVELS
        self._levels = tuple(_Level(keys, names, old) for names, old in zip(named, before, strict=True))

    def step(self, at_us: int, window_s: int, nats: Floats, empty: Flags, busy: Flags) -> tuple[Flags, Ints, Floats]:
        """One window: series whose group is silent, since when (µs), and its evidence (nats). Each array has shape (series,).

        `nats`: evidence of an empty window; `empty`: judged and nothing came; `busy`: judged and something came.
        """
        silent = np.zeros(len(empty), np.bool_)
        windows, score = np.ones(len(empty)), np.zeros(len(empty))
        for level in self._levels:
            over = level.add(nats, empty, busy, self._threshold)
            if over.any():
                found = empty & over[level.group]
                windows[found], score[found] = level.run[level.group[found]], level.nats[level.group[found]]
                silent |= found
        return silent, at_us - windows.astype(np.int64) * (window_s * SECOND_US), score

    def pack(self) -> Any:
        """State as a tree."""
        return [{"nats": level.nats.copy(), "run": level.run.copy()} for level in self._levels]

    def restore(self, tree: Any) -> None:
        """Goes on from what `pack` gave, once arranged for the same keys."""
        for level, packed in zip(self._levels, tree, strict=True):
            level.nats, level.run = packed["nats"], packed["run"]


class _Level:
    """One way to group; the sums run over a group's series in canonical order, whatever order they are kept in."""

    def __init__(self, keys: tuple[SeriesKey, ...], names: list[tuple[str, ...]], before: "_Level | None") -> None:
        self.names = {name: number for number, name in enumerate(sorted(set(names)))}
        self.group = np.array([self.names[name] for name in names], np.int64)
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
        self._order: Any = slice(None) if np.array_equal(order, np.arange(len(order))) else order
        self._sorted = self.group[self._order]
        self.nats, self.run = np.zeros(len(self.names)), np.zeros(len(self.names))
        if before is not None:
            for name, number in before.names.items():
                self.nats[self.names[name]], self.run[self.names[name]] = before.nats[number], before.run[number]

    def add(self, nats: Floats, empty: Flags, busy: Flags, threshold: float) -> Flags:
        """One window; which groups are silent for certain."""
        quiet = empty[self._order].nonzero()[0]
        heard = self._sorted[quiet]
        self.nats += np.bincount(heard, nats[self._order][quiet], len(self.names))
        self.run += np.bincount(heard, minlength=len(self.names)) > 0
        spoken = self.group[busy]
        self.nats[spoken] = self.run[spoken] = 0.0
        over: Flags = self.nats > threshold
        return over
