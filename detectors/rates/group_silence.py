"""Group silence: series of one User that become silent at the same time, each with too few messages to be noticed alone."""

from typing import Any

import numpy as np

from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import SECOND_US

LEVELS = 2
"""A User's direction as a whole, and each message class in it."""


class GroupSilence:
    """Adds up how unlikely the absence of every message is, over the series of each group; any message in the group resets it.

    It only begins findings; the own evidence of each series ends them.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._levels: tuple[_Level, ...] = ()
        self._calm = True

    def arrange(self, keys: tuple[SeriesKey, ...]) -> None:
        """Groups for `keys`; existing groups keep their evidence."""
        named: tuple[list[tuple[str, ...]], ...] = (
            [(key.user, key.direction) for key in keys],
            [(key.user, key.direction, key.message_class) for key in keys],
        )
        before = self._levels or (None,) * LEVELS
        self._levels = tuple(_Level(keys, names, old) for names, old in zip(named, before, strict=True))

    @property
    def is_calm(self) -> bool:
        """Whether no group has any evidence."""
        return self._calm

    def all_speak(self, busy: Flags) -> bool:
        """Whether every group has a message in this window, which is then the whole of it: no group has any evidence."""
        if not self._levels:
            return False
        # A group of the last level is part of one of each level before it.
        finest = self._levels[-1]
        spoken = np.zeros(len(finest.names), np.bool_)
        spoken[finest.group[busy]] = True
        if np.count_nonzero(spoken) < len(spoken):
            return False
        if not self._calm:
            for level in self._levels:
                level.nats[:] = level.run[:] = 0.0
            self._calm = True
        return True

    def step(self, at_us: int, window_s: int, nats: Floats, empty: Flags, busy: Flags) -> tuple[Flags, Ints, Floats]:
        """Processes one window: series whose group is silent, since when (µs), and its evidence (nats). Each array has shape (series,).

        `nats`: evidence of an empty window; `empty`: judged and without a message; `busy`: judged and with a message.
        """
        silent = np.zeros(len(empty), np.bool_)
        windows, score = np.ones(len(empty)), np.zeros(len(empty))
        for level in self._levels:
            over = level.add(nats, empty, busy, self._threshold)
            if over.any():
                silenced = empty & over[level.group]
                windows[silenced], score[silenced] = level.run[level.group[silenced]], level.nats[level.group[silenced]]
                silent |= silenced
        self._calm = not self._has_evidence()
        return silent, at_us - windows.astype(np.int64) * (window_s * SECOND_US), score

    def pack(self) -> Any:
        """State as a tree."""
        return [{"nats": level.nats.copy(), "run": level.run.copy()} for level in self._levels]

    def restore(self, tree: Any) -> None:
        """Restores the state that `pack` returned, after the same keys were arranged."""
        for level, packed in zip(self._levels, tree, strict=True):
            level.nats, level.run = packed["nats"], packed["run"]
        self._calm = not self._has_evidence()

    def _has_evidence(self) -> bool:
        return any(level.nats.any() or level.run.any() for level in self._levels)


class _Level:
    """One way of grouping; the sums run over a group's series in canonical order, whatever their order in memory."""

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
        """Processes one window; returns the groups that are certainly silent."""
        spoken = np.zeros(len(self.names), np.bool_)
        spoken[self.group[busy]] = True
        if spoken.all():
            self.nats[:] = self.run[:] = 0.0
            return ~spoken
        quiet = empty[self._order].nonzero()[0]
        groups = self._sorted[quiet]
        self.nats += np.bincount(groups, nats[self._order][quiet], len(self.names))
        self.run += np.bincount(groups, minlength=len(self.names)) > 0
        self.nats[spoken] = self.run[spoken] = 0.0
        over: Flags = self.nats > threshold
        return over
