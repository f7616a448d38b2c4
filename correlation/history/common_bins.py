"""Common bins: what several series carried over time, added up although they report windows of different lengths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from correlation.history.resolution_history import Recent
from correlation.history.traffic_history import History
from correlation.snapshots import AlertSnapshot
from models.columns import Floats, Ints
from models.times import HOUR_US, SECOND_US


@dataclass(frozen=True, slots=True)
class Course:
    """Some figures of the series of one window length, bin by bin."""

    bin_us: int
    ends_us: Ints
    values: Floats
    """(figures, bins) sums, which can be added up over bins."""

    def in_bins(self, bin_us: int) -> "Course":
        """The same in longer bins, complete ones only."""
        if bin_us == self.bin_us or not len(self.ends_us):
            return self
        ends_us, firsts, counts = np.unique(-(-self.ends_us // bin_us) * bin_us, return_index=True, return_counts=True)
        complete = counts == bin_us // self.bin_us
        return Course(bin_us, ends_us[complete], np.add.reduceat(self.values, firsts, axis=1)[:, complete])


def courses(alert: AlertSnapshot, since_us: int, history: History, figures: Callable[[Recent], Floats]) -> tuple[Course, ...]:
    """Figures of an alert's series since a moment, one course for each window length of which something is known."""
    known = []
    for window_s in sorted({key.window_s for key in alert.series}):
        recent = history.recent(tuple(key for key in alert.series if key.window_s == window_s), since_us)
        if recent is not None and len(recent.ends_us):
            steps = np.diff(recent.ends_us)
            known.append(Course(int(steps.min()) if len(steps) else window_s * SECOND_US, recent.ends_us, figures(recent)))
    return tuple(known)


def in_common_bins(sides: Sequence[Sequence[Course]]) -> tuple[Ints, tuple[Floats, ...]] | None:
    """The courses of each side added up, in the bins that all of them have; None where there is no such bin."""
    every = [course for side in sides for course in side]
    bin_us = reduce(np.lcm, (course.bin_us for course in every))
    if bin_us > HOUR_US:
        return None
    longer = [[course.in_bins(int(bin_us)) for course in side] for side in sides]
    ends_us = reduce(np.intersect1d, (course.ends_us for side in longer for course in side))
    if not len(ends_us):
        return None
    sums = tuple(np.sum([course.values[:, np.isin(course.ends_us, ends_us)] for course in side], axis=0) for side in longer)
    return ends_us, sums
