"""Hour curves: the current hour's curve, computed from the profile at each full hour, and learning from the last hour."""

from dataclasses import dataclass

import numpy as np

from detectors.expectation import daylight_saving, dispersion, level
from detectors.expectation.day_kinds import HOLIDAY, DayKinds
from detectors.expectation.slot_steps import FRESH_SHARE, HOUR_VARIANCE, ReferenceSteps, SlotSteps
from detectors.expectation.step_timing import (
    AROUND,
    CLIP,
    FIRST_TOLERANCE,
    LEAST,
    WITHIN_HOUR_SHARE,
    range_within_tolerance,
    unevenness,
)
from detectors.expectation.week_clock import HOURS_A_DAY, SLOTS_A_HOUR, ClockSlot
from detectors.expectation.week_profile import NEW_WEEKDAY, UNLIKE_VARIANCE, Profile
from models.columns import Columns, Flags, Floats

HOUR_S = 3600
UNSEEN_VARIANCE = 1.0
WORK_BEGINS = 6
"""Hour (UTC) before people start work: the night does not predict the day."""
ANYTHING = 1e13


@dataclass(frozen=True, slots=True)
class Curve:
    """An hour and the slots around it, messages per window at level 1."""

    slots: Floats
    """(slots, series): `AROUND` slots before the hour, the hour's own, `AROUND` after it."""
    slot_variance: Floats
    """(slots, series): of the hour's own slots, relative."""
    rate: Floats
    rate_variance: Floats
    day_variance: Floats
    """The part of it that all hours of the day share."""
    seen: Flags
    foreign: Flags
    lowest: Floats
    """Where the shape of the hour is unknown: the minimum and maximum that the hours around it allow."""
    highest: Floats


