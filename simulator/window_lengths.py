"""Window lengths: several in one fleet. What is simulated in short windows is added up for the Users that measure in longer ones."""

from dataclasses import replace
from typing import Any

import numpy as np

from models.columns import Ints, SeriesKey
from simulator.traffic import Stretch

TRAFFIC = ("messages", "failures", "second", "code_pair", "traffic_reported")
QUEUES = ("depth", "oldest_age_s", "enqueued", "delivered", "queues_reported")
_ADDED = frozenset({"messages", "failures", "second", "enqueued", "delivered"})
"""A sum over the windows; of the others the last one counts."""
_REPORTED = frozenset({"traffic_reported", "queues_reported"})


def windows_each(keys: tuple[SeriesKey, ...], window_s: int) -> Ints:
    """(series,) How many windows of the simulation are one of theirs."""
    return np.array([key.window_s // window_s for key in keys], np.int64)


def added_up(stretch: Stretch, traffic: Ints, queues: Ints) -> Stretch:
    """`stretch` as it is measured; `traffic` and `queues` as `windows_each` gives them.

    A longer window is reported with the last of the short ones, unless one of these was lost.
    """
    if max(traffic.max(initial=1), queues.max(initial=1)) == 1:
        return stretch
    columns = {name: _column(stretch, name, traffic) for name in TRAFFIC} | {name: _column(stretch, name, queues) for name in QUEUES}
    return replace(stretch, **columns)


def _column(stretch: Stretch, name: str, each: Ints) -> Any:
    column = getattr(stretch, name).copy()
    for number in np.unique(each[each > 1]).tolist():
        rows = np.flatnonzero(each == number)
        short = column[:, rows].reshape(-1, number, len(rows))
        if name in _REPORTED:
            column[:, rows] = False
            column[number - 1 :: number, rows] = short.all(axis=1)
        elif name in _ADDED:
            column[number - 1 :: number, rows] = short.sum(axis=1)
    return column


def cut(stretch: Stretch, traffic: Ints, queues: Ints) -> Stretch:
    """The columns of some series and queues."""
    columns = {name: getattr(stretch, name)[:, traffic] for name in TRAFFIC} | {name: getattr(stretch, name)[:, queues] for name in QUEUES}
    return replace(stretch, **columns)
