"""Pooling: series that are counted together, such as all of one User."""

from collections.abc import Iterable, Sequence

import numpy as np

from models.columns import Floats, Ints, SeriesKey


def numbered(names: Iterable[str]) -> Ints:
    """A number for each name, in order of first appearance."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64)


def numbered_users(keys: Sequence[SeriesKey]) -> tuple[list[str], Ints]:
    """All Users, sorted, and the number of each series' User among them."""
    names = sorted({key.user for key in keys})
    number = {name: index for index, name in enumerate(names)}
    return names, np.array([number[key.user] for key in keys], np.int64)


def pooled(values: Floats, groups: Ints, size: int | None = None) -> Floats:
    """(windows, groups) sums of (windows, series) by group, in the order of the series. `size`: number of groups, if some are empty."""
    count = int(groups.max()) + 1 if size is None else size
    cells = groups + count * np.arange(len(values))[:, None]
    sums = np.bincount(cells.ravel(), values.ravel(), minlength=count * len(values))
    return np.asarray(sums.reshape(len(values), count), np.float64)
