"""Window columns: many closed windows as a few arrays, for another process; one window at a time costs more to send than to compute."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.columns import Floats, QueueTick, SeriesKey, TrafficTick
from streams.windowing.window_events import CodeColumns, as_window_codes, packed_codes, unpacked_codes
from streams.windowing.window_store import Closed

Item = TypeVar("Item")
_TRAFFIC = attrgetter("messages", "failures", "user_side", "device_side")
_QUEUES = attrgetter("depth", "oldest_age_s", "capacity", "enqueued", "delivered")


class ClosedColumns(NamedTuple):
    """Windows of one length with the same series."""

    indices: list[int]
    """Where each of them stands among all windows."""
    window_s: int
    traffic_keys: tuple[SeriesKey, ...]
    queue_keys: tuple[SeriesKey, ...]
    ends_us: list[int]
    reported: NDArray[np.bool_]
    """(windows, series)"""
    traffic: Floats
    """(windows, statistics, series)"""
    codes: CodeColumns
    queues_reported: NDArray[np.bool_]
    queues: Floats


def same_objects(items: Sequence[Item], kind: Callable[[Item], tuple[Any, ...]]) -> Iterable[list[int]]:
    """Indices of items whose `kind` consists of the same objects."""
    indices: dict[tuple[int, ...], list[int]] = {}
    for index, item in enumerate(items):
        indices.setdefault(tuple(map(id, kind(item))), []).append(index)
    return indices.values()


def stacked(items: Sequence[Any], columns: Callable[[Any], tuple[NDArray[Any], ...]]) -> NDArray[Any]:
    """(items, columns, series): one array of the columns of all items, which have the same number of series."""
    rows = [row for item in items for row in columns(item)]
    return (
        np.concatenate(rows).reshape(len(items), -1, len(rows[0])) if len(rows[0]) else np.zeros((len(items), len(rows) // len(items), 0))
    )


def flags(rows: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """One array (rows, series) of them."""
    return np.concatenate(rows).reshape(len(rows), len(rows[0]))


def packed(closed: Sequence[Closed]) -> list[ClosedColumns]:
    """`closed` as columns, for `unpacked`."""
    groups = []
    for indices in same_objects(closed, lambda one: (one.window_s, one.traffic_keys, one.queue_keys)):
        windows = [closed[index] for index in indices]
        groups.append(
            ClosedColumns(
                indices,
                windows[0].window_s,
                windows[0].traffic_keys,
                windows[0].queue_keys,
                [one.at_us for one in windows],
                flags([one.traffic.reported for one in windows]),
                stacked([one.traffic for one in windows], _TRAFFIC),
                packed_codes([as_window_codes(one.traffic.codes) for one in windows]),
                flags([one.queues.reported for one in windows]),
                stacked([one.queues for one in windows], _QUEUES),
            )
        )
    return groups


def unpacked(groups: Sequence[ClosedColumns]) -> list[Closed]:
    """Inverse of `packed`; the windows are views of the columns."""
    windows: list[tuple[int, Closed]] = []
    for group in groups:
        window_s, codes = group.window_s, unpacked_codes(group.codes)
        for number, (index, at_us) in enumerate(zip(group.indices, group.ends_us, strict=True)):
            messages, failures, user_side, device_side = group.traffic[number]
            traffic = TrafficTick(at_us, window_s, group.reported[number], messages, failures, user_side, device_side, codes[number])
            queues = QueueTick(at_us, window_s, group.queues_reported[number], *group.queues[number])
            windows.append((index, Closed(at_us, window_s, traffic, group.traffic_keys, queues, group.queue_keys)))
    return [one for _, one in sorted(windows, key=lambda pair: pair[0])]
