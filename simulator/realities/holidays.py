"""Holidays: days with the traffic of a Sunday; schedules in UTC run as usual."""

from collections.abc import Iterator
from datetime import date

import numpy as np
from holidays import country_holidays

from models.civil_time import BRITAIN, local_us
from models.columns import Flags, Floats, Ints
from models.times import DAY_US, MINUTE_US, instant
from simulator.effects import Effect, Scale
from simulator.profiles import MINUTES_A_WEEK
from simulator.realities.cast import series_of_some
from simulator.story import Stage, Story
from simulator.world import MONDAY_US

SUNDAY_MIN = 6 * 24 * 60
KEEP_WORKING = 0.2
"""Share of the Users for which a holiday is an ordinary day."""


def build_story(stage: Stage) -> Story:
    """Four of five Users, on each holiday of England and Wales in the simulated time."""
    effects: list[Effect] = []
    closed = np.logical_or.reduce(series_of_some(stage, 1 - KEEP_WORKING)) & ~stage.world.keeps_utc
    for first, middle in _holidays(stage):
        minute = (middle - MONDAY_US) // MINUTE_US
        for series, family, phase in _by_kind(stage, closed):
            own = (minute - phase) % MINUTES_A_WEEK
            # Each series reaches midnight with its own phase, so that the day before and the day after stay unchanged.
            sunday = SUNDAY_MIN + own % (24 * 60)
            profile = stage.world.profiles[family]
            effects.append(Scale(series, first, profile[sunday] / profile[own]))
    return Story(tuple(effects))


def _holidays(stage: Stage) -> Iterator[tuple[int, Ints]]:
    """First window and local middles of the windows of each holiday that is not a Sunday, whole days only."""
    middle = local_us(stage.timeline.ends_us(0, stage.timeline.windows) - stage.timeline.window_us // 2, BRITAIN)
    days = middle // DAY_US
    years = range(instant(int(middle[0])).year, instant(int(middle[-1])).year + 1)
    for day in sorted(country_holidays("GB", subdiv="ENG", years=years)):
        windows = np.flatnonzero(days == (day - date(1970, 1, 1)).days)
        if len(windows) and day.weekday() != 6:
            yield int(windows[0]), middle[windows]


def _by_kind(stage: Stage, chosen: Flags) -> Iterator[tuple[Flags, int, int]]:
    """Series of one family and one phase."""
    pairs: Floats = np.stack([stage.world.family, stage.world.phase_min]).T
    for family, phase in np.unique(pairs[chosen], axis=0).tolist():
        yield chosen & (pairs == [family, phase]).all(axis=1), int(family), int(phase)
