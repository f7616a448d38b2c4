"""Merging: joins the windows that several partitions closed at one time into those that one process would have closed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.columns import Detected, Findings, Indices, Ints, Pulse, PulseKey, QueuePulse, SeriesKey


class Merger:
    """Joins partitions, one resolution after another; results that depend on the keys alone are cached while the keys stay the same."""

    def __init__(self) -> None:
        self._layouts: dict[int, _Layout] = {}

    def merge(self, parts: Sequence[Detected]) -> list[Detected]:
        """One Detected per resolution, by window length; `parts` are of one window end, in order of partition."""
        cohorts: dict[int, list[Detected]] = {}
        for part in parts:
            cohorts.setdefault(part.window_s, []).append(part)
        return [self._cohort(window_s, cohorts[window_s]) for window_s in sorted(cohorts)]

    def _cohort(self, window_s: int, parts: list[Detected]) -> Detected:
        if len(parts) == 1:
            return parts[0]
        layout = self._layouts.get(window_s)
        if layout is None or not layout.fits(parts):
            layout = self._layouts[window_s] = _Layout(parts)
        pulses, queues = [part.pulse for part in parts], [part.queue_pulse for part in parts]
        at_us = parts[0].at_us
        return Detected(
            at_us=at_us,
            window_s=window_s,
            traffic_keys=layout.traffic_keys,
            queue_keys=layout.queue_keys,
            traffic=_stacked([part.traffic for part in parts], layout.traffic_starts),
            queues=_stacked([part.queues for part in parts], layout.queue_starts),
            pulse=Pulse(at_us, window_s, layout.groups, *(_sorted(pulses, name, layout.group_order) for name in _PULSE)),
            queue_pulse=QueuePulse(at_us, window_s, layout.pulsing, *(_sorted(queues, name, layout.pulsing_order) for name in _QUEUE)),
        )


_PULSE = ("reported", "observed", "failed", "expected", "variance")
_QUEUE = ("reported", "depth", "oldest_age_s")


class _Layout:
    """The index of each partition's series in the joined table."""

    def __init__(self, parts: list[Detected]) -> None:
        self._of = [_keys(part) for part in parts]
        self.traffic_keys: tuple[SeriesKey, ...] = tuple(key for part in parts for key in part.traffic_keys)
        self.queue_keys: tuple[SeriesKey, ...] = tuple(key for part in parts for key in part.queue_keys)
        self.traffic_starts = _starts([len(part.traffic_keys) for part in parts])
        self.queue_starts = _starts([len(part.queue_keys) for part in parts])
        groups: list[PulseKey] = [key for part in parts for key in part.pulse.groups]
        pulsing: list[SeriesKey] = [key for part in parts for key in part.queue_pulse.queues]
        self.group_order = np.array(sorted(range(len(groups)), key=groups.__getitem__), np.int64)
        self.pulsing_order = np.array(sorted(range(len(pulsing)), key=pulsing.__getitem__), np.int64)
        self.groups = tuple(groups[i] for i in self.group_order)
        self.pulsing = tuple(pulsing[i] for i in self.pulsing_order)

    def fits(self, parts: list[Detected]) -> bool:
        """Whether these are the same keys by identity."""
        return len(parts) == len(self._of) and all(
            one is other for part, known in zip(parts, self._of, strict=True) for one, other in zip(_keys(part), known, strict=True)
        )


def _keys(part: Detected) -> tuple[Any, ...]:
    return part.traffic_keys, part.queue_keys, part.pulse.groups, part.queue_pulse.queues


def _starts(lengths: list[int]) -> list[int]:
    return [sum(lengths[:index]) for index in range(len(lengths))]


def _sorted(parts: Sequence[Pulse | QueuePulse], name: str, order: Ints) -> Any:
    return np.concatenate([getattr(part, name) for part in parts])[order]


def _stacked(parts: list[Findings], starts: list[int]) -> Findings:
    """All rows, with series numbered in the joined table; evidence that a partition does not have is NaN."""
    pairs = [(part, start) for part, start in zip(parts, starts, strict=True) if len(part) or part.codes]
    if not pairs:
        return parts[0]
    rows = [part for part, _ in pairs]
    names = sorted({name for part in rows for name in part.evidence})
    columns = ("kind", "phase", "began_us", "detected_us", "score", "observed", "expected", "serious")
    return Findings(
        series=np.concatenate([_shifted(part.series, start) for part, start in pairs]),
        **{name: np.concatenate([getattr(part, name) for part in rows]) for name in columns},
        evidence={name: np.concatenate([part.evidence.get(name, np.full(len(part), np.nan)) for part in rows]) for name in names},
        codes={series + start: counts for part, start in pairs for series, counts in part.codes.items()},
        refused=frozenset((kind, series + start) for part, start in pairs for kind, series in part.refused),
    )


def _shifted(series: Indices, start: int) -> Indices:
    return (series + start).astype(np.int32)
