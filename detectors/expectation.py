"""Expectation: what a series should carry in this window, from its own history, and how far off that may be."""

from dataclasses import dataclass

import numpy as np

from models.columns import Columns, Expected, Flags, Floats
from models.times import DAY_US, HOUR_US

WEEK_HOURS = 168
_MONDAY_US = 4 * DAY_US
"""The epoch was a Thursday: this is the first Monday, 00:00 UTC."""
NEVER = np.float16(np.inf)


@dataclass(frozen=True, slots=True)
class Seen:
    """One window's counts and whether they may be learned from; shape (series,)."""

    counts: Floats
    reported: Flags
    steady: Flags
    """No evidence on its way, no finding open, no declared window."""


class Expectation:
    """Time-of-week profile × level × the last hours' deviation, each a gamma filter that carries its own uncertainty.

    A filter with mean m and relative error u holds the information 1/u²; a count x where e was expected, with variance `phi` × e, adds e/phi:
    m ← m (1/u² + x/phi) / (1/u² + e/phi). Where nothing is known of an hour of the week, the same hour of other days stands in for it.
    """

    def fresh(self, series: int) -> Columns:
        """State of `series` series that nothing is known of."""
        zeros, ones = np.zeros(series), np.ones(series)
        return {
            "profile": np.zeros((WEEK_HOURS, series), np.float32),
            "profile_error": np.full((WEEK_HOURS, series), NEVER),
            "base": zeros.copy(),
            "base_error": zeros.copy(),
            "known": np.zeros(series, np.bool_),
            "deviation": ones.copy(),
            "deviation_error": np.full(series, 0.3),
            "dispersion": ones.copy(),
            "dispersion_windows": zeros.copy(),
            "hour_counts": zeros.copy(),
            "hour_expected": zeros.copy(),
            "hour_windows": zeros.copy(),
            "hour": np.full(series, -1.0),
        }

    def expect(self, state: Columns, at_us: int, window_s: int) -> Expected:
        """The expectation of the window that ends at `at_us`, from what came before it."""
        hour = (at_us - window_s * 500_000 - _MONDAY_US) // HOUR_US
        if len(state["hour"]) and state["hour"][0] != hour:
            self._turn(state, int(hour))
        mean = np.maximum(state["base"] * state["deviation"], 1e-6)
        error = np.sqrt(state["base_error"] ** 2 + state["deviation_error"] ** 2)
        return Expected(mean, state["dispersion"].copy(), error, state["known"].copy())

    def learn(self, state: Columns, seen: Seen, expected: Expected) -> None:
        """Takes the window in, where it may be learned from."""
        use = seen.reported & seen.steady
        counts = seen.counts
        state["hour_counts"] += counts * use
        state["hour_expected"] += state["base"] * use
        state["hour_windows"] += use
        use = use & expected.known
        residual = np.minimum(
            (counts - expected.mean) ** 2, 9.0 * (expected.dispersion * expected.mean + (expected.mean * expected.relative_error) ** 2)
        )
        weight = use * expected.mean
        state["dispersion_windows"] += weight
        gain = weight / np.maximum(np.minimum(state["dispersion_windows"] + 50.0, 2000.0 * expected.mean), 1e-9)
        surplus = residual / np.maximum(expected.mean, 1e-6)
        state["dispersion"] += np.minimum(gain, 0.1) * (np.minimum(surplus, 100.0) - state["dispersion"])
        np.maximum(state["dispersion"], 1.0, out=state["dispersion"])
        information = 1.0 / state["deviation_error"] ** 2
        news = use * expected.mean / expected.dispersion
        state["deviation"] *= (information + use * np.minimum(counts, 3 * expected.mean + 3) / expected.dispersion) / (information + news)
        variance = 1.0 / (information + news) + 2.0 * 0.05**2 / 60
        state["deviation_error"] = np.minimum(np.sqrt(variance), 0.3)
        state["deviation"] += (1.0 - state["deviation"]) / 120

    def _turn(self, state: Columns, hour: int) -> None:
        """The hour is over: its counts go into the profile, and the next hour's row comes out."""
        before = int(state["hour"][0])
        if before >= 0:
            self._fold(state, before % WEEK_HOURS)
        mean, error = self._lookup(state, hour % WEEK_HOURS)
        state["base"], state["base_error"] = mean, np.minimum(error, 3.0)
        state["known"] = np.isfinite(error)
        state["hour"][:] = hour
        for name in ("hour_counts", "hour_expected", "hour_windows"):
            state[name][:] = 0.0

    def _fold(self, state: Columns, row: int) -> None:
        used = state["hour_windows"] > 0
        prior_mean, prior_error = self._lookup(state, row)
        known = np.isfinite(prior_error)
        rate = state["hour_counts"] / np.maximum(state["hour_windows"], 1.0)
        information = np.where(known, 1.0 / np.maximum(prior_error, 1e-3) ** 2, 0.0)
        spread = state["dispersion"] + 0.05**2 * state["hour_expected"]
        due = np.where(known, prior_mean * state["hour_windows"], state["hour_counts"] + 0.5)
        mean = np.where(known, prior_mean, 1.0) * (information + state["hour_counts"] / spread) / (information + due / spread)
        mean = np.where(known, mean, rate)
        error = np.sqrt(1.0 / (information + due / spread) + 0.05**2)
        state["profile"][row] = np.where(used, mean, state["profile"][row])
        state["profile_error"][row] = np.where(used, np.minimum(error, 2.0), state["profile_error"][row])

    def _lookup(self, state: Columns, row: int) -> tuple[Floats, Floats]:
        """Mean and relative error of one hour of the week; infinite where neither it nor the same hour of another day was seen."""
        own = state["profile_error"][row].astype(np.float64)
        mean = state["profile"][row].astype(np.float64)
        if np.isfinite(own).all():
            return mean, own
        weights, sums = np.zeros(len(own)), np.zeros(len(own))
        for days in range(1, 7):
            other = (row - 24 * days) % WEEK_HOURS
            apart = 0.25 if (other // 24 >= 5) == (row // 24 >= 5) else 1.5
            weight = 1.0 / (state["profile_error"][other].astype(np.float64) ** 2 + apart**2)
            weights += weight
            sums += weight * state["profile"][other]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(np.isfinite(own), mean, np.nan_to_num(sums / weights))
            error = np.where(np.isfinite(own), own, 1.0 / np.sqrt(weights))
        return mean, np.where(np.isfinite(own), error, np.maximum(error, 0.2))
