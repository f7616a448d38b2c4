"""Baseline of failures: the usual share of a series' messages that fails by each side's fault, and how much it varies."""

import numpy as np

from detectors.array_math import clip_small
from detectors.expectation.week_clock import SLOT_US
from models.columns import Columns, Flags, Floats, Ints, TrafficTick
from models.times import SECOND_US

FAMILIES = 3
"""Codes of the User's side (E1-E19), of the device's and network's (E20, E21, E30), and all others: each has its own usual share."""
LEARNED = ("age_s", "tried", "failed", "overlap", "overlap_weight", "share", "high")
MEMORY_S = 3 * 86_400.0
FIRST_S = 6 * 3600.0
"""Windows before the first judgement."""
LEAST_TRIED = 300.0
DOUBT = 2.0
"""Standard errors that the usual share is raised by before a failure counts as evidence."""
PRIOR_FAILED, PRIOR_TRIED = 0.5, 25.0
PRIOR_OVERLAP, PRIOR_WEIGHT, MOST_WEIGHT = 0.01, 20.0, 2000.0
"""Correlation of the outcomes of two messages of one window while little is known of it, and its weight in windows."""
LEAST_OVERLAP, MOST_OVERLAP, MOST_SHARE = 1e-5, 0.5, 0.9
FEW_PAIRS = 50.0
CLIP = 9.0


def fresh(series: int) -> Columns:
    """Age; messages tried and failed (fading); correlation; the usual share of each family and its upper bound; sums of ten minutes."""
    state: Columns = {name: np.zeros(series, np.float32) for name in ("age_s", "tried", "new_tried")}
    families = ("failed", "overlap_weight", "new_failed", "new_overlap", "new_weight")
    state |= {name: np.zeros((FAMILIES, series), np.float32) for name in families}
    state |= {"share": np.full((FAMILIES, series), PRIOR_FAILED / PRIOR_TRIED, np.float32)}
    state |= {"high": np.full((FAMILIES, series), MOST_SHARE, np.float32)}
    return state | {"overlap": np.full((FAMILIES, series), PRIOR_OVERLAP, np.float32)}


def families(tick: TrafficTick) -> Floats:
    """Failures by side, shape (families, series): the User's, the device's and network's, all others."""
    return np.array((tick.user_side, tick.device_side, np.maximum(tick.failures - tick.user_side - tick.device_side, 0.0)))


def known(state: Columns) -> Flags:
    """Whether there is enough to judge by."""
    flags: Flags = (state["age_s"] >= FIRST_S) & (state["tried"] >= LEAST_TRIED)
    return flags


def concentration(state: Columns, family: Ints, series: Ints) -> Floats:
    """The sum of both parameters of the beta distribution, for some families of some series: 1 / overlap - 1."""
    intra_window_correlation = clip_small(state["overlap"][family, series].astype(np.float64), LEAST_OVERLAP, MOST_OVERLAP)
    result: Floats = 1.0 / intra_window_correlation - 1.0
    return result


def learn(state: Columns, tick: TrafficTick, failed: Floats, use: Flags) -> None:
    """Learns one window's failures (families, series), in place; shares follow every ten minutes."""
    tried = tick.messages * use
    state["age_s"] += tick.window_s * tick.reported
    state["new_tried"] += tried
    pairs = np.maximum(tried - 1.0, 0.0)
    telling = (pairs / (pairs + FEW_PAIRS)) ** 2
    state["new_failed"] += failed * use
    _learn_overlap(state, tried, failed, pairs, telling)
    if turns(tick.at_us, tick.window_s):
        turn(state, tick.window_s)


def turns(at_us: int, window_s: int) -> bool:
    """Whether ten minutes are over with the window that ends at `at_us`."""
    return at_us % SLOT_US < window_s * SECOND_US


def _learn_overlap(state: Columns, tried: Floats, failed: Floats, pairs: Floats, telling: Floats) -> None:
    """One window's squared error against that of independent outcomes; few failures or few messages have little weight."""
    share = state["share"].astype(np.float64)
    expected = tried * share
    variance = expected * (1.0 - share) + 1e-9
    error = failed - expected
    square = np.minimum(error * error / variance, CLIP * (1.0 + np.maximum(state["overlap"], 0.0) * pairs) + 4.0 / variance)
    weight = telling * expected / (1.0 + expected)
    state["new_overlap"] += weight * np.minimum((square - 1.0) / (pairs + 1e-9), MOST_OVERLAP)
    state["new_weight"] += weight


def kept_share(window_s: int) -> np.float64:
    """What is left of earlier sums when ten minutes are over."""
    kept: np.float64 = np.exp(np.float64(-max(window_s, SLOT_US // SECOND_US) / MEMORY_S))
    return kept


def turn(state: Columns, window_s: int) -> None:
    """Shares follow what the last ten minutes brought, in place."""
    fade = kept_share(window_s)
    state["tried"] *= fade
    state["tried"] += state["new_tried"]
    state["failed"] *= np.float32(fade)
    state["failed"] += state["new_failed"]
    total, news = state["overlap_weight"], state["new_weight"]
    total += news
    np.minimum(total, np.float32(MOST_WEIGHT), out=total)
    gain = 1.0 / (total + np.float32(PRIOR_WEIGHT))
    state["overlap"] += np.minimum(news * gain, 1.0) * (state["new_overlap"] / np.maximum(news, 1e-9) - state["overlap"])
    for name in ("new_tried", "new_failed", "new_overlap", "new_weight"):
        state[name][:] = 0.0
    failed = state["failed"] + np.float32(PRIOR_FAILED)
    # The windows from which a share was learned are as overdispersed as the next one.
    spread = 1.0 + 10.0 * np.clip(state["overlap"], 0.0, MOST_OVERLAP)
    share = failed / (state["tried"] + PRIOR_TRIED)
    state["share"][:] = share
    state["high"][:] = np.minimum(share * np.exp(DOUBT * np.sqrt(spread / failed)), MOST_SHARE)
