"""Expectation: what a series should carry in this window, from its own history, and how far off that may be."""

from dataclasses import dataclass

import numpy as np

from detectors import noise
from detectors.clock import HOURS_A_DAY, SLOTS_A_HOUR, Place, day_kind, place
from detectors.excess import Excess
from detectors.profile import Profile
from models.columns import Columns, Expected, Flags, Floats
from models.times import SECOND_US

HOUR_S = 3600
DEVIATION_S = 7200.0
"""How long the last hours' deviation from the profile lasts."""
LEVEL_VARIANCE = 0.03**2
"""How far the level may move in a day, squared, relative."""
WANDER = Excess("wander", prior=0.04, prior_weight=8.0, memory=150.0)
"""How much an hour differs from what profile and level say, beyond sampling."""
LEAST = 1e-6
UNKNOWN_PEAKS = 4.0
"""A kind of day that nothing is known of may carry this many times the highest hour of any other."""
RESEMBLES = 0.25
"""Relative variance up to which another kind of day says enough to miss messages by it."""
CLIP = 3.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be expected at the least and at the most, messages a window; shape (series,).

    Standard errors of the mean are not in here: the bounds hold what is *known* to vary, such as a step some minutes earlier or later.
    """

    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """One window's counts and what may be learned from them; shape (series,)."""

    counts: Floats
    reported: Flags
    calm: Flags
    """Hardly any evidence on its way: the last hours' deviation may follow."""
    steady: Flags
    """No finding open, none near, no declared window: profile, level and noise may learn."""


