"""Profile: the traffic of a series at each hour of the week and each ten minutes of the day, from none to months of history."""

from dataclasses import dataclass, replace

import numpy as np

from detectors.distributions.negative_binomial import minus_log_p_zero
from detectors.expectation.day_kinds import DAY_KINDS, HOLIDAY, STANDS_IN, SUNDAY, DayKinds
from detectors.expectation.shrinkage import shrink, true_difference
from detectors.expectation.variance_component import Excess
from detectors.expectation.week_clock import HOURS_A_DAY, HOURS_A_WEEK, SLOTS_A_DAY, SLOTS_A_HOUR
from models.columns import Columns, Flags, Floats, Ints

SIXTEENTHS = 16.0
"""Visits are stored in sixteenths of an hour or slot, as bytes."""
WEEK_VISITS, DAY_VISITS, SLOT_VISITS = 8.0, 15.0, 14.0
"""Maximum number of visits in a mean: two months of a weekly hour, two to three weeks of a daily one."""

NEIGHBOURS = Excess("neighbours", prior=1.0, prior_weight=2.0, memory=200.0)
"""How much an hour differs from the mean of its neighbours."""
OVERALL = Excess("overall_excess", prior=1.0, prior_weight=2.0, memory=200.0)
"""How much an hour differs from the mean of all hours."""
OVERALL_HOURS = 120.0
WEEKDAYS = Excess("weekdays", prior=0.0625, prior_weight=6.0, memory=400.0)
"""How much an hour of the week differs from that hour on days of its kind."""
SLOTS = Excess("slots", prior=0.09, prior_weight=6.0, memory=600.0, reference=0.05)
"""How much ten minutes differ from their hour."""
UNSURE_SHARE = 0.33
"""Share of the noise of one slot that may be hidden in the estimate from the six slots of the hour."""
KINDS_OF_DAYS = Excess("kinds", prior=0.6, prior_weight=1.0, memory=24.0)
"""How much an unseen kind of day differs from a seen one; estimated again on each such day."""
NEW_WEEKDAY = 0.15**2
"""How much an unseen day of the week may differ, relative, squared."""
UNLIKE, FEW = 0.3, 10.0
"""How far (ln) the steps between hours may differ between kinds of days of one shape, and messages per hour that make no step."""
UNLIKE_VARIANCE = 0.05
KNOWN_HOLIDAYS = 7.5
"""Number of holidays that must have been seen (about a year's) before holidays no longer borrow from Sundays and the hours around."""
SIMILAR = 3.0
"""A series whose holidays carry within this factor of what that day of the week does may work on holidays: a Friday is then a Friday."""
AROUND_HOURS = 3
"""Hours by which the work on a day of an unseen kind may begin and end earlier or later than on another."""
NOTHING_VISITS, NOTHING_NATS, NOTHING = 0.9, 12.0, 0.1
"""An observed empty hour is empty, if the hours it would borrow from make so much evidence: all its visits together expect at most this
share of a message, so that a weekend of such hours does not add up to a silence."""


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the week in the profile; shape (series,)."""

    rate: Floats
    """Messages a window."""
    variance: Floats
    """Relative variance of the rate from the noise of the observations: squared standard error of ln(rate)."""
    seen: Flags
    """Whether this hour was seen on any day."""
    borrowed: Flags
    """Whether it was only seen on days of another kind, or hardly on its own."""
    least: Floats
    """If it is borrowed: the minimum of all kinds of day around this hour, messages per window; otherwise the rate."""
    most: Floats
    """Likewise the most."""
    day_variance: Floats
    """The part of `variance` that all hours of the day share."""


class Profile:
    """Means of counts by hour of the week, by hour and kind of day, by ten minutes of the day; square roots in half precision.

    An hour of the week is shrunk towards the same hour of its kind of day, that towards its neighbouring hours, ten minutes towards their
    hour: each according to their observed differences (empirical Bayes). A clear difference is kept (as in wavelet shrinkage: Donoho and
    Johnstone 1994), so a constant series soon pools everything and a jagged one keeps its steps.
    """

    learned = (
        *(f"{table}{column}" for table in ("week", "day", "slot") for column in ("", "_visits")),
        *("overall", "overall_hours"),
        *(f"{name}{column}" for name in ("neighbours", "overall_excess", "weekdays", "slots") for column in ("", "_weight")),
    )

    def __init__(self, days: DayKinds) -> None:
        self._days = days

    def fresh(self, series: int) -> Columns:
        """Nothing seen."""
        rows = {"week": HOURS_A_WEEK, "day": DAY_KINDS * HOURS_A_DAY, "slot": SLOTS_A_DAY}
        state: Columns = {name: np.zeros((count, series), np.float16) for name, count in rows.items()}
        state |= {f"{name}_visits": np.zeros((count, series), np.uint8) for name, count in rows.items()}
        state |= {name: np.zeros(series, np.float32) for name in ("overall", "overall_hours")}
        for excess in (NEIGHBOURS, OVERALL, WEEKDAYS, SLOTS, KINDS_OF_DAYS):
            state |= excess.fresh(series)
        return state

    def hour(self, state: Columns, number: int, spread: Floats, windows: float) -> Hour:
        """Hour `number` since the first Monday. `spread`: variance / mean of an hour's count; `windows` in an hour."""
        day, day_visits = self._day(state, self._days.row(number), spread, windows)
        week, visits = _row(state, "week", number % HOURS_A_WEEK)
        if self._days.kind(number) == HOLIDAY:
            # This day of the week is no information about a holiday.
            week, visits = day.rate, np.zeros(len(visits))
        due = np.maximum(0.5 * (week + day.rate) * windows, 0.3)
        own = visits * due / spread
        difference = true_difference(week, day.rate, WEEKDAYS.value(state), own) + day.variance
        prior = 1.0 / np.where(day_visits > 0, np.maximum(difference, 1e-8), np.inf)
        rate, variance = shrink(week, own, day.rate, prior, day.variance)
        # An unseen day of the week may differ although the earlier ones were alike: Fridays are busy days.
        new = NEW_WEEKDAY * (visits <= 0) * (due / (due + FEW * FEW))
        seen = (visits > 0) | (day_visits > 0)
        rate = _nothing(rate, week, visits, day.rate, spread, windows)
        return self._borrow(state, number, Hour(rate, variance + new, seen, ~seen, rate, rate, new), day_visits)

    def _day(self, state: Columns, row: int, spread: Floats, windows: float) -> tuple[Hour, Floats]:
        """An hour of one kind of day, shrunk towards its neighbouring hours."""
        rate, visits = _row(state, "day", row)
        first = row - row % HOURS_A_DAY
        beside = [_row(state, "day", first + (row + step) % HOURS_A_DAY) for step in (-1, 1)]
        both = (beside[0][1] > 0) & (beside[1][1] > 0) & (visits > 0)
        mean = 0.5 * (beside[0][0] + beside[1][0])
        hours = np.maximum(np.minimum(state["overall_hours"], OVERALL_HOURS), 1.0)
        # The better known target: the neighbouring hours, or all hours of a series without a daily course.
        near = self._lean(rate, visits, mean, NEIGHBOURS.value(state), 0.5, spread, windows)
        far = self._lean(rate, visits, state["overall"], OVERALL.value(state), visits / hours, spread, windows)
        flat = far[1] < near[1]
        leant, variance = (
            np.where(both, np.where(flat, a, b), c) for a, b, c in zip(far[2:], near[2:], (rate, 1.0 / near[0]), strict=True)
        )
        leant = _nothing(leant, rate, visits, state["overall"], spread, windows)
        return Hour(leant, variance, visits > 0, visits <= 0, leant, leant, np.zeros(len(visits))), visits

    def _lean(
        self, rate: Floats, visits: Floats, other: Floats, usual: Floats, other_noise: Floats | float, spread: Floats, windows: float
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Own information, the possible distance of `other`, and the shrunken mean with its sampling variance."""
        own = np.maximum(visits * np.maximum(0.5 * (rate + other) * windows, 0.3) / spread, 1e-9)
        noise_ = other_noise / own
        off = true_difference(rate, other, usual, own) + noise_
        leant, variance = shrink(rate, own, other, 1.0 / np.maximum(off, 1e-8), noise_)
        return own, off, leant, variance

    def _borrow(self, state: Columns, number: int, hour: Hour, day_visits: Floats) -> Hour:
        """If this kind of day was never seen at this hour, other kinds replace it; holidays borrow from Sundays until some were seen."""
        kind = self._days.kind(number)
        new = day_visits < KNOWN_HOLIDAYS if kind == HOLIDAY else ~hour.seen
        if not new.any():
            return self._or_as_on_its_weekday(state, number, hour) if kind == HOLIDAY else hour
        rate, known, least, most = hour.rate.copy(), hour.seen.copy(), hour.rate.copy(), hour.rate.copy()
        for other in STANDS_IN[kind]:
            around = [self._of_kind(state, other, number + step) for step in range(-AROUND_HOURS, AROUND_HOURS + 1)]
            here, visits = around[AROUND_HOURS]
            stands_in = new & (visits > 0)
            first = stands_in & ~known
            rate[first] = least[first] = most[first] = here[first]
            for beside, beside_visits in around:
                seen = stands_in & (beside_visits > 0)
                least, most = np.where(seen, np.minimum(least, beside), least), np.where(seen, np.maximum(most, beside), most)
            known |= stands_in
        if kind == HOLIDAY:
            sunday, visits = self._of_kind(state, SUNDAY, number)
            both = new & hour.seen & (visits > 0)
            rate = np.where(both, (day_visits * rate + sunday) / (day_visits + 1.0), rate)
        borrowed = known & new
        variance = np.where(borrowed, np.maximum(KINDS_OF_DAYS.value(state), 0.01), hour.variance)
        own = Hour(rate, variance, known, borrowed, least, most, np.where(borrowed, 0.0, hour.day_variance))
        return self._or_as_on_its_weekday(state, number, own) if kind == HOLIDAY else own

    def _or_as_on_its_weekday(self, state: Columns, number: int, hour: Hour) -> Hour:
        """A holiday may also go as that day of the week does at about this time, where it is not clearly another kind of day."""
        rate, visits = _row(state, "week", number % HOURS_A_WEEK)
        similar = (visits > 0) & (np.maximum(rate, hour.rate) < SIMILAR * np.minimum(rate, hour.rate))
        least, most = hour.least, hour.most
        for step in (-1, 0, 1):
            # The hours beside it: where work begins, each ten minutes are another share of their hour.
            beside, seen = _row(state, "week", (number + step) % HOURS_A_WEEK)
            use = similar & (seen > 0)
            least, most = np.where(use, np.minimum(least, beside), least), np.where(use, np.maximum(most, beside), most)
        return replace(hour, least=least, most=most)

    def _of_kind(self, state: Columns, kind: int, number: int) -> tuple[Floats, Floats]:
        """Rate and visits of an hour of the day on days of one kind."""
        return _row(state, "day", kind * HOURS_A_DAY + number % HOURS_A_DAY)

    def slot(self, state: Columns, number: int | Ints, spread: Floats, due: Floats, squares: Floats) -> tuple[Floats, Floats]:
        """Ratio of ten minutes of the day to their hour, and its relative variance.

        `due`: messages in an ordinary visit; `squares`: the result of `unevenness` for the hour. Several numbers give a row each.
        """
        ratio, visits = _row(state, "slot", number % SLOTS_A_DAY)
        own = visits * due / spread
        one = np.ones(ratio.shape)
        # An even hour limits the differences of its slots, whatever the steps of other hours (positive-part James and Stein 1961, by hour).
        noise_ = 1.0 / np.maximum(own, 1e-9)
        uneven = np.maximum(squares - noise_, 0.0) + UNSURE_SHARE * noise_
        difference = np.minimum(true_difference(ratio, one, SLOTS.value(state), own), uneven)
        return shrink(ratio, own, one, 1.0 / np.maximum(difference, 1e-6), np.zeros(one.shape))

    def unevenness(self, state: Columns, number: int) -> Floats:
        """Mean squared relative difference of the six slots of hour `number` from their hour, including noise."""
        first = number % HOURS_A_DAY * SLOTS_A_HOUR
        squares: Floats = np.mean((_row(state, "slot", slice(first, first + SLOTS_A_HOUR))[0] - 1.0) ** 2, axis=0)
        return squares

    def learn(self, state: Columns, number: int, rate: Floats, share: Floats, due: Floats, spread: Floats) -> None:
        """Learns one hour's mean `rate`, of which the `share` was seen; 0 where nothing was seen."""
        row = self._days.row(number)
        of_week = share * (self._days.kind(number) != HOLIDAY)
        _average(state, "week", number % HOURS_A_WEEK, rate, of_week, WEEK_VISITS)
        _average(state, "day", row, rate, share, DAY_VISITS)
        day, day_visits = _row(state, "day", row)
        week, week_visits = _row(state, "week", number % HOURS_A_WEEK)
        sampling = spread / np.maximum(due, 0.1)
        use = of_week * (day_visits > 1.5)
        both = np.maximum(0.5 * (day + week), 1e-9)
        difference = np.maximum(1.0 / np.maximum(week_visits, 0.1) - 1.0 / np.maximum(day_visits, 0.1), 0.0)
        WEEKDAYS.learn(state, ((week - day) / both) ** 2, sampling * difference, use)
        first = row - row % HOURS_A_DAY
        before, before_visits = _row(state, "day", first + (row - 1) % HOURS_A_DAY)
        earlier, earlier_visits = _row(state, "day", first + (row - 2) % HOURS_A_DAY)
        use = share * ((before_visits > 0) & (earlier_visits > 0))
        around = 0.5 * (day + earlier)
        both = np.maximum(0.5 * (before + around), 1e-9)
        gain = share / np.minimum(state["overall_hours"] + 1.0, OVERALL_HOURS)
        state["overall"] += gain * (rate - state["overall"])
        state["overall_hours"] += share
        differs = (day - state["overall"]) / np.maximum(0.5 * (day + state["overall"]), 1e-9)
        OVERALL.learn(state, differs**2, sampling / np.maximum(day_visits, 0.1), share * (state["overall_hours"] > 3))
        NEIGHBOURS.learn(state, ((before - around) / both) ** 2, sampling * 1.5 / np.maximum(before_visits, 0.1), use)

    def learn_slot(self, state: Columns, number: int, ratio: Floats, share: Floats, due: Floats, spread: Floats) -> None:
        """Learns the `ratio` of ten minutes to their hour."""
        _average(state, "slot", number % SLOTS_A_DAY, ratio, share, SLOT_VISITS)
        SLOTS.learn(state, (ratio - 1.0) ** 2, spread / np.maximum(due, 0.1), share)

    def shape_differs(self, state: Columns, number: int, windows: float) -> Flags:
        """Where the hours around `number` rise and fall differently from Monday to Friday, so that the ten minutes of those days do not
        apply: people who start at eight start at nine on a Saturday.
        """
        row = self._days.row(number)
        first, hour = row - row % HOURS_A_DAY, row % HOURS_A_DAY
        different = np.zeros(state["overall"].shape, np.bool_)
        if first == 0:
            return different
        known = np.ones(len(different), np.bool_)
        steps = []
        for kind in (0, first):
            levels = []
            for step in (-1, 0, 1):
                rate, visits = _row(state, "day", kind + (hour + step) % HOURS_A_DAY)
                known &= visits > 0
                levels.append(np.log(rate * windows + FEW))
            steps.append((levels[1] - levels[0], levels[2] - levels[1]))
        for ours, theirs in zip(*steps, strict=True):
            different |= np.abs(ours - theirs) > UNLIKE
        return different & known

    def learn_kind(self, state: Columns, error: Floats, sampling: Floats, foreign: Flags) -> None:
        """Learns the distance between a day of an unseen kind and the one that replaced it."""
        KINDS_OF_DAYS.learn(state, error**2, sampling, foreign.astype(np.float64))

    def forget_kind(self, state: Columns) -> None:
        """A new day: its similarity to another kind is unknown again."""
        state |= KINDS_OF_DAYS.fresh(state["kinds"].shape[-1])

    def shift(self, state: Columns, hours: int, series: Flags) -> None:
        """The chosen series follow a clock that moved: their rows move with it (`hours` earlier in UTC)."""
        chosen = np.flatnonzero(series)
        for name, step in (("week", hours), ("slot", hours * SLOTS_A_HOUR)):
            for table in (name, f"{name}_visits"):
                state[table][:, chosen] = np.roll(state[table][:, chosen], -step, axis=0)
        for table in ("day", "day_visits"):
            days = state[table][:, chosen].reshape(DAY_KINDS, HOURS_A_DAY, -1)
            state[table][:, chosen] = np.roll(days, -hours, axis=1).reshape(DAY_KINDS * HOURS_A_DAY, -1)


def _nothing(leant: Floats, own: Floats, visits: Floats, other: Floats, spread: Floats, windows: float) -> Floats:
    """`leant` where a message ever came; almost zero where so many were due by `other`, the target, that none can't be chance."""
    empty = (own * visits * windows < 0.5) & (visits >= NOTHING_VISITS)
    if not empty.any():
        return leant
    due = minus_log_p_zero(np.maximum(other * visits * windows, 1e-9), np.maximum(spread, 1.0))
    return np.where(empty & (due > NOTHING_NATS), np.minimum(leant, NOTHING / np.maximum(visits * windows, 1.0)), leant)


def _row(state: Columns, name: str, row: int | slice | Ints) -> tuple[Floats, Floats]:
    """Mean and visits of one row, or of several."""
    root = state[name][row].astype(np.float64)
    return root * root, state[f"{name}_visits"][row] / SIXTEENTHS


def _average(state: Columns, name: str, row: int, value: Floats, share: Floats, most: float) -> None:
    mean, visits = _row(state, name, row)
    total = visits + share
    moved = mean + np.where(share > 0, share / np.maximum(total, 1e-9), 0.0) * (value - mean)
    state[name][row] = np.sqrt(np.minimum(moved, 4e9))
    state[f"{name}_visits"][row] = np.rint(np.minimum(total, most) * SIXTEENTHS)
