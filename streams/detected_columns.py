"""Detected columns: the results of many windows as a few arrays, for another process."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.columns import Detected, Findings, Floats, Pulse, PulseKey, QueuePulse, SeriesKey
from streams.flow import WindowFindings
from streams.windowing.window_columns import flags, same_objects, stacked

_PULSE = attrgetter("observed", "failed", "expected", "variance")
_QUEUES = attrgetter("depth", "oldest_age_s")
_KEYS = attrgetter("window_s", "traffic_keys", "queue_keys", "pulse.groups", "queue_pulse.queues")
_NONE = Findings.none()


class DetectedColumns(NamedTuple):
    """Results of one window length with the same series."""

    indices: list[int]
    """Where each of them stands among all results."""
    window_s: int
    traffic_keys: tuple[SeriesKey, ...]
    queue_keys: tuple[SeriesKey, ...]
    groups: tuple[PulseKey, ...]
    sorted_queues: tuple[SeriesKey, ...]
    ends_us: list[int]
    findings: list[tuple[int, Findings, Findings]]
    """Number of a window, and what was found in it; windows without findings are left out."""
    reported: NDArray[np.bool_]
    """(windows, series)"""
    pulse: Floats
    """(windows, statistics, series). Whose fault failures were is left out, because only metrics use that."""
    queues_reported: NDArray[np.bool_]
    queues: Floats


def packed(windows: Sequence[WindowFindings]) -> tuple[list[tuple[int, int]], list[DetectedColumns]]:
    """`windows` as columns, for `unpacked`."""
    every = [one for _, results in windows for one in results]
    columns = []
    for indices in same_objects(every, _KEYS):
        some = [every[index] for index in indices]
        first = some[0]
        columns.append(
            DetectedColumns(
                indices,
                first.window_s,
                first.traffic_keys,
                first.queue_keys,
                first.pulse.groups,
                first.queue_pulse.queues,
                [one.at_us for one in some],
                [(number, one.traffic, one.queues) for number, one in enumerate(some) if len(one.traffic) or len(one.queues)],
                flags([one.pulse.reported for one in some]),
                stacked([one.pulse for one in some], _PULSE),
                flags([one.queue_pulse.reported for one in some]),
                stacked([one.queue_pulse for one in some], _QUEUES),
            )
        )
    return [(at_us, len(results)) for at_us, results in windows], columns


def unpacked(ends: Sequence[tuple[int, int]], columns: Sequence[DetectedColumns]) -> list[WindowFindings]:
    """Inverse of `packed`; pulses are views of the columns."""
    every = iter(one for _, one in sorted((pair for group in columns for pair in _results(group)), key=lambda pair: pair[0]))
    return [(at_us, [next(every) for _ in range(count)]) for at_us, count in ends]


def _results(group: DetectedColumns) -> list[tuple[int, Detected]]:
    findings = {number: pair for number, *pair in group.findings}
    results = []
    for number, (index, at_us) in enumerate(zip(group.indices, group.ends_us, strict=True)):
        traffic, queues = findings.get(number, (_NONE, _NONE))
        pulse = Pulse(at_us, group.window_s, group.groups, group.reported[number], *group.pulse[number])
        queue_pulse = QueuePulse(at_us, group.window_s, group.sorted_queues, group.queues_reported[number], *group.queues[number])
        results.append((index, Detected(at_us, group.window_s, group.traffic_keys, group.queue_keys, traffic, queues, pulse, queue_pulse)))
    return results
