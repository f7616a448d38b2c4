"""Fleet: invented series whose truth is known, in every condition under which a budget of false alarms has to hold."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.columns import Flags, Floats, QueueTick, SeriesKey, TrafficTick
from models.times import DAY_US, MINUTE_US, SECOND_US
from simulator.profiles import MINUTES_A_WEEK, weekly_profiles

MONDAY_US = 1_767_571_200 * SECOND_US
"""2026-01-05T00:00:00Z."""
SERIES_A_USER, SERIES_A_QUEUE = 25, 10
LEAST_MEAN, MOST_MEAN = 0.2, 300.0
"""Messages a minute of the quietest and the busiest series."""
FAILURE_SHARE, FAILURE_OVERLAP = 0.02, 0.002
WAITING = 30.0
"""Messages on their way in a queue on average."""
CLASSES = ("service_response", "device_alert", "dcc_alert", "service_request", "command")


@dataclass(frozen=True, slots=True)
class Condition:
    """What noise, seasons and levels are like."""

    name: str
    dispersion: float = 2.0
    """Variance / mean of the counts."""
    correlation: float = 0.0
    """Of one window's count with the next one's."""
    misfit: float = 0.0
    """Standard deviation of each hour's rate about the week's profile, of its logarithm; 150 times that in minutes: of each day's clock."""
    drift: float = 0.0
    """Standard deviation of a day's step of the level's logarithm; a third of the series also move by half of that each day, up or down."""
    flat: bool = False
    """No seasons at all."""


class Fleet:
    """`series` series in windows of `window_s`; draws depend on seed, `branch` and window alone, but for what spills from one to the next.

    Autocorrelation is of messages that come again in the next window with probability r (binomial thinning, McKenzie 1985): the counts keep
    mean and dispersion exactly, the innovations have dispersion (1 + r) phi - r.
    """

    def __init__(self, condition: Condition, series: int, seed: int, *, days: int, window_s: int = 60) -> None:
        self.condition, self.series, self.window_s, self._seed, self._days = condition, series, window_s, seed, days
        draw = np.random.default_rng([seed, 0])
        self.mean = draw.permutation(np.geomspace(LEAST_MEAN, MOST_MEAN, series)) * (window_s / 60)
        self._family = draw.integers(0, len(weekly_profiles()), series)
        self._phase_min = draw.integers(-30, 31, series)
        steps = draw.normal(0.0, 1.0, (days + 1, series)) + 0.5 * draw.integers(-1, 2, series)
        self._level = np.exp(condition.drift * np.cumsum(steps, axis=0))
        self._profiles = np.ones_like(weekly_profiles()) if condition.flat else weekly_profiles()
        self.failing = draw.random(series) < 0.5
        self.branch = 1
        self.failure_factor = 1.0
        self._last: tuple[Floats, Floats] | None = None

    @cached_property
    def keys(self) -> tuple[SeriesKey, ...]:
        """In canonical order, some to the DSP and most to the User."""
        return tuple(
            SeriesKey(
                f"USER-{index // SERIES_A_USER:05d}",
                "to_user" if index % SERIES_A_USER >= 5 else "to_dsp",
                CLASSES[index % 5],
                f"4.{index % SERIES_A_USER:02d}",
                "north",
                "",
                self.window_s,
            )
            for index in range(self.series)
        )

    @cached_property
    def queue_keys(self) -> tuple[SeriesKey, ...]:
        """One for each ten series."""
        return tuple(
            SeriesKey(f"USER-{index:05d}", "", "", "", "", "to_user", self.window_s) for index in range(self.series // SERIES_A_QUEUE)
        )

    @property
    def windows_a_day(self) -> int:
        """How many windows a day has."""
        return 86_400 // self.window_s

    def at_us(self, window: int) -> int:
        """End of a window."""
        return MONDAY_US + (window + 1) * self.window_s * SECOND_US

    def rates(self, window: int) -> Floats:
        """True messages a window, shape (series,)."""
        middle_us = self.at_us(window) - self.window_s * SECOND_US // 2 - MONDAY_US
        day = middle_us // DAY_US
        minute = middle_us // MINUTE_US - self._phase_min
        level = self._level[min(day, self._days)]
        misfit = self.condition.misfit
        if misfit:
            minute = minute - np.rint(150.0 * misfit * self._noise(2, day)).astype(np.int64)
            level = level * np.exp(misfit * self._noise(3, middle_us // (60 * MINUTE_US)))
        rates: Floats = self.mean * level * self._profiles[self._family, minute % MINUTES_A_WEEK]
        return rates

    def _noise(self, what: int, when: int) -> Floats:
        return np.random.default_rng([self._seed, what, int(when)]).normal(0.0, 1.0, self.series)

    def counts(self, window: int, factor: Floats | float = 1.0) -> Floats:
        """What comes in a window, with `factor` times the ordinary traffic."""
        draw = np.random.default_rng([self._seed, 1, self.branch, window])
        mean, r, phi = self.rates(window) * factor, self.condition.correlation, self.condition.dispersion
        if r == 0.0:
            return _draw(draw, mean, phi)
        before_mean, before = self._last if self._last is not None else (mean, _draw(draw, mean, phi))
        spilt = draw.binomial(before.astype(np.int64), r)
        counts = spilt + _draw(draw, np.maximum(mean - r * before_mean, 0.02 * mean), (1.0 + r) * phi - r)
        self._last = mean, counts
        return counts

    def traffic(self, window: int, counts: Floats) -> TrafficTick:
        """The window's counts as detection sees them; of half the series some messages fail."""
        draw = np.random.default_rng([self._seed, 4, self.branch, window])
        usual = FAILURE_SHARE * self.failure_factor
        a = usual * (1.0 / FAILURE_OVERLAP - 1.0)
        share = draw.beta(a, a / usual - a, self.series) * self.failing
        failed = draw.binomial(counts.astype(np.int64), share).astype(np.float64)
        seen: Flags = np.ones(self.series, np.bool_)
        return TrafficTick(self.at_us(window), self.window_s, seen, counts, failed, np.zeros(self.series), failed)

    def queues(self, window: int) -> QueueTick:
        """Depths of what is on its way; nothing waits."""
        queues = len(self.queue_keys)
        draw = np.random.default_rng([self._seed, 5, self.branch, window])
        depth = _draw(draw, np.full(queues, WAITING), self.condition.dispersion)
        delivered = _draw(draw, np.full(queues, 5.0 * WAITING), self.condition.dispersion)
        seen: Flags = np.ones(queues, np.bool_)
        return QueueTick(self.at_us(window), self.window_s, seen, depth, np.full(queues, 5.0), np.full(queues, 1e6), delivered, delivered)


def _draw(draw: np.random.Generator, mean: Floats, dispersion: float) -> Floats:
    """Negative-binomial counts of this mean and variance / mean."""
    rate = mean if dispersion <= 1.0 else draw.gamma(mean / (dispersion - 1.0), dispersion - 1.0)
    return draw.poisson(rate).astype(np.float64)
