"""Drift: the level of a series changes permanently, gradually or at once."""

import numpy as np

from detectors.interface import FindingDetails, Signal, TrafficWindow
from models.columns import Columns, Flags, Floats, Ints
from models.times import DAY_US

DAY_S = 86_400.0
SHOWN_S = 3600.0
"""How long the acceptance of a new level is shown."""
REFERENCE_DAYS = 14.0
"""Number of days over which the reference level is averaged."""
FIRST_DAYS = 7.0
ALLOWANCE = 0.5
LEAST_DEVIATION = 0.03
"""If a level usually varies by less than this share, drift is not reported earlier."""


class Drift:
    """Page's test on the level, one sample a day, in deviations of the series' own daily level; and every accepted new level.

    It reports but alerts nobody at night: a level that changes over days can wait for the morning.
    """

    kind = "drift"
    learned = ("reference", "variance", "days")

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold

    def fresh(self, series: int) -> Columns:
        """Seconds since the last sample and an acceptance; reference (ln), variance, daily samples; evidence both ways; days of a habit."""
        names = ("since_s", "reference", "days", "up", "down", "ratio", "run_days", "habit_days")
        state: Columns = {name: np.zeros(series, np.float32) for name in names}
        return state | {"accepted_s": np.full(series, np.inf, np.float32), "variance": np.full(series, 0.01, np.float32)}

    def step(self, state: Columns, window: TrafficWindow, is_open: Flags, /) -> Signal:
        """Processes one window; evidence changes once a day."""
        tick = window.tick
        accepted = window.accepted > 0
        habit = window.habit > 0
        state["accepted_s"] += tick.window_s
        state["since_s"] += tick.window_s * (window.expected.known & ~window.declared)
        if accepted.any():
            self._restart(state, window, accepted)
        if habit.any():
            state["habit_days"][habit], state["accepted_s"][habit] = window.habit[habit], 0.0
        due = state["since_s"] >= DAY_S
        if due.any():
            self._sample(state, np.log(np.maximum(window.level, 1e-9)), due)
        score = np.maximum(state["up"], state["down"])
        fresh = state["accepted_s"] < SHOWN_S
        return Signal(
            score=score,
            over=(score > self._threshold) & ~is_open | accepted | habit,
            has_ended=~fresh & (score < 0.5 * self._threshold),
            evidence_rising=np.zeros(len(due), np.bool_),
            serious=np.zeros(len(due), np.bool_),
            shown=lambda rows: self._shown(state, window, fresh[rows], rows),
        )

    def _shown(self, state: Columns, window: TrafficWindow, fresh: Flags, rows: Ints) -> FindingDetails:
        level = np.log(np.maximum(window.level[rows], 1e-9))
        habit = fresh & (state["habit_days"][rows] > 0)
        state["habit_days"][rows[~fresh]] = 0.0
        began_us = window.tick.at_us - np.maximum(state["run_days"][rows], 1.0).astype(np.int64) * DAY_US
        ratio = np.where(fresh, state["ratio"][rows], np.exp(level - state["reference"][rows]))
        return FindingDetails(
            began_us=np.where(habit, window.tick.at_us, began_us),
            observed=window.tick.messages[rows],
            expected=window.expected.mean[rows],
            evidence={"ratio": ratio, "habit_days": np.where(habit, state["habit_days"][rows], np.nan)},
        )

    def _restart(self, state: Columns, window: TrafficWindow, accepted: Flags) -> None:
        first = accepted & (state["accepted_s"] > SHOWN_S)
        state["ratio"][first] = window.accepted[first]
        state["accepted_s"][first] = 0.0
        state["reference"][accepted] = np.log(np.maximum(window.level[accepted], 1e-9))
        for name in ("up", "down", "since_s", "run_days"):
            state[name][accepted] = 0.0

    def _sample(self, state: Columns, level: Floats, due: Flags) -> None:
        days = state["days"]
        days += due
        error = level - state["reference"]
        standard = error / np.sqrt(np.maximum(state["variance"], LEAST_DEVIATION**2))
        judged = due & (days > FIRST_DAYS)
        for name, sign in (("up", 1.0), ("down", -1.0)):
            state[name] += judged * np.clip(sign * standard - ALLOWANCE, -3.0, 3.0)
            np.maximum(state[name], 0.0, out=state[name])
        running = (state["up"] > 0) | (state["down"] > 0)
        state["run_days"][:] = np.where(due, (state["run_days"] + 1) * running, state["run_days"])
        # The reference follows slowly, so that a drift moves away from it.
        gain = due / np.minimum(np.maximum(days, 1.0), REFERENCE_DAYS)
        state["variance"] += gain * (np.minimum(error * error, 9.0 * state["variance"]) - state["variance"])
        state["reference"] += gain * error
        state["since_s"][due] = 0.0
