"""Totals: the traffic of several series as one line in messages a minute, with extremes per bucket, so that no peak is lost."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.columns import Floats, Ints
from models.times import format_time
from service.charts.compaction import MINUTE, QUARTER, RAW, Keep
from service.charts.queries import Series, latest_us, live_ticks, rolled

_UNKNOWN_SHARE = 0.2
"""If more of the traffic than this share has no expectation, the total has none."""
COLUMNS = ("at", "low", "high", "mean", "failures", "expected")


@dataclass(frozen=True, slots=True)
class Span:
    """From (exclusive) to, in microseconds, and the maximum number of points."""

    from_us: int
    to_us: int
    points: int


def totals(connection: sqlite3.Connection, wanted: Sequence[Series], span: Span, keep: Keep) -> dict[str, Any]:
    """One line over all of `wanted` (traffic series): lowest, highest and mean rate, failures and expectation, a minute."""
    newest = latest_us(connection) or span.to_us
    level = RAW if span.from_us >= newest - keep.raw_us else MINUTE if span.from_us >= newest - keep.minute_us else QUARTER
    live = live_ticks(connection, wanted, span.from_us, span.to_us)
    parts = [(one, *rolled(connection, one, (span.from_us, span.to_us), level, live.get(one.id))) for one in wanted]
    if not parts:
        return {"columns": COLUMNS, "resolution_s": 60, "points": []}
    ends, columns = _summed([(one.window_s, at, values) for one, at, values, _ in parts])
    step_s = max(step for *_, step in parts)
    factor = max(1, -(-len(ends) // span.points))
    points = [_bucket(ends, columns, low, low + factor) for low in range(0, len(ends), factor)]
    return {"columns": COLUMNS, "resolution_s": step_s * factor, "points": points}


def _summed(parts: Sequence[tuple[int, Ints, Floats]]) -> tuple[Ints, Floats]:
    """(ends, columns (3, n): rate, failures, expected a minute) over all series; a series without a report adds nothing."""
    ends = np.unique(np.concatenate([at for _, at, _ in parts]))
    sums, unknown = np.zeros((3, len(ends))), np.zeros(len(ends))
    for window_s, at, values in parts:
        bins, scale = np.searchsorted(ends, at), 60.0 / window_s
        count = values[3]
        rate, expected = values[2] / count * scale, values[6] / count * scale
        known = np.nan_to_num(rate)
        sums[0, bins] += known
        sums[1, bins] += np.nan_to_num(values[5]) * scale
        sums[2, bins] += np.nan_to_num(expected)
        unknown[bins] += np.where(np.isfinite(expected) & (expected > 0), 0.0, known)
    sums[2, (unknown > _UNKNOWN_SHARE * sums[0]) | (sums[2] <= 0)] = np.nan
    return ends, sums


def _bucket(ends: Ints, columns: Floats, low: int, high: int) -> list[Any]:
    rate, failures, expected = columns[:, low:high]
    usual = expected[np.isfinite(expected)]
    last = int(ends[min(high, len(ends)) - 1])
    mean_expected = float(f"{usual.mean():.4g}") if len(usual) else None
    return [format_time(last), *(float(f"{value:.4g}") for value in (rate.min(), rate.max(), rate.mean(), failures.mean())), mean_expected]
