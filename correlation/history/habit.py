"""Habit: whether a User's traffic deviated as much about this hour on other days, so that today's is no news."""

import numpy as np

from correlation.history.traffic_history import History
from correlation.snapshots import AlertSnapshot
from models.columns import Floats, Ints
from models.times import DAY_US, HOUR_US

_LEAST_DAYS, _MOST_DAYS = 2, 7
_AS_MUCH = 0.7
"""Share of today's deviation that another day must have shown."""
_SIGMAS, _DISPERSION = 4.0, 3.0
_LEAST_SHARE = 0.05
"""Of what is due in an hour: a smaller deviation is within the error of any expectation."""
_LONGEST_US = 2 * HOUR_US
_KINDS = frozenset({"storm", "drop", "silence"})


def is_habit(episode: AlertSnapshot, history: History) -> bool:
    """Whether at least two of the days before brought as much too much, or too little, about this hour."""
    until_us = episode.at_us if episode.ended_us is None else episode.ended_us
    if episode.refused or episode.kind not in _KINDS or not episode.series or until_us - episode.onset_us > _LONGEST_US:
        return False
    window_s = min(key.window_s for key in episode.series)
    keys = tuple(key for key in episode.series if key.window_s == window_s)
    sign = 1.0 if episode.direction == "up" else -1.0
    today = history.recent(keys, episode.onset_us)
    past = history.hours(keys)
    if today is None or past is None:
        return False
    lasting = today.ends_us <= until_us
    now = sign * float((today.observed - today.expected)[lasting].sum())
    ends_us, observed, expected = past.ends_us, past.observed.sum(axis=1), past.expected.sum(axis=1)
    deviation = sign * (observed - expected)
    noise = np.maximum(_SIGMAS * np.sqrt(_DISPERSION * np.maximum(expected, 1.0)), _LEAST_SHARE * expected)
    noticed, span_us = np.where(deviation >= noise, deviation, 0.0), (episode.onset_us, until_us)
    days = [_most(ends_us, noticed, span_us, day) for day in range(1, _MOST_DAYS + 1)]
    return now > 0 and sum(most >= _AS_MUCH * now for most in days) >= _LEAST_DAYS


def _most(ends_us: Ints, deviation: Floats, span_us: tuple[int, int], day: int) -> float:
    """What an earlier day brought within an hour of the same time."""
    first_us, last_us = span_us[0] - day * DAY_US - HOUR_US, span_us[1] - day * DAY_US + HOUR_US
    near = (ends_us > first_us) & (ends_us - HOUR_US < last_us)
    return float(deviation[near].sum()) if near.any() else 0.0
