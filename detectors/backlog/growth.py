"""Growth: how fast a queue fills or drains, how certain that is, and when it will be full, empty or too old."""

import numpy as np

from detectors.array_math import clip_small, nan_to_zero
from models.columns import Columns, Flags, Floats, Ints, QueueTick

RECENT = 0.2
"""Weight of the newest window in the net growth: about the last ten windows count."""
FAST, NEW_PACE = 0.5, 2.5
"""Weight of the newest window after a change of pace: two errors in a row whose product is this many times their variance."""
STANDARD_ERRORS = 2.0
HELD_S = 172_800.0
"""Messages that wait longer than 2 days are recorded as failed: lost (SEC glossary, Device Alert)."""
RETRY_AGE_S = 300.0
"""After 300 s undelivered a message goes to the failed queue."""


def fresh(series: int) -> Columns:
    """Net growth (messages/s), variance and lagged product of its samples, delivered (messages/s), windows seen."""
    return {name: np.zeros(series) for name in ("growth", "growth_variance", "growth_lagged", "growth_last", "served", "changes")}


def learn(state: Columns, change: Floats, tick: QueueTick, use: Flags) -> None:
    """Learns one window's change of depth, in place."""
    state["changes"] += use
    gain = use * np.maximum(RECENT, 1.0 / np.maximum(state["changes"], 1.0))
    rate = change / tick.window_s
    error = rate - state["growth"]
    # Two windows in a row with large errors on the same side show a new pace, not noise.
    is_new_pace = error * state["growth_last"] > NEW_PACE * state["growth_variance"]
    gain = np.where(is_new_pace, np.maximum(gain, FAST * use), gain)
    state["growth"] += gain * error
    state["growth_variance"] += gain * (error * error - state["growth_variance"])
    state["growth_lagged"] += gain * (error * state["growth_last"] - state["growth_lagged"])
    state["growth_last"] = np.where(use, error, state["growth_last"])
    served = nan_to_zero(tick.delivered) / tick.window_s
    state["served"] += gain * np.isfinite(tick.delivered) * (served - state["served"])


def standard_error(state: Columns, rows: Ints | slice = slice(None)) -> Floats:
    """Standard error of the net growth, with the correlation of one window's change with the next: s.e. × sqrt((1 + a) / (1 - a))."""
    variance = state["growth_variance"][rows]
    a = clip_small(state["growth_lagged"][rows] / np.maximum(variance, 1e-12), 0.0, 0.9)
    few = np.maximum(RECENT / (2.0 - RECENT), 1.0 / np.maximum(state["changes"][rows], 1.0))
    error: Floats = np.sqrt(variance * few * (1.0 + a) / (1.0 - a))
    return error


def evidence(state: Columns, tick: QueueTick, rows: Ints) -> dict[str, Floats]:
    """Contract 2.1 evidence of some queues in queueing terms; NaN if it does not apply.

    Time to capacity is (capacity - depth) / growth with both ends of growth ± 2 s.e.; if the slower end does not grow, the queue is not
    filling and there is no such time. Time to empty is depth / -growth if the faster end still drains.
    """
    depth, oldest_age_s = tick.depth[rows], tick.oldest_age_s[rows]
    growth, error = state["growth"][rows], STANDARD_ERRORS * standard_error(state, rows)
    room = np.maximum(tick.capacity[rows] - depth, 0.0)
    fills, drains = growth - error > 0, growth + error < 0
    drain_s = _where(drains, depth, -growth)
    left_s = np.maximum(HELD_S - oldest_age_s, 0.0)
    too_late = ~drains | (drain_s > left_s)
    loss = np.maximum(depth - state["served"][rows] * np.isfinite(tick.delivered[rows]) * left_s, 0.0)
    old = oldest_age_s > RETRY_AGE_S
    return {
        "depth": depth,
        "growth_per_s": growth.copy(),
        "oldest_age_s": oldest_age_s,
        "capacity_eta_s": _where(fills, room, growth),
        "capacity_eta_low_s": _where(fills, room, growth + error),
        "capacity_eta_high_s": _where(fills, room, growth - error),
        "drain_eta_s": drain_s,
        "age_limit_eta_s": np.where(old & too_late, left_s, np.nan),
        "predicted_loss": np.where(old & too_late & (loss > 0), loss, np.nan),
    }


def _where(asked: Flags, what: Floats, rate: Floats) -> Floats:
    return np.where(asked, what / np.where(asked, rate, 1.0), np.nan)
