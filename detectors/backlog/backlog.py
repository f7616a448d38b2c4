"""Backlog: more messages wait than usual for this queue, or they wait longer, and their number does not fall."""

import numpy as np

from detectors.array_math import clip_small, nan_to_zero
from detectors.backlog import baseline, growth, recurrence
from detectors.interface import FindingDetails, QueueWindow, Signal, run_started_us
from models.columns import Columns, Flags, Floats, QueueTick
from models.times import SECOND_US

ALLOWANCE = 0.5
"""Deviations per window that growth must exceed to count (half of one: optimal for a growth of one)."""
MOST_SHARE = 0.5
"""No window adds more than this share of the threshold: two windows must agree."""
ABOVE_NATS = 1.0
"""Maximum that a window at an unusual depth adds while the queue no longer grows."""
IN_SIGHT_S = 3600.0
"""If the capacity may be reached within an hour, half the evidence of growth makes it serious."""
DRAINED_SHARE = 0.02
AGE_FACTOR = 3.0
CALM_WINDOWS = 3
FEWEST_WINDOWS = 5


class Backlog:
    """Evidence that a queue grows (a CUSUM of its changes), stays above its marks, delivers nothing, or holds messages that are too old.

    Nothing counts below the usual depth of the queue at this hour. A decrease only reduces the evidence: one lucky window does not hide
    a queue that grows. The finding continues while the queue drains, because the surge is part of it. A queue that delivers, and holds
    no more and no longer than it did in earlier backlogs, has a habit: no warning, unless its limit is in sight (`correlation.grading`).
    """

    kind = "backlog"
    learned = (
        "mark",
        "mean_depth",
        "deliveries",
        "visits",
        "highest",
        "old",
        "scatter",
        "seen_s",
        "wait_s",
        "pending",
        "pending_hour",
        *recurrence.LEARNED,
    )

    def __init__(self, threshold: float, accept_after_s: int) -> None:
        self._threshold = threshold
        self._accept_after_s = accept_after_s

    def fresh(self, series: int) -> Columns:
        """Last depth, evidence of growth, height, stall and age (nats) and its run; for an open finding peak, calm windows, seconds."""
        names = ("last", "windows", "grows", "above", "stalls", "ages", "run", "peak", "calm_windows", "open_s")
        return {name: np.zeros(series) for name in names} | growth.fresh(series) | baseline.fresh(series) | recurrence.fresh(series)

    def step(self, state: Columns, window: QueueWindow, is_open: Flags, /) -> Signal:
        """Processes one window; a queue that did not report keeps its state."""
        tick, hour = window.tick, baseline.hour_of(window.tick.at_us)
        reported = tick.reported
        change = np.where(reported & (state["windows"] > 0), tick.depth - state["last"], 0.0)
        growth.learn(state, change, tick, reported & (state["windows"] > 0))
        marks, scatter = baseline.high_water(state, hour), baseline.deviation(state, hour)
        limit = baseline.normal_depth(state, marks, scatter, state["served"])
        high = tick.depth > limit
        too_old = tick.oldest_age_s > np.maximum(growth.RETRY_AGE_S, AGE_FACTOR * state["old"] + 60.0)
        score, over = self._weigh(state, tick, change / scatter, (tick.depth - limit) / scatter, too_old)
        calm = self._calm(state, tick, marks + 2.0 * scatter, too_old, is_open | over)
        usual = self._usual(state, tick, is_open | over, calm & is_open)
        building = score > 0.5 * self._threshold
        baseline.learn(state, tick, change, state["served"], reported & ~high & ~is_open & ~building & ~window.declared, reported)
        state["last"] = np.where(reported, tick.depth, state["last"])
        state["windows"] += reported
        return Signal(
            score=score,
            over=over,
            has_ended=calm,
            evidence_rising=building,
            serious=over & ~usual,
            shown=lambda rows: FindingDetails(
                began_us=run_started_us(tick.at_us, tick.window_s, state["run"][rows]),
                observed=tick.depth[rows],
                expected=baseline.high_water(state, hour)[rows],
                evidence=growth.evidence(state, tick, rows),
            ),
        )

    def _weigh(self, state: Columns, tick: QueueTick, change: Floats, excess: Floats, too_old: Flags) -> tuple[Floats, Flags]:
        """`change` of depth and `excess` over the limit in deviations."""
        reported, h, high = tick.reported, self._threshold, excess > 0
        judged = reported & (state["windows"] >= FEWEST_WINDOWS)
        waits = judged & (tick.depth > 0)
        grows, above, stalls, ages = (state[name] for name in ("grows", "above", "stalls", "ages"))
        grows += judged * clip_small(change - ALLOWANCE, -MOST_SHARE * h, MOST_SHARE * h)
        above += judged * np.where(high, np.minimum(excess, ABOVE_NATS), -ABOVE_NATS)
        stuck = waits & (tick.delivered == 0)
        stalls *= stuck | ~reported
        stalls += stuck * np.minimum(0.5 * state["deliveries"][baseline.hour_of(tick.at_us)], MOST_SHARE * h)
        old = waits & too_old
        ages *= old | ~reported
        ages += old * (MOST_SHARE * h + 0.1)
        for nats in (grows, above):
            np.minimum(np.maximum(nats, 0.0, out=nats), 2.0 * h, out=nats)
        waiting = np.maximum(np.where(high, np.maximum(grows, above), 0.0), np.where(tick.depth > 0, np.maximum(stalls, ages), 0.0))
        state["run"] = np.where(reported, (state["run"] + 1) * ((grows > 0) | (stalls > 0) | (ages > 0)), state["run"])
        over, filling = judged & (waiting > h), (judged & high & (grows > 0.5 * h)).nonzero()[0]
        if len(filling):
            over[filling] |= growth.evidence(state, tick, filling)["capacity_eta_low_s"] < IN_SIGHT_S
        return waiting, over

    def _usual(self, state: Columns, tick: QueueTick, asked: Flags, ends: Flags) -> Flags:
        """Where an open backlog is so far like earlier ones; remembers those that end."""
        usual, at_s = np.zeros(len(asked), np.bool_), tick.at_us // SECOND_US
        rows = asked.nonzero()[0]
        if not len(rows):
            return usual
        age_s = nan_to_zero(tick.oldest_age_s)[rows]
        begins = state["open_s"][rows] <= tick.window_s
        state["oldest_s"][rows] = np.maximum(np.where(begins, 0.0, state["oldest_s"][rows]), age_s)
        usual[rows] = recurrence.habitual(state, rows, tick.depth[rows], state["open_s"][rows], age_s, at_s)
        # A queue that delivers nothing is no habit, however often that happens.
        usual &= state["stalls"] <= 0.5 * self._threshold
        if ends.any():
            recurrence.remember(state, ends.nonzero()[0], at_s)
        return usual

    def _calm(self, state: Columns, tick: QueueTick, usually: Floats, too_old: Flags, asked: Flags) -> Flags:
        """Where the depth is usual or almost zero again and nothing is too old, for some windows; or where a new level is normal."""
        reported = tick.reported
        if not (asked.any() or state["peak"].any() or state["calm_windows"].any() or state["open_s"].any()):
            return np.zeros(len(asked), np.bool_)
        state["peak"] = np.where(asked, np.maximum(state["peak"], tick.depth * reported), 0.0)
        low = tick.depth <= np.maximum(usually, DRAINED_SHARE * state["peak"])
        state["calm_windows"] = np.where(reported, (state["calm_windows"] + 1) * (asked & low & ~too_old), state["calm_windows"])
        state["open_s"] = np.where(asked, state["open_s"] + tick.window_s, 0.0)
        accepted = (
            asked & reported & (state["open_s"] > self._accept_after_s) & (np.abs(state["growth"]) <= growth.standard_error(state) * 2.0)
        )
        calm = (state["calm_windows"] >= CALM_WINDOWS) | accepted
        for name in ("grows", "above", "stalls", "ages", "run"):
            state[name] = np.where(asked & calm, 0.0, state[name])
        new_mark = np.where(accepted, tick.depth, -1.0).astype(np.float32)
        np.maximum(state["mark"], new_mark, out=state["mark"])
        state["old"] = np.where(accepted, np.maximum(state["old"], nan_to_zero(tick.oldest_age_s)), state["old"])
        return calm