class HourCurves:
    """Advances the hours and the slots of ten minutes of a block's state."""

    learned = (
        *Profile.learned,
        "wander",
        "wander_weight",
        "last_rate",
        "hours",
        *level.LEARNED,
        "tolerance",
        *daylight_saving.LEARNED,
    )

    def __init__(self, window_s: int, days: DayKinds) -> None:
        self._windows_an_hour = HOUR_S / window_s
        self._days = days
        self._profile = Profile(days)

    def fresh(self, series: int) -> Columns:
        """State of `series` series without any history."""
        state = self._profile.fresh(series) | HOUR_VARIANCE.fresh(series)
        # Values used in every window are in double precision; sums and settings of an hour or a slot are in single precision.
        state |= {name: np.zeros(series) for name in ("base_variance", "before", "now", "after", "least", "most")}
        seldom = ("rate", "rate_variance", "day_variance", "last_rate", "hours", "slot_counts", "slot_windows")
        state |= {name: np.zeros(series, np.float32) for name in seldom}
        state |= {name: np.zeros((SLOTS_A_HOUR, series), np.float32) for name in ("hour_counts", "hour_expected", "hour_windows")}
        state |= {"curve": np.zeros((SLOTS_A_HOUR + 2 * AROUND, series), np.float32)}
        state |= {"day_mean": np.ones(series), "day_known": np.zeros(series)}
        state |= {"lowest": np.full(series, ANYTHING, np.float32), "highest": np.zeros(series, np.float32)}
        state |= {"slot_variance": np.zeros((SLOTS_A_HOUR, series), np.float32)}
        state |= {name: np.zeros(series, np.bool_) for name in ("seen", "foreign")}
        state |= daylight_saving.fresh(series) | {"deviation": np.ones(series), "deviation_variance": np.full(series, UNSEEN_VARIANCE)}
        return state | level.fresh(series) | {"tolerance": np.full(series, FIRST_TOLERANCE, np.float32)}

    def advance(self, state: Columns, here: ClockSlot, last: ClockSlot | None, steps: SlotSteps | None = None) -> None:
        """After ten minutes; after an hour the profile learns it, and the next hour's curve is computed.

        `steps`: the compiled ones for this state, if there are any.
        """
        new_hour = last is None or here.hour_number != last.hour_number
        steps = steps or ReferenceSteps(state)
        if last is not None:
            steps.judge(last)
        gone: tuple[Floats, Floats] | None = None
        if new_hour and last is not None:
            gone = self._learn_hour(state, last.hour_number)
            if self._days.kind(here.hour_number) != self._days.kind(last.hour_number) or here.hour_number % HOURS_A_DAY == WORK_BEGINS:
                self._profile.forget_kind(state)
        steps.begin(here, self._open(state, here.hour_number, gone) if new_hour else None)
        if state["rival"].any():
            self._set_rival(state, here)

    def _open(self, state: Columns, number: int, gone: tuple[Floats, Floats] | None) -> Floats:
        """The next hour's curve, the deviation of the last hours for it, and the variance that both hours share with their day.

        `gone`: the least and the most that the last hour carried, as a whole and as it ended; messages a window at level 1.
        """
        if state["rival"].any():
            daylight_saving.decide(state, self._profile)
        before, goes_on = state["seen"].copy(), number % HOURS_A_DAY != 0
        of_day = state["day_variance"].astype(np.float64) * goes_on
        unknown = np.maximum(of_day - state["day_known"], 0.0)
        usual = np.where(goes_on, state["day_mean"], 1.0)
        own = state["base_variance"] - of_day + FRESH_SHARE * HOUR_VARIANCE.value(state)
        self._keep(state, self.curve(state, number))
        # The part of the deviation that belongs to the last hour alone does not continue: only the shared part does.
        shared = state["level_variance"] + unknown + (1.0 - FRESH_SHARE) * HOUR_VARIANCE.value(state)
        whole = shared + own
        carried, of_the_day = shared / whole, unknown / whole
        off, learned = state["deviation"] - usual, np.maximum(whole - state["deviation_variance"], 0.0)
        state["deviation"][:] = usual + carried * off
        state["deviation_variance"][:] = shared - carried**2 * learned
        # What all hours of the day share is better known after each of them.
        state["day_mean"][:] = usual + of_the_day * off
        still = unknown - of_the_day**2 * learned if goes_on else state["day_variance"]
        state["day_known"][:] = np.maximum(state["day_variance"] - still, 0.0)
        # A deviation from almost nothing does not show how wrong the profile is.
        first = state["seen"] & ~before
        state["deviation"][first], state["deviation_variance"][first] = 1.0, UNSEEN_VARIANCE
        state["day_mean"][first], state["day_known"][first] = 1.0, 0.0
        if gone is not None and state["foreign"].any():
            # A day of an unseen kind may continue as the last hour ended, whatever part of the deviation is carried over.
            for name, edge, rate in (("lowest", np.minimum, gone[0]), ("highest", np.maximum, gone[1])):
                state[name][:] = np.where(state["foreign"], edge(state[name], rate / state["deviation"]), state[name])
        both: Floats = np.minimum(of_day, state["day_variance"])
        return both

    def curve(self, state: Columns, number: int) -> Curve:
        """The hour `number` (since the first Monday) in the current profile."""
        windows = self._windows_an_hour
        spread = self._spread(state, np.maximum(state["rate"] * windows, 1.0), slots=1)
        hours = [self._profile.hour(state, number + step, spread, windows) for step in (-1, 0, 1)]
        rates = [np.where(hour.seen, hour.rate, state["last_rate"]) for hour in hours]
        unlike = [self._profile.shape_differs(state, number + step, windows) for step in (-1, 0, 1)]
        squares = [self._profile.unevenness(state, number + step) for step in (-1, 0, 1)]
        # All slots at once: of few series a call costs more than its numbers.
        steps = np.arange(-AROUND, SLOTS_A_HOUR + AROUND)
        rate, own_way, square = (np.stack(rows)[steps // SLOTS_A_HOUR + 1] for rows in (rates, unlike, squares))
        due = rate * (windows / SLOTS_A_HOUR)
        spread = self._spread(state, due, slots=SLOTS_A_HOUR)
        ratio, variances = self._profile.slot(state, number * SLOTS_A_HOUR + steps, spread, np.maximum(due, 0.1), square)
        slots, variances = rate * np.where(own_way, 1.0, ratio), np.where(own_way, UNLIKE_VARIANCE, variances)
        own = hours[1]
        variance = np.where(own.seen, own.variance, UNSEEN_VARIANCE)
        # If the shape of an hour is unknown, only the neighbouring hours limit its values.
        lowest = np.where(unlike[1], np.minimum.reduce(rates), ANYTHING)
        highest = np.where(unlike[1], np.maximum.reduce(rates), 0.0)
        # A day of an unseen kind may do as any kind of day does at about this time, a holiday as its day of the week does.
        open_ = own.borrowed | (own.least < own.rate) | (own.most > own.rate)
        if open_.any():
            lowest = np.where(open_, np.minimum(own.least, lowest), lowest)
            highest = np.where(open_, np.maximum(own.most, highest), highest)
        return Curve(slots, variances[AROUND:-AROUND], rates[1], variance, own.day_variance, own.seen, own.borrowed, lowest, highest)

    def _keep(self, state: Columns, curve: Curve) -> None:
        state["curve"][:], state["slot_variance"][:] = curve.slots, curve.slot_variance
        state["rate"][:], state["rate_variance"][:], state["day_variance"][:] = curve.rate, curve.rate_variance, curve.day_variance
        state["seen"][:], state["foreign"][:] = curve.seen, curve.foreign
        state["lowest"][:], state["highest"][:] = curve.lowest, curve.highest

    def _set_rival(self, state: Columns, here: ClockSlot) -> None:
        """The same for the hour that it would be on the other clock."""
        at = AROUND + here.slot
        for hours in (-1, 1):
            moved = state["rival"] == hours
            if not moved.any():
                continue
            curve = self.curve(state, here.hour_number + hours).slots.astype(np.float32)
            variance = state["slot_variance"][here.slot].astype(np.float64)
            rows = (curve[at - 1], curve[at], curve[at + 1], *range_within_tolerance(curve, at, state["tolerance"], variance))
            for name, row in zip(daylight_saving.ROWS, rows, strict=True):
                state[name][:] = np.where(moved, row, state[name])

    def _learn_hour(self, state: Columns, number: int) -> tuple[Floats, Floats]:
        """The hour is over: profile, level and hour variance learn from it. Least and most of its mean and its last ten minutes."""
        counts, windows, due = (state[f"hour_{name}"].sum(axis=0, dtype=np.float64) for name in ("counts", "windows", "expected"))
        used, safe = windows > 0, np.maximum(windows, 1.0)
        share, rate = windows / self._windows_an_hour, counts / safe
        seen, foreign = state["seen"] & (due > 0), state["foreign"]
        ours = seen & ~foreign
        state["last_rate"][:] = np.where(used, rate / state["level"], state["last_rate"])
        # The observed part of the hour may be its busy or its quiet part: equal parts are compared.
        error = np.where(seen, np.minimum(counts / np.maximum(due, LEAST) - 1.0, 20.0), 0.0)
        spread = dispersion.dispersion(state, due / safe) * dispersion.stretch(state)
        sampling = spread / np.maximum(due, 0.1) + self._jagged(state)
        limit = CLIP * np.sqrt(state["rate_variance"] + sampling + HOUR_VARIANCE.value(state))
        fair = np.where(ours, np.clip(error, -limit, limit), error)
        learned = np.where(seen, state["rate"] * (1.0 + fair), rate / state["level"])
        # All windows of an hour share its variance and the profile's error: an hour cannot give more information than these allow.
        coarse = spread + (HOUR_VARIANCE.value(state) + state["rate_variance"] + self._jagged(state)) * due
        unwatched = foreign | (self._days.kind(number) == HOLIDAY)
        level.learn(state, counts, due, coarse, used & ours, unwatched)
        level.learn_walk(state, number, used, unwatched)
        # The error contains the profile's error as far as that is known; while it is a guess, the hour variance learns little.
        rough = state["rate_variance"] - state["day_known"]
        known = np.where(rough < NEW_WEEKDAY, rough + state["level_variance"], 0.0)
        off = sampling + np.maximum(sampling, known)
        HOUR_VARIANCE.learn(state, (error + 1.0 - state["day_mean"]) ** 2, off, np.where(ours, share, 0.0), rough=rough)
        hour_due = np.maximum(learned * self._windows_an_hour, 0.1)
        self._profile.learn(
            state, number, learned, share, hour_due, self._spread(state, hour_due, slots=1) + self._jagged(state) * hour_due
        )
        self._profile.learn_kind(state, 2.0 * error / (2.0 + error), sampling, foreign & used)
        self._fold_slots(state, number, np.where(seen, (1.0 + error) * due / safe, rate))
        state["hours"] += share
        ended = state["hour_counts"][-1] / np.maximum(state["hour_windows"][-1], 1.0) / state["level"]
        ended = np.where(state["hour_windows"][-1] > 0, ended, state["last_rate"])
        for name in ("hour_counts", "hour_windows", "hour_expected"):
            state[name][:] = 0.0
        return np.minimum(ended, state["last_rate"]), np.maximum(ended, state["last_rate"])

    def _fold_slots(self, state: Columns, number: int, rate: Floats) -> None:
        """Compares each ten minutes with its hour's own `rate`, so that a busy hour does not look like a busy slot."""
        # An hour that is seen for the first time and only in part has no rate of its own to compare with.
        fit = (rate > 0) & (state["seen"] | (state["hour_windows"].sum(axis=0) > 0.9 * self._windows_an_hour))
        # The first day of another kind may have steps of its own: its shape is known after all its hours were seen.
        fit &= ~(self._profile.shape_differs(state, number, self._windows_an_hour) | state["foreign"])
        counts, windows = (state[f"hour_{name}"].astype(np.float64) for name in ("counts", "windows"))
        usual = np.maximum(rate * windows, LEAST)
        ratio = np.clip(counts / usual, 0.0, 20.0)
        share = np.minimum(windows * (SLOTS_A_HOUR / self._windows_an_hour), 1.0) * fit
        due = np.maximum(usual, 0.1)
        spread = self._spread(state, due, slots=SLOTS_A_HOUR)
        for slot in range(SLOTS_A_HOUR):
            self._profile.learn_slot(state, number * SLOTS_A_HOUR + slot, ratio[slot], share[slot], due[slot], spread[slot])

    def _jagged(self, state: Columns) -> Floats:
        """Relative variance that the steps in an hour add to its mean: how punctual they were, and which of its windows were used."""
        jagged: Floats = WITHIN_HOUR_SHARE * (1.0 + state["tolerance"]) * unevenness(state["curve"])
        return jagged

    def _spread(self, state: Columns, due: Floats, *, slots: int) -> Floats:
        """Variance / mean of the count `due` of an hour or a slot, for the profile: hour variance is not information about it.

        A slot is compared with its own hour, which removes most of the hour variance.
        """
        windows = max(1.0, self._windows_an_hour / slots)
        wander = HOUR_VARIANCE.value(state) / (1.0 if slots == 1 else 8.0)
        return dispersion.dispersion(state, due / windows) * dispersion.stretch(state) + wander * due
