"""Backlog: messages that wait, more than this queue is used to, and are not getting fewer."""

import numpy as np

from detectors.contract import QueueWindow, Signal, run_started_us
from models.columns import Columns, Flags, Floats
from models.times import HOUR_US

DAY_HOURS = 24
RETRY_AGE_S = 300.0
"""After 300 s undelivered a message goes to the failed queue (SEC glossary, Device Alert)."""
HELD_S = 172_800.0
"""After 2 days it is recorded as failed: lost."""
FAST = 0.2
DRAINED_SHARE = 0.1


class Backlog:
    """Net growth beyond the queue's own noise, counted only above the depth that it reaches anyway at this hour."""

    kind = "backlog"

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Depth and age last seen, growth (messages/s) and its variance, noise of one step, evidence, run, and usual high-water marks by hour."""
        names = ("depth", "seen", "growth", "growth_var", "step_var", "nats", "run", "peak", "calm_windows", "delivered")
        return {**{name: np.zeros(series) for name in names}, "high_water": np.full((DAY_HOURS, series), -1.0, np.float32)}

    def step(self, state: Columns, window: QueueWindow, is_open: Flags) -> Signal:
        """One window; a queue that did not report keeps its state."""
        tick = window.tick
        reported = tick.reported
        first = state["seen"] == 0
        change = np.where(reported & ~first, tick.depth - state["depth"], 0.0)
        noise = np.sqrt(np.maximum(state["step_var"], 1.0 + 0.01 * state["depth"]))
        usual = self._usual(state, tick.at_us)
        above = tick.depth > 1.5 * usual + 10.0
        nats, run = state["nats"], state["run"]
        judged = reported & ~first & (state["seen"] >= 30)
        nats += judged * np.minimum(change / noise - 0.5, 12.0)
        np.maximum(nats, 0.0, out=nats)
        np.minimum(nats, 10 * self._threshold, out=nats)
        run += judged
        run *= nats > 0
        old = np.nan_to_num(tick.oldest_age_s) > RETRY_AGE_S
        over = (nats > self._threshold) & above
        state["peak"] = np.where(is_open | over, np.maximum(state["peak"], tick.depth), 0.0)
        drained = tick.depth <= np.maximum(usual, DRAINED_SHARE * state["peak"])
        state["calm_windows"] = np.where(reported, (state["calm_windows"] + 1) * (drained & ~old), state["calm_windows"])
        calm = state["calm_windows"] >= 2
        nats[is_open & calm] = 0.0
        self._learn(state, tick.at_us, window, change, judged & ~is_open & ~over & (nats < 0.5 * self._threshold))
        return Signal(
            score=nats.copy(),
            over=over,
            calm=calm,
            building=nats > 0.5 * self._threshold,
            began_us=run_started_us(tick.at_us, tick.window_s, run),
            observed=tick.depth,
            expected=np.maximum(usual, 0.0),
            serious=over,
            evidence=self._evidence(state, window),
        )

    def _usual(self, state: Columns, at_us: int) -> Floats:
        hour = (at_us // HOUR_US) % DAY_HOURS
        rows = [state["high_water"][(hour + shift) % DAY_HOURS] for shift in (-1, 0, 1)]
        return np.maximum(np.maximum.reduce(rows).astype(np.float64), 0.0)

    def _learn(self, state: Columns, at_us: int, window: QueueWindow, change: Floats, learning: Flags) -> None:
        tick, seconds = window.tick, window.tick.window_s
        reported = tick.reported
        rate = change / seconds
        state["growth_var"] += reported * FAST * (np.minimum((rate - state["growth"]) ** 2, 1e12) - state["growth_var"])
        state["growth"] += reported * FAST * (rate - state["growth"])
        state["step_var"] += learning * 0.01 * (np.minimum(change**2, 9.0 * state["step_var"] + 9.0) - state["step_var"])
        row = state["high_water"][(at_us // HOUR_US) % DAY_HOURS]
        np.maximum(row, np.where(learning | (state["seen"] < 30), tick.depth * reported, 0.0), out=row)
        state["depth"] = np.where(reported, tick.depth, state["depth"])
        state["seen"] += reported

    def _evidence(self, state: Columns, window: QueueWindow) -> dict[str, Floats]:
        tick, growth = window.tick, state["growth"]
        error = 2.0 * np.sqrt(state["growth_var"] * FAST / (2 - FAST))
        room = tick.capacity - tick.depth
        with np.errstate(divide="ignore", invalid="ignore"):
            eta = np.where(growth > 0, room / growth, np.nan)
            low = np.where(growth + error > 0, room / (growth + error), np.nan)
            high = np.where(growth - error > 0, room / (growth - error), np.nan)
            filling = np.isfinite(high) & (room > 0)
            drain = np.where((growth < 0) & (growth + error < 0), -tick.depth / growth, np.nan)
        left = HELD_S - tick.oldest_age_s
        return {
            "depth": tick.depth,
            "growth_per_s": growth.copy(),
            "oldest_age_s": tick.oldest_age_s,
            "capacity_eta_s": np.where(filling, eta, np.nan),
            "capacity_eta_low_s": np.where(filling, low, np.nan),
            "capacity_eta_high_s": np.where(filling, high, np.nan),
            "drain_eta_s": drain,
            "age_limit_eta_s": np.where(growth >= 0, np.maximum(left, 0.0), np.nan),
            "predicted_loss": np.where((growth >= 0) & (left < 86_400), tick.depth, np.nan),
        }
