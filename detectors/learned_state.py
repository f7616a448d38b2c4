"""Learned state: the usual values of each series, stored by its key, so that a new installation is useful on its first day."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.state_blocks import Parts
from models.columns import SeriesKey


class Learned:
    """Columns by series key, for the new series that are in it."""

    def __init__(self, keys: tuple[SeriesKey, ...] = (), parts: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._index = {key: index for index, key in enumerate(keys)}
        self._parts = parts or {}

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> "Learned":
        """Inverse of `as_tree`; an empty tree holds nothing."""
        return cls(tuple(SeriesKey(*key) for key in tree["keys"]), tree["parts"]) if tree else cls()

    def give(self, parts: Parts, keys: tuple[SeriesKey, ...]) -> None:
        """Sets the columns of the new series `keys` in `parts` to their learned values."""
        known = [(new, self._index[key]) for new, key in enumerate(keys) if key in self._index]
        if not known:
            return
        to, of = (np.array(indices, np.int64) for indices in zip(*known, strict=True))
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


def merged(newer: Mapping[str, Any], older: Mapping[str, Any]) -> dict[str, Any]:
    """The usual values of `newer`, and those of `older` for the series that `newer` lacks; both are results of `as_tree`.

    Columns of another version can't be put together: then only `newer` counts.
    """
    if not newer or not newer["keys"]:
        return dict(older or newer)
    known = {tuple(key) for key in newer["keys"]}
    lacking = [index for index, key in enumerate(older["keys"] if older else ()) if tuple(key) not in known]
    if not lacking or _columns(newer) != _columns(older):
        return dict(newer)
    parts = {
        part: {name: np.concatenate([rows, older["parts"][part][name][..., lacking]], axis=-1) for name, rows in columns.items()}
        for part, columns in newer["parts"].items()
    }
    return {"keys": [*newer["keys"], *(older["keys"][index] for index in lacking)], "parts": parts}


def _columns(tree: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, ...]]:
    """(part, name) → shape of one series."""
    return {(part, name): rows.shape[:-1] for part, columns in tree["parts"].items() for name, rows in columns.items()}