class Expectation:
    """Profile × level × the last hours' deviation; level and deviation are gamma filters that carry their own uncertainty.

    A filter with mean 1 and relative variance v holds the information 1/v; a count x where e was expected, with variance phi × e, brings
    e / phi: mean ← mean (1/v + x/phi) / (1/v + e/phi), v ← 1 / (1/v + e/phi).
    """

    def __init__(self, window_s: int) -> None:
        self._window_s = window_s
        self._windows_an_hour = HOUR_S / window_s
        self._profile = Profile()

    def fresh(self, series: int) -> Columns:
        """State of `series` series that nothing is known of."""
        state = self._profile.fresh(series) | noise.fresh(series) | WANDER.fresh(series)
        zero = ("earlier_rate", "current_rate", "later_rate", "last_rate", "rate_variance", "before", "now", "after", "base_variance", "peak", "hours")
        state |= {name: np.zeros(series) for name in zero}
        state |= {name: np.zeros((SLOTS_A_HOUR, series)) for name in ("hour_counts", "hour_expected", "hour_windows")}
        state |= {name: np.zeros(series, np.bool_) for name in ("seen", "foreign")}
        state |= {name: np.ones(series) for name in ("level", "deviation")}
        state |= {"level_variance": np.full(series, 0.01), "deviation_variance": np.full(series, 0.04)}
        return state

    def expect(self, state: Columns, at_us: int, before_us: int | None) -> tuple[Expected, Bounds]:
        """The expectation of the window that ends at `at_us`; the last one ended at `before_us`. Turns the clock in `state`."""
        here = place(at_us, self._window_s)
        last = None if before_us is None else place(before_us, self._window_s)
        if last is None or here.number != last.number:
            self._turn(state, here, last)
        if before_us is not None:
            self._age(state, (at_us - before_us) / SECOND_US)
        return self._expected(state, here)

    def _expected(self, state: Columns, here: Place) -> tuple[Expected, Bounds]:
        before, now, after = state["before"], state["now"], state["after"]
        factor = state["level"] * state["deviation"]
        # The smaller of both slopes, and none at a peak: a step stays a step, a ramp becomes a line (minmod).
        left, right = now - before, after - now
        slope = np.where(left * right > 0, np.where(np.abs(left) < np.abs(right), left, right), 0.0)
        base = now + slope * (here.fraction - 0.5)
        mean = np.maximum(base * factor, LEAST)
        low = np.minimum(np.minimum(before, after), now) * factor
        high = np.maximum(np.maximum(before, after), now) * factor
        unsure = state["foreign"] & (state["base_variance"] > RESEMBLES)
        low = np.where(unsure, 0.0, np.minimum(low, mean))
        high = np.where(unsure, np.maximum(high, UNKNOWN_PEAKS * state["peak"]), high)
        spread = noise.dispersion(state, mean) * noise.stretch(state)
        known = state["seen"] & (state["hours"] >= HOURS_A_DAY - 0.5)
        error = np.sqrt(state["deviation_variance"])
        return Expected(mean, spread, error, known), Bounds(low, np.maximum(high, mean))

    def _age(self, state: Columns, seconds: float) -> None:
        """Time passes: what the last hours taught fades back to what the profile says."""
        kept = float(np.exp(-seconds / DEVIATION_S))
        most = state["base_variance"] + state["level_variance"] + WANDER.value(state)
        deviation, variance = state["deviation"], state["deviation_variance"]
        deviation += (1.0 - kept) * (1.0 - deviation)
        variance *= kept * kept
        variance += (1.0 - kept * kept) * most

    def learn(self, state: Columns, seen: Seen, expected: Expected, bounds: Bounds, at_us: int) -> None:
        """Takes one window in."""
        steady = seen.reported & seen.steady
        slot = place(at_us, self._window_s).slot
        state["hour_counts"][slot] += seen.counts * steady
        state["hour_windows"][slot] += steady
        state["hour_expected"][slot] += steady * (expected.mean / state["deviation"])
        noise.learn(state, seen.counts, expected, steady, self._window_s)
        self._follow(state, seen.counts, expected, bounds, steady & seen.calm)

    def _follow(self, state: Columns, counts: Floats, expected: Expected, bounds: Bounds, use: Flags) -> None:
        """The deviation follows the counts; within the known bounds a count says nothing of it."""
        due = np.clip(counts, bounds.low, bounds.high)
        limit = CLIP * np.sqrt(due * expected.dispersion + (expected.mean * expected.relative_error) ** 2) + expected.dispersion
        believed = np.clip(counts, due - limit, due + limit)
        information = 1.0 / np.maximum(state["deviation_variance"], 1e-9)
        news = use / expected.dispersion
        total = information + news * due
        state["deviation"] *= (information + news * believed) / total
        state["deviation_variance"][:] = 1.0 / total

    def _turn(self, state: Columns, here: Place, last: Place | None) -> None:
        """Ten minutes are over; where an hour is, it goes into the profile and the next one comes out."""
        if last is None or here.hour_number != last.hour_number:
            if last is not None:
                self._fold(state, last.hour_number)
                if day_kind(here.hour_number) != day_kind(last.hour_number):
                    self._profile.forget_kind(state)
            self._look_up(state, here.hour_number)
        self._set_slots(state, here.number)

    def _spread(self, state: Columns, due: Floats) -> Floats:
        """Variance / mean of a whole hour's count `due` as the profile sees it: an hour's own wander is no news of the profile."""
        return noise.dispersion(state, due / self._windows_an_hour) * noise.stretch(state) + WANDER.value(state) * due

    def _look_up(self, state: Columns, number: int) -> None:
        """The hours before, now and after, as the profile has them."""
        windows = self._windows_an_hour
        spread = self._spread(state, np.maximum(state["current_rate"] * windows, 1.0))
        for step, name in ((-1, "earlier"), (0, "current"), (1, "later")):
            hour = self._profile.hour(state, number + step, spread, windows)
            state[f"{name}_rate"][:] = np.where(hour.seen, hour.rate, state["last_rate"])
            if step == 0:
                state["rate_variance"][:] = np.where(hour.seen, hour.variance, 1.0)
                state["seen"][:], state["foreign"][:] = hour.seen, hour.foreign

    def _set_slots(self, state: Columns, number: int) -> None:
        """The slots before, now and after, messages a window at level 1, and how far off the one now may be."""
        rates = {step: state[name] for step, name in ((-1, "earlier_rate"), (0, "current_rate"), (1, "later_rate"))}
        hour = number // SLOTS_A_HOUR
        for step, name in ((-1, "before"), (0, "now"), (1, "after")):
            rate = rates[(number + step) // SLOTS_A_HOUR - hour]
            due = rate * (self._windows_an_hour / SLOTS_A_HOUR)
            spread = self._spread(state, due)
            ratio, variance = self._profile.slot(state, number + step, spread, np.maximum(due, 0.1))
            state[name][:] = rate * ratio
            if step == 0:
                state["base_variance"][:] = state["rate_variance"] + np.where(state["seen"], variance, 0.0)
                # What is off in another slot or hour is off in another way.
                news = variance + (state["rate_variance"] if number % SLOTS_A_HOUR == 0 else 0.0)
        most = state["base_variance"] + state["level_variance"] + WANDER.value(state)
        state["deviation_variance"][:] = np.minimum(state["deviation_variance"] + news, most)

    def _fold(self, state: Columns, number: int) -> None:
        """The hour is over: profile, level and wander learn from it."""
        counts, windows, due = (state[f"hour_{name}"].sum(axis=0) for name in ("counts", "windows", "expected"))
        used, safe = windows > 0, np.maximum(windows, 1.0)
        share = windows / self._windows_an_hour
        level, seen, foreign = state["level"], state["seen"], state["foreign"]
        state["last_rate"][:] = np.where(used, counts / safe / level, state["last_rate"])
        # The share of the hour that was seen may be its busy or its quiet part: compare like with like.
        error = np.where(seen & (due > 0), np.minimum(counts / np.maximum(due, LEAST) - 1.0, 20.0), 0.0)
        spread = noise.dispersion(state, due / safe) * noise.stretch(state)
        sampling = spread / np.maximum(due, 0.1)
        limit = CLIP * np.sqrt(state["rate_variance"] + sampling + WANDER.value(state))
        fair = np.where(seen & ~foreign, np.clip(error, -limit, limit), error)
        rate = np.where(seen & (due > 0), state["current_rate"] * (1.0 + fair), counts / safe / level)
        self._learn_level(state, counts, due, spread, used & seen & ~foreign)
        WANDER.learn(state, error**2, sampling + state["rate_variance"], np.where(seen & ~foreign, share, 0.0))
        hour_due = np.maximum(rate * self._windows_an_hour, 0.1)
        self._profile.learn(state, number, rate, share, hour_due, self._spread(state, hour_due))
        self._profile.learn_kind(state, 2.0 * error / (2.0 + error), sampling, foreign & used)
        self._fold_slots(state, number, np.where(seen & (due > 0), (1.0 + error) * due / safe, counts / safe))
        np.maximum(state["peak"] * (1.0 - 1.0 / (28 * HOURS_A_DAY)), counts / safe, out=state["peak"])
        state["hours"] += share
        for name in ("hour_counts", "hour_windows", "hour_expected"):
            state[name][:] = 0.0

    def _fold_slots(self, state: Columns, number: int, rate: Floats) -> None:
        """Each ten minutes against its hour's own `rate`, so that a busy hour does not look like a busy slot."""
        # An hour seen for the first time and not whole has no rate of its own to compare with.
        fit = state["seen"] | (state["hour_windows"].sum(axis=0) > 0.9 * self._windows_an_hour)
        for slot in range(SLOTS_A_HOUR):
            counts, windows = state["hour_counts"][slot], state["hour_windows"][slot]
            place_ = number * SLOTS_A_HOUR + slot
            usual = np.maximum(rate * windows, LEAST)
            spread = self._spread(state, np.maximum(usual, 0.1))
            ratio = np.clip(counts / usual, 0.0, 20.0)
            share = np.minimum(windows * (SLOTS_A_HOUR / self._windows_an_hour), 1.0) * (fit & (rate > 0))
            self._profile.learn_slot(state, place_, ratio, share, np.maximum(usual, 0.1), spread)

    def _learn_level(self, state: Columns, counts: Floats, due: Floats, spread: Floats, use: Flags) -> None:
        """The level moves with what whole hours say against the profile."""
        variance = state["level_variance"]
        # An hour's wander and the profile's own error are shared by all its windows: no hour says more than they allow.
        coarse = spread + (WANDER.value(state) + state["rate_variance"]) * due
        information, news = 1.0 / variance, use / np.maximum(coarse, LEAST)
        total = information + news * due
        state["level"] *= (information + news * np.clip(counts, due / 3.0, due * 3.0 + 3.0)) / total
        variance[:] = np.minimum(1.0 / total + LEVEL_VARIANCE / HOURS_A_DAY, 0.09)
