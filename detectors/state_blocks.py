"""Blocks: the state of some thousand series at a time: large enough for cheap calls, small enough for the processor's cache."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from models.columns import Columns

BLOCK = 16_384
_KEPT_BYTES = 16 << 20

Parts = dict[str, Columns]
"""Part of a block (a detector's kind, the expectation, …) → its columns; the last axis of every array is the series."""


class Blocks:
    """A growing sequence of series in blocks of at most `BLOCK`; every block except the last is full."""

    def __init__(self) -> None:
        _keep_freed_memory()
        self._blocks: list[Parts] = []
        self._series = 0

    def __len__(self) -> int:
        return self._series

    def __iter__(self) -> Iterator[tuple[slice, Parts]]:
        """Each block and which series it holds."""
        for number, block in enumerate(self._blocks):
            yield slice(number * BLOCK, min((number + 1) * BLOCK, self._series)), block

    def grow(self, series: int, fresh: Callable[[slice], Parts]) -> None:
        """Makes room for `series` series; `fresh` returns the state of new ones."""
        while self._series < series:
            room = BLOCK - self._series % BLOCK
            end = min(self._series + room, series)
            new = fresh(slice(self._series, end))
            if room < BLOCK:
                self._blocks[-1] = {part: _joined([self._blocks[-1][part], new[part]]) for part in new}
            else:
                self._blocks.append(new)
            self._series = end

    def whole(self) -> dict[str, dict[str, Any]]:
        """All blocks as one tree of columns."""
        return {part: _joined([block[part] for block in self._blocks]) for part in self._blocks[0]} if self._blocks else {}

    @classmethod
    def cut(cls, tree: dict[str, dict[str, Any]], series: int) -> "Blocks":
        """Restores the blocks of `whole`."""
        blocks = cls()
        blocks.grow(
            series, lambda span: {part: {name: row[..., span].copy() for name, row in columns.items()} for part, columns in tree.items()}
        )
        return blocks


def completed(parts: Mapping[str, Mapping[str, Any]], fresh: Parts) -> dict[str, dict[str, Any]]:
    """The state of an older version, completed with the state of a new series where columns, or rows at the end of a table, are missing."""
    return {part: {name: _extended(parts.get(part, {}).get(name), new) for name, new in columns.items()} for part, columns in fresh.items()}


def _extended(old: Any, new: Any) -> Any:
    if old is None:
        return new
    if old.shape == new.shape:
        return old
    new[: len(old)] = old
    return new


def _joined(columns: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in columns], axis=-1) for name in columns[0]}


def _keep_freed_memory() -> None:
    """Lets the C library keep freed memory. Otherwise the kernel would map each temporary array again, which takes half of the time.

    glibc returns the end of its heap as soon as 128 KB of it are free, until a larger array is freed once: from then on it keeps twice
    that size (M_TRIM_THRESHOLD in mallopt(3)). On other platforms this does nothing.
    """
    np.empty(_KEPT_BYTES, np.uint8)
