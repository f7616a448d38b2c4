"""Expectation: the expected traffic of a series in this window, from its own history, and its error."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from detectors.array_math import clip_small
from detectors.expectation import daylight_saving, dispersion, level
from detectors.expectation.day_kinds import DayKinds
from detectors.expectation.hour_curve import HourCurves
from detectors.expectation.slot_steps import HOUR_VARIANCE, SlotSteps
from detectors.expectation.step_timing import LEAST
from detectors.expectation.week_clock import HOURS_A_DAY, SLOT_US, ClockSlot, clock_change, clock_slot
from models.columns import Columns, Expected, Flags, Floats
from models.times import SECOND_US

DEVIATION_S = 7200.0
"""How long a deviation of the last hours from the profile lasts."""
CLIP = 3.0
MOST_ERRORS = 2.5
"""Standard errors of profile, level and hour variance together by which the last hours may deviate."""
RECENT_S = 6 * 3600.0
"""A lasting new level is the mean of about these last hours."""
LEAST_RATIO, ASLEEP = 1e-3, 0.02
LEAST_DOUBT, MOST_DOUBT = 1.0, 3.0
CALM_NATS, UNSURE_CALM_NATS, UNSURE = 1.5, 4.0, 0.08
"""Evidence up to which the deviation of the last hours still follows the counts: if it followed a change, it would hide the rest. It also
follows where the expectation may be wrong by more than this share."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lower and upper bound of the expected messages per window; shape (series,).

    Standard errors of the mean are not included: the bounds cover *known* variation, such as a step some minutes earlier or later.
    """

    low: Floats
    high: Floats
    memory: Floats
    """Correlation of one window's count with the next one's, 0 ≤ r < 1."""
    error_multiplier: Floats
    """Standard errors of the mean that are allowed: sampling errors average out over the hours, the series' own variation does not."""


@dataclass(frozen=True, slots=True)
class LearningInput:
    """One window's counts and which of them may be learned from; shape (series,)."""

    counts: Floats
    reported: Flags
    declared: Flags
    calm: Flags
    """There is hardly any rising evidence: the deviation of the last hours may follow."""
    steady: Flags
    """No finding is open or near, and no declared window: profile, level and noise may learn."""


