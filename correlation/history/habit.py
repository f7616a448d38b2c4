"""Habit: whether a User's traffic deviated as much about this hour on other days, so that today's is no news."""

import numpy as np

from correlation.history.traffic_history import History
from correlation.snapshots import AlertSnapshot
from models.columns import Floats, Ints, SeriesKey
from models.times import DAY_US, HOUR_US, MINUTE_US

_LEAST_DAYS, _MOST_DAYS = 2, 7
_AS_MUCH = 0.5
"""Share of today's deviation that another day must have shown: its expectation held a part of what recurs."""
_SIGMAS, _DISPERSION = 4.0, 3.0
_LEAST_SHARE = 0.05
"""Of what is due in an hour: a smaller deviation is within the error of any expectation."""
_LEAST_LEFT = 0.5
"""Share of an excursion that counts at least, however much of it the expectation of the hour holds."""
_NEAR_US = 40 * MINUTE_US
"""How far from the same time yesterday's may be."""
_LONGEST_US = 2 * HOUR_US
_LEVEL_US = 4 * HOUR_US
"""How far from the time the hours are from which the level of the first day is taken; at least an hour."""
_KINDS = frozenset({"storm", "drop", "silence"})


def is_habit(episode: AlertSnapshot, history: History) -> bool:
    """Whether at least two of the days before brought as much too much, or too little, about this hour."""
    until_us = episode.at_us if episode.ended_us is None else episode.ended_us
    if episode.refused or episode.kind not in _KINDS or not episode.series or until_us - episode.onset_us > _LONGEST_US:
        return False
    window_s = min(key.window_s for key in episode.series)
    keys = tuple(key for key in episode.series if key.window_s == window_s)
    sign = 1.0 if episode.direction == "up" else -1.0
    today = history.recent(keys, min(episode.onset_us, until_us - HOUR_US))
    if today is None:
        return False
    off = sign * (today.observed - today.expected).sum(axis=1)
    lasting = (today.ends_us > episode.onset_us) & (today.ends_us <= until_us)
    # The expectation of an hour holds a part of what came on the days before, and the rest of the hour lacks it.
    # So an hour is held against hours.
    hour = (today.ends_us > until_us - HOUR_US) & (today.ends_us <= until_us)
    now = float(off[lasting].sum())
    now = min(now, max(float(off[hour].sum()), _LEAST_LEFT * now))
    past = history.hours(keys) if now > 0 else None
    if past is None:
        return False
    ends_us, observed, span_us = past.ends_us, past.observed.sum(axis=1), (episode.onset_us, until_us)
    expected = _as_known_today(ends_us, observed, past.expected.sum(axis=1), span_us, int(today.ends_us[-1]))
    noticed = _noticed(observed, expected, sign)
    yesterday, *before = (_most(ends_us, noticed, span_us, day) >= _AS_MUCH * now for day in range(1, _MOST_DAYS + 1))
    wanted = _LEAST_DAYS - sum(before)
    if wanted != 1 or yesterday:
        return wanted <= int(yesterday)
    return _yesterday(keys, span_us, sign, history) >= _AS_MUCH * now


def _yesterday(keys: tuple[SeriesKey, ...], span_us: tuple[int, int], sign: float, history: History) -> float:
    """What yesterday brought about this time, in steps of five minutes: a short excursion is seldom more than the chance of an hour."""
    first_us, last_us = span_us[0] - DAY_US - _NEAR_US, span_us[1] - DAY_US + _NEAR_US
    fine = history.recent(keys, first_us)
    if fine is None or len(fine.ends_us) < 2 or int(np.diff(fine.ends_us).min()) >= HOUR_US:
        return 0.0
    near = fine.ends_us <= last_us
    return float(_noticed(fine.observed[near].sum(axis=1), fine.expected[near].sum(axis=1), sign).sum())


def _as_known_today(ends_us: Ints, observed: Floats, expected: Floats, span_us: tuple[int, int], now_us: int) -> Floats:
    """(hours,) what was due; on the first day what is known of these hours today, at that day's level, since nothing was learned then.

    Where that is not known, as much as came was due.
    """
    carried = np.flatnonzero(observed > 0)
    if not len(carried):
        return expected
    first_us = int(ends_us[carried[0]]) - HOUR_US
    young = ends_us <= first_us + DAY_US
    if not young.any() or now_us <= first_us + DAY_US:
        return expected
    over = np.clip((now_us - ends_us + HOUR_US) / HOUR_US, 1e-3, 1.0)
    today = dict(zip(ends_us.tolist(), (expected / over).tolist(), strict=True))
    hours = np.flatnonzero(young)
    same = np.array([today.get(end_us + (now_us + HOUR_US - 1 - end_us) // DAY_US * DAY_US, 0.0) for end_us in ends_us[hours].tolist()])
    first, last = (at_us % DAY_US for at_us in span_us)
    beside = np.minimum((ends_us[hours] - HOUR_US - last) % DAY_US, (first - ends_us[hours]) % DAY_US)
    level_of = (same > 0) & (beside >= HOUR_US) & (beside <= _LEVEL_US)
    level = float(observed[hours][level_of].sum() / max(same[level_of].sum(), 1e-9)) if level_of.any() else 1.0
    due = expected.copy()
    due[hours] = np.where(same > 0, level * same, observed[hours])
    return due


def _noticed(observed: Floats, expected: Floats, sign: float) -> Floats:
    """(bins,) deviation where it is more than chance, else 0."""
    deviation = sign * (observed - expected)
    noise = np.maximum(_SIGMAS * np.sqrt(_DISPERSION * np.maximum(expected, 1.0)), _LEAST_SHARE * expected)
    return np.where(deviation >= noise, deviation, 0.0)


def _most(ends_us: Ints, deviation: Floats, span_us: tuple[int, int], day: int) -> float:
    """What an earlier day brought within an hour of the same time."""
    first_us, last_us = span_us[0] - day * DAY_US - HOUR_US, span_us[1] - day * DAY_US + HOUR_US
    near = (ends_us > first_us) & (ends_us - HOUR_US < last_us)
    return float(deviation[near].sum()) if near.any() else 0.0
