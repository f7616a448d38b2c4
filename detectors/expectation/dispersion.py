"""Noise: how much the counts of a series scatter around the expectation, and how long a deviation lasts."""

import numpy as np

from detectors.array_math import clip_small
from models.columns import Columns, Expected, Flags, Floats

LEARNED = ("s_flat", "s_cross", "s_steep", "t_flat", "t_steep", "lagged", "squares", "windows")
MEMORY_S = 3 * 86_400
LEAST_MEMORY_WINDOWS = 1000.0
PRIOR_EXCESS = 2.0
"""Dispersion - 1 while little is known: a series with few messages may send them in bursts."""
PRIOR_WEIGHT = 4.0
PRIOR_WINDOWS = 50.0
RIDGE = 0.05
"""Keeps the slope at 0 while the mean hardly varies."""
CLIP = 9.0
"""Larger squared standardised errors count as this value, so that one storm does not become normal."""
TAIL = 5.0
"""The limit includes this many times the dispersion in messages, squared: bursts of a series with few messages have about that size."""
CLIPPED_MEAN = 0.95
"""Mean of a squared standardised error with this limit, between the normal's 0.97 and a skewed count's 0.9."""
FIRST_SHARE = 0.36
"""Of independent noise, the mean of the least of its squared error, half its squared step and a sixth of its squared bend (below)."""
EXPLAINED = 0.25
"""Maximum share of the noise that is subtracted for the error of the expectation itself."""
MOST_MEMORY = 0.9


def fresh(series: int) -> Columns:
    """Sums of the weighted regression of squared errors on the mean; the last standardised error and its lagged products; windows seen;
    on the first day, the counts of the last window and of the one before (-1: none).
    """
    names = ("s_flat", "s_cross", "s_steep", "t_flat", "t_steep", "last", "lagged", "squares", "windows")
    state: Columns = {name: np.zeros(series) for name in names}
    state["s_flat"] += PRIOR_WEIGHT
    state["t_flat"] += PRIOR_WEIGHT * PRIOR_EXCESS
    state["windows"] += PRIOR_WINDOWS
    state["squares"] += 1.0
    return state | {name: np.full(series, -1.0, np.float32) for name in ("count_before", "count_earlier")}


def dispersion(state: Columns, mean: Floats) -> Floats:
    """Variance / mean of one window's count at this mean: 1 + a + b × mean with a, b ≥ 0 (noise of messages, noise of the rate itself)."""
    flat, cross, steep = state["s_flat"], state["s_cross"], state["s_steep"] * (1.0 + RIDGE) + 1e-9
    t_flat, t_steep = state["t_flat"], state["t_steep"]
    b = (flat * t_steep - cross * t_flat) / (flat * steep - cross * cross)
    b = clip_small(b, 0.0, np.maximum(t_steep, 0.0) / steep)
    a = np.maximum((t_flat - b * cross) / flat, 0.0)
    result: Floats = 1.0 + a + b * mean
    return result


def memory(state: Columns) -> Floats:
    """Correlation r of one window's count with the next one's, 0 ≤ r ≤ `MOST_MEMORY`."""
    return clip_small(state["lagged"] / np.maximum(state["squares"], 0.2), 0.0, MOST_MEMORY)


def stretch(state: Columns) -> Floats:
    """The factor by which sums over many windows scatter more than independent windows: (1 + r) / (1 - r)."""
    r = memory(state)
    result: Floats = (1.0 + r) / (1.0 - r)
    return result


def learn(state: Columns, counts: Floats, expected: Expected, use: Flags, window_s: int) -> None:
    """Learns one window, in place."""
    most = max(LEAST_MEMORY_WINDOWS, MEMORY_S / window_s)
    mean = expected.mean
    level_variance = (mean * expected.relative_error) ** 2
    variance = mean * expected.dispersion + level_variance
    error = (counts - mean) / np.sqrt(variance)
    own = variance / mean
    limit = CLIP + (TAIL * TAIL) * own / mean
    square = np.minimum(_of_first_day(state, counts, error * error, variance, ~expected.known, use), limit)
    # An expectation that is more accurate than its stated error must not make the noise vanish.
    explained = np.minimum(level_variance, EXPLAINED * mean * expected.dispersion)
    excess = (square / CLIPPED_MEAN * variance - explained) / mean - 1.0
    weight = use * mean / (own * own * (2.0 * mean + 1.0))
    fade = 1.0 - use / most
    for name, news in (("s_flat", 1.0), ("s_cross", mean), ("s_steep", mean * mean), ("t_flat", excess), ("t_steep", mean * excess)):
        state[name] *= fade
        state[name] += weight * news
    # On the first day one window resembles the next because the expectation lags behind the course of the day.
    seen = use & expected.known
    windows = state["windows"]
    windows += seen
    np.minimum(windows, most, out=windows)
    gain = seen / windows
    error = clip_small(error, -3.0, 3.0) * seen
    state["lagged"] += gain * (error * state["last"] - state["lagged"])
    state["squares"] += gain * (np.minimum(square, CLIP) - state["squares"])
    state["last"][:] = error


def _of_first_day(state: Columns, counts: Floats, square: Floats, variance: Floats, first: Flags, use: Flags) -> Floats:
    """The squared standardised error, where the profile is not known (`first`) only as far as it is noise.

    There the expectation is what the last hours carried, and the morning's rise would count as noise that hides everything for weeks.
    Noise also moves the count from one window to the next, and off the line through the last two; a rise does not.
    """
    if not first.any():
        return square
    before, earlier = state["count_before"], state["count_earlier"]
    step, bend = counts - before, counts - 2.0 * before + earlier
    least = np.minimum(square, np.minimum(step * step / 2.0, bend * bend / 6.0) / variance) / FIRST_SHARE
    least = np.where(first & (before >= 0) & (earlier >= 0), least, square)
    earlier[:] = np.where(first, before, earlier)
    before[:] = np.where(first, np.where(use, counts, -1.0), before)
    return least
