"""Mixed panel: one part of the traffic of everyone although some Users report windows of another length."""

from collections.abc import Sequence
from functools import reduce
from math import gcd

import numpy as np

from correlation.history.panel import ColumnSelection, Panel, Units
from correlation.history.resolution_history import ResolutionHistory
from correlation.history.ring_buffer import RingBuffer
from models.columns import Floats, Ints


def rows_that_fit(cohorts: Sequence[ResolutionHistory], from_us: int) -> tuple[list[RingBuffer], int] | None:
    """A ring of each window length, and the shortest bin into which the bins of all of them fit.

    The finest rings that reach back to `from_us`, or coarser ones; None where the bins of no rings fit.
    """
    rings = [cohort.reaching(from_us) for cohort in cohorts]
    bin_us = reduce(lambda one, two: one * two // gcd(one, two), (ring.bin_us for ring in rings))
    longest = max(ring.bin_us for ring in rings)
    if bin_us == longest:
        return rings, bin_us
    for candidate_us in sorted({ring.bin_us for cohort in cohorts for ring in cohort.buffers if ring.bin_us >= longest}):
        coarser = [next((ring for ring in cohort.buffers if ring.bin_us == candidate_us), None) for cohort in cohorts]
        known = [ring for ring in coarser if ring is not None]
        if len(known) == len(cohorts):
            return known, candidate_us
    return None


def known_since_us(rings: Sequence[RingBuffer], from_us: int) -> int:
    """From when on all of them are known, or `from_us` where one of them began later."""
    return min(from_us, max(ring.since_us() or 0 for ring in rings))


def mixed(parts: Sequence[tuple[ColumnSelection, RingBuffer]], bin_us: int, since_us: int) -> Panel:
    """The sums of several selections by unit, each from its own ring, in the bins of `bin_us` that begin at `since_us` or later."""
    panels = [selection.panel(ring) for selection, ring in parts]
    units = Units(sorted({unit for panel in panels for unit in panel.units}))
    ends = [-(-panel.ends_us // bin_us) * bin_us for panel in panels]
    ends_us = np.unique(np.concatenate(ends))
    ends_us = ends_us[ends_us - bin_us >= since_us]
    column = {unit: number for number, unit in enumerate(units)}
    sums = np.zeros((3, len(ends_us), len(units)))
    for panel, own_ends in zip(panels, ends, strict=True):
        kept = own_ends - bin_us >= since_us
        rows = np.searchsorted(ends_us, own_ends[kept])
        columns = np.array([column[unit] for unit in panel.units], np.int64)
        for total, matrix in zip(sums, (panel.observed, panel.expected, panel.failed), strict=True):
            _add(total, rows, columns, matrix[kept])
    return Panel(units, bin_us, ends_us, *sums)


def _add(total: Floats, rows: Ints, columns: Ints, matrix: Floats) -> None:
    """Adds the bins of `matrix`, in order of time, to their rows and columns of `total`."""
    if not len(rows):
        return
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    total[np.ix_(rows[firsts], columns)] += np.add.reduceat(matrix, firsts, axis=0)
