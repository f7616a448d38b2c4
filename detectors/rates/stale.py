"""Stale: a series whose reports stopped; it is unknown whether its traffic stopped too."""

import numpy as np

from detectors.array_math import clip_small
from detectors.interface import FindingDetails, Signal, TrafficWindow, run_started_us
from models.columns import Columns, Flags, Floats, Ints

LEAST_WINDOWS = 3
HISTORY_WINDOWS = 500.0
"""Number of windows over which the share of reported ones is averaged."""
LEAST_REPORTS = 30
FADE = 1 - 1 / HISTORY_WINDOWS / 20
"""Of the longest gap, a window."""
GAP_FACTOR = 2.0
"""A gap within this factor of the longest recent one is a habit of the series."""


class Stale:
    """Adds up how unlikely each missing report is, given the regularity of earlier reports."""

    kind = "stale"
    learned = ("reports", "share", "longest")

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Reports so far, share of windows reported, windows missing in a row, the longest such gap (fading)."""
        return {name: np.zeros(series, np.float32) for name in ("reports", "share", "missing", "longest")}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """Processes one window. The habit is learned from gaps that ended without an alarm."""
        reported = window.tick.reported | window.returned
        reports, share, missing, longest = (state[name] for name in ("reports", "share", "missing", "longest"))
        np.maximum(longest * FADE, missing * (reported & ~is_open), out=longest)
        reports += reported
        missing += 1
        missing *= ~reported
        # Double precision: single-precision logarithms depend on the position of a series in the array.
        never = clip_small(1.0 - share.astype(np.float64), 1e-9, 1.0)
        nats_each = np.minimum(-np.log(never), self._threshold / LEAST_WINDOWS + 1e-6)
        nats = missing * nats_each
        habit = (missing <= GAP_FACTOR * longest) | (missing < LEAST_WINDOWS) | (reports < LEAST_REPORTS)
        over = (nats >= self._threshold) & ~habit
        learning = ~is_open & ~over
        share += learning * (reported - share) / np.minimum(reports + missing + 1, HISTORY_WINDOWS)
        return Signal(
            score=nats,
            over=over,
            has_ended=reported,
            evidence_rising=np.zeros(len(reported), np.bool_),
            serious=over,
            shown=lambda rows: self._shown(missing[rows], window, rows),
        )

    def _shown(self, missing: Floats, window: TrafficWindow, rows: Ints) -> FindingDetails:
        began_us = run_started_us(window.tick.at_us, window.tick.window_s, missing)
        return FindingDetails(began_us, np.zeros(len(rows)), window.expected.mean[rows], {"empty_windows": missing})