class Expectation:
    """Profile × level × the deviation of the last hours; level and deviation are gamma filters with their own uncertainty.

    A filter with mean 1 and relative variance v holds the information 1/v. A count x with expectation e and variance phi × e adds
    e / phi: mean ← mean (1/v + x/phi) / (1/v + e/phi), v ← 1 / (1/v + e/phi).
    """

    learned = HourCurves.learned + dispersion.LEARNED

    def __init__(self, window_s: int, civil_time: str, days: DayKinds) -> None:
        self._window_s = window_s
        self._civil_time = civil_time
        self._seasons = HourCurves(window_s, days)

    def fresh(self, series: int) -> Columns:
        """State of `series` series without any history."""
        state = self._seasons.fresh(series) | dispersion.fresh(series)
        state["asleep"] = np.zeros(series, np.bool_)
        state |= {name: np.zeros(series, np.float32) for name in ("recent", "recent_due")}
        return state

    def begin(self, state: Columns, at_us: int) -> None:
        """Sets the curve of series that are new in the window that ends at `at_us`: empty, or from the state that they start from."""
        self._seasons.advance(state, clock_slot(at_us, self._window_s), None)

    def accept(self, state: Columns, lasting: Flags) -> Floats:
        """Takes the level of the last hours as the normal one where it is `lasting`; returns its ratio to the old one there, else 0.

        A series that has become quiet for good keeps its level and is dormant. It is judged again after its next message.
        """
        ratio = np.clip(state["recent"] / np.maximum(state["recent_due"], LEAST), LEAST_RATIO, 1.0 / LEAST_RATIO)
        dormant, moved = lasting & (ratio < ASLEEP), lasting & (ratio >= ASLEEP)
        state["asleep"] |= dormant
        state["level"][moved] *= ratio[moved]
        state["recent_due"][moved] = state["recent"][moved]
        level.forget_day(state, lasting)
        for name, value in (
            ("level_variance", 0.09),
            ("deviation", 1.0),
            ("deviation_variance", 0.04),
            ("day_mean", 1.0),
            ("day_known", 0.0),
        ):
            state[name][lasting] = value
        return np.where(lasting, ratio, 0.0)

    def turn(self, state: Columns, at_us: int, before_us: int | None, steps: SlotSteps | None = None) -> None:
        """Advances the clock in `state` to the window that ends at `at_us`; the last one ended at `before_us`."""
        here = clock_slot(at_us, self._window_s)
        last = None if before_us is None else clock_slot(before_us, self._window_s)
        if before_us is not None:
            hours = clock_change(before_us, at_us, self._civil_time)
            if hours:
                daylight_saving.change(state, hours)
        if last is None or here.number != last.number:
            self._seasons.advance(state, here, last, steps)

    def expect(self, state: Columns, at_us: int, before_us: int | None) -> tuple[Expected, Bounds]:
        """The expectation of the window that ends at `at_us`, to which the clock was turned; the last one ended at `before_us`."""
        if before_us is not None:
            self._age(state, (at_us - before_us) / SECOND_US)
        return self._expected(state, clock_slot(at_us, self._window_s))

    def _expected(self, state: Columns, here: ClockSlot) -> tuple[Expected, Bounds]:
        factor = state["level"] * state["deviation"]
        mean = np.maximum(_between(state["before"], state["now"], state["after"], here.fraction) * factor, LEAST)
        least, most = state["least"] * factor, state["most"] * factor
        if state["rival"].any():
            mean, least, most = self._either(state, here, factor, mean, least, most)
        low, high = np.minimum(least, mean), np.maximum(most, mean)
        memory = dispersion.memory(state)
        spread = dispersion.dispersion(state, mean) * ((1.0 + memory) / (1.0 - memory))
        known = state["seen"] & (state["hours"] >= HOURS_A_DAY - 0.5) & ~state["asleep"]
        return Expected(mean, spread, np.sqrt(state["deviation_variance"]), known), Bounds(low, high, memory, self._doubt(state))

    def _either(
        self, state: Columns, here: ClockSlot, factor: Floats, mean: Floats, least: Floats, most: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """While the clock of a series is unknown: the more probable mean, and bounds that include both."""
        undecided = state["rival"] != 0
        rival = {name: state[name].astype(np.float64) for name in daylight_saving.ROWS}
        other = np.maximum(_between(rival["rival_before"], rival["rival_now"], rival["rival_after"], here.fraction) * factor, LEAST)
        low = np.where(undecided, np.minimum(least, rival["rival_least"] * factor), least)
        high = np.where(undecided, np.maximum(most, rival["rival_most"] * factor), most)
        return np.where(undecided & (state["rival_nats"] > 0), other, mean), low, high

    def _doubt(self, state: Columns) -> Floats:
        wander = HOUR_VARIANCE.value(state)
        return LEAST_DOUBT + (MOST_DOUBT - LEAST_DOUBT) * wander / (wander + state["base_variance"] + state["level_variance"])

    def _age(self, state: Columns, seconds: float) -> None:
        """Advances time: what was learned from the last hours fades back to the profile, and to what the hours of the day share."""
        kept = kept_share(seconds)
        most = state["base_variance"] + state["level_variance"] + HOUR_VARIANCE.value(state) - state["day_known"]
        deviation, variance = state["deviation"], state["deviation_variance"]
        deviation += (1.0 - kept) * (state["day_mean"] - deviation)
        variance *= kept * kept
        variance += (1.0 - kept * kept) * most

    def learn(self, state: Columns, seen: LearningInput, expected: Expected, bounds: Bounds, at_us: int) -> None:
        """Learns one window."""
        steady = seen.reported & seen.steady
        if state["rival"].any():
            steady = steady & ~self._weigh_clocks(state, seen.counts, expected, steady)
        slot = clock_slot(at_us, self._window_s).slot
        state["asleep"] &= seen.counts == 0
        usable = seen.reported & ~seen.declared
        state["slot_counts"] += seen.counts * usable
        state["slot_windows"] += usable
        for name, news in (("recent", seen.counts), ("recent_due", expected.mean / state["deviation"])):
            state[name] += usable * (self._window_s / RECENT_S) * (news - state[name])
        state["hour_counts"][slot] += seen.counts * steady
        state["hour_windows"][slot] += steady
        state["hour_expected"][slot] += steady * (expected.mean / state["deviation"])
        # Before the end of the first hour there is no mean to scatter around; next to a step the step scatters.
        plain = (bounds.high - bounds.low) ** 2 < expected.mean * expected.dispersion
        dispersion.learn(state, seen.counts, expected, steady & plain & (state["hours"] > 0.9), self._window_s)
        self._follow(state, seen.counts, expected, bounds, steady & seen.calm)

    def _follow(self, state: Columns, counts: Floats, expected: Expected, bounds: Bounds, use: Flags) -> None:
        """The deviation follows the counts; a count within the known bounds has no effect."""
        due = clip_small(counts, bounds.low, bounds.high)
        spread = np.sqrt(due * expected.dispersion + (expected.mean * expected.relative_error) ** 2) + expected.dispersion / CLIP
        off = (counts - due) / spread
        # A count that is too far off to be an error of the expectation does not change it.
        weight = clip_small(CLIP - np.abs(off), 0.0, 1.0)
        information = 1.0 / np.maximum(state["deviation_variance"], 1e-9)
        news = use * weight / expected.dispersion
        total = information + news * due
        state["deviation"] *= (information + news * counts) / total
        # Where the profile has been right to a few percent, a deviation of ten percent is a change and must not be followed.
        most = np.exp(MOST_ERRORS * np.sqrt(state["base_variance"] + state["level_variance"] + HOUR_VARIANCE.value(state)))
        state["deviation"][:] = clip_small(state["deviation"], np.maximum(1.0 / most, LEAST_RATIO), np.minimum(most, 1.0 / LEAST_RATIO))
        state["deviation_variance"][:] = 1.0 / total

    def _weigh_clocks(self, state: Columns, counts: Floats, expected: Expected, use: Flags) -> Flags:
        """Which clock the counts support; returns the series that should not learn before that is known."""
        differs = daylight_saving.differs(state)
        factor = state["level"] * state["deviation"]
        own, other = (np.maximum(state[name] * factor, LEAST) for name in ("now", "rival_now"))
        daylight_saving.update_clock_evidence(
            state, counts, own, other, expected.dispersion, use & differs, min(1.0, self._window_s * SECOND_US / SLOT_US)
        )
        return differs


@lru_cache(maxsize=256)
def kept_share(seconds: float) -> float:
    """What is left of the last hours' deviation after `seconds`."""
    return float(np.exp(-seconds / DEVIATION_S))


def _between(before: Floats, now: Floats, after: Floats, fraction: float) -> Floats:
    """A line through the slot, by the smaller of both slopes and flat at a peak: a step stays a step, a ramp becomes a line (minmod)."""
    left, right = now - before, after - now
    slope = np.where(left * right > 0, np.where(np.abs(left) < np.abs(right), left, right), 0.0)
    between: Floats = now + slope * (fraction - 0.5)
    return between
