"""Blocks: the state of some thousand series at a time, so that a step stays within the processor's cache."""

from typing import Any

import numpy as np

from models.columns import Columns

BLOCK = 4096

Parts = dict[str, Columns]
"""Part of a block (a detector's kind, the expectation, …) → its columns; the last axis of every array is the series."""


def joined_columns(first: Columns, second: Columns) -> Columns:
    """Columns of the series of `first`, then those of `second`."""
    return {name: np.concatenate([first[name], second[name]], axis=-1) for name in first}


def whole(blocks: list[Parts]) -> dict[str, dict[str, Any]]:
    """All blocks as one tree of columns."""
    if not blocks:
        return {}
    return {
        part: {name: np.concatenate([block[part][name] for block in blocks], axis=-1) for name in blocks[0][part]} for part in blocks[0]
    }


def cut(tree: dict[str, dict[str, Any]], series: int) -> list[Parts]:
    """The blocks that `whole` was called on."""
    return [
        {part: {name: array[..., start : start + BLOCK].copy() for name, array in columns.items()} for part, columns in tree.items()}
        for start in range(0, series, BLOCK)
    ]
