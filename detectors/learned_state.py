"""Learned state: the usual values of each series, stored by its key, so that a new installation is useful on its first day."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.state_blocks import Parts
from models.columns import SeriesKey


class Learned:
    """Columns by series key, for the new series that are in it."""

    def __init__(self, keys: tuple[SeriesKey, ...] = (), parts: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._place = {key: index for index, key in enumerate(keys)}
        self._parts = parts or {}

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> "Learned":
        """Inverse of `as_tree`; an empty tree holds nothing."""
        return cls(tuple(SeriesKey(*key) for key in tree["keys"]), tree["parts"]) if tree else cls()

    def give(self, parts: Parts, keys: tuple[SeriesKey, ...]) -> None:
        """Sets the columns of the new series `keys` in `parts` to their learned values."""
        known = [(new, self._place[key]) for new, key in enumerate(keys) if key in self._place]
        if not known:
            return
        to, of = (np.array(places, np.int64) for places in zip(*known, strict=True))
        for part, columns in self._parts.items():
            for name, rows in columns.items():
                # State of an older version may lack the last rows of a table, or have columns that are no longer needed.
                if name in parts[part] and rows.ndim == 1:
                    parts[part][name][to] = rows[of]
                elif name in parts[part]:
                    parts[part][name][: len(rows), to] = rows[:, of]


def as_tree(keys: tuple[SeriesKey, ...], parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The usual values of `keys` as a tree for `models.state_bytes`."""
    return {"keys": [list(key) for key in keys], "parts": parts}
