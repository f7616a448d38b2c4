"""Totals: observed and expected messages so far, for one window length, added up by label values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from models.columns import Detected, Floats, Ints, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import SECOND_US

GONE_US = 900 * SECOND_US
"""A series without a report for this long, in event time, is no longer exported."""
SUMS = ("messages", "expected", "variance", "failures", "user_side", "device_side")

LabelValues = tuple[str, ...]
"""Values of some labels."""


@dataclass(slots=True)
class RunningTotals:
    """Sums of all pulses so far, by index; `labels_of` gives the label values of a group."""

    labels_of: Callable[[PulseKey], LabelValues]
    labels: list[LabelValues] = field(default_factory=list)
    sums: Floats = field(default_factory=lambda: np.zeros((len(SUMS), 0)))
    """(SUMS, places)."""
    seen_us: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """(places,) the last window in which one of its series reported."""
    _index: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def regroup(self, groups: tuple[PulseKey, ...]) -> None:
        """Sets the groups of the following pulses."""
        named = [self.labels_of(group) for group in groups]
        labels = sorted(set(named) | set(self.labels))
        number = {values: index for index, values in enumerate(labels)}
        kept = np.array([number[values] for values in self.labels], np.int64)
        sums, seen_us = np.zeros((len(SUMS), len(labels))), np.zeros(len(labels), np.int64)
        sums[:, kept], seen_us[kept] = self.sums, self.seen_us
        self.labels, self.sums, self.seen_us = labels, sums, seen_us
        self._index = np.array([number[values] for values in named], np.int64)

    def add(self, pulse: Pulse) -> None:
        """One more window."""
        size = len(self.labels)
        columns = (pulse.observed, pulse.expected, pulse.variance, pulse.failed, pulse.user_side, pulse.device_side)
        for row, column in enumerate(columns):
            if len(column) == len(self._index):
                self.sums[row] += np.bincount(self._index, np.where(pulse.reported, column, 0.0), size)
        self.seen_us[self._index[pulse.reported]] = pulse.at_us

    def standing(self, name: str, since_us: int) -> Iterator[tuple[LabelValues, float, bool]]:
        """Label values, their sum, and whether they reported since then."""
        values, seen = self.sums[SUMS.index(name)].tolist(), (self.seen_us >= since_us).tolist()
        yield from zip(self.labels, values, seen, strict=True)

    def expected_now(self, pulse: Pulse, since_us: int) -> Iterator[tuple[LabelValues, float]]:
        """Label values → messages expected in the window of `pulse`, for values that reported since then."""
        values = np.bincount(self._index, pulse.expected, len(self.labels))
        for index in np.flatnonzero(self.seen_us >= since_us).tolist():
            yield self.labels[index], float(values[index])


@dataclass(slots=True)
class Depths:
    """The last report of every queue."""

    queues: tuple[SeriesKey, ...] = ()
    depth: Floats = field(default_factory=lambda: np.zeros(0))
    oldest_age_s: Floats = field(default_factory=lambda: np.zeros(0))
    """NaN if not reported."""
    seen_us: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, pulse: QueuePulse) -> None:
        """Adds a window; a queue that did not report keeps its last values."""
        if pulse.queues != self.queues:
            self._regroup(pulse.queues)
        self.depth = np.where(pulse.reported, pulse.depth, self.depth)
        self.oldest_age_s = np.where(pulse.reported, pulse.oldest_age_s, self.oldest_age_s)
        self.seen_us = np.where(pulse.reported, pulse.at_us, self.seen_us)

    def standing(self, since_us: int) -> Iterator[tuple[LabelValues, float, float]]:
        """(user, queue), depth, age of the oldest message."""
        for index in np.flatnonzero(self.seen_us >= since_us).tolist():
            key = self.queues[index]
            yield (key.user, key.queue), float(self.depth[index]), float(self.oldest_age_s[index])

    def _regroup(self, queues: tuple[SeriesKey, ...]) -> None:
        known = {key: index for index, key in enumerate(self.queues)}
        fresh = len(self.queues)
        order = np.array([known.get(key, fresh) for key in queues], np.int64)
        self.depth = np.append(self.depth, 0.0)[order]
        self.oldest_age_s = np.append(self.oldest_age_s, np.nan)[order]
        self.seen_us = np.append(self.seen_us, 0)[order]
        self.queues = queues


def by_class(group: PulseKey) -> LabelValues:
    """User, direction, message class."""
    return group.user, group.direction, group.message_class


def by_direction(group: PulseKey) -> LabelValues:
    """User, direction."""
    return group.user, group.direction


def by_region(group: PulseKey) -> LabelValues:
    """Region; `none` where none is named."""
    return (group.region or "none",)


@dataclass(slots=True)
class ResolutionTotals:
    """All totals of one window length."""

    classes: RunningTotals = field(default_factory=lambda: RunningTotals(by_class))
    directions: RunningTotals = field(default_factory=lambda: RunningTotals(by_direction))
    regions: RunningTotals = field(default_factory=lambda: RunningTotals(by_region))
    depths: Depths = field(default_factory=Depths)
    last: Detected | None = None

    def add(self, detected: Detected) -> None:
        """One more window."""
        if self.last is None or self.last.pulse.groups is not detected.pulse.groups:
            for tally in (self.classes, self.directions, self.regions):
                tally.regroup(detected.pulse.groups)
        for tally in (self.classes, self.directions, self.regions):
            tally.add(detected.pulse)
        self.depths.add(detected.queue_pulse)
        self.last = detected

    @property
    def since_us(self) -> int:
        """Removes values that did not report since then."""
        return self.last.at_us - GONE_US if self.last is not None else 0
