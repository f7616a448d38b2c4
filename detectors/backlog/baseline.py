"""Baseline: the depth, age and delivery rate that are usual for a queue at each hour of the day while nothing is wrong."""

import numpy as np

from detectors.array_math import nan_to_zero
from detectors.expectation.week_clock import HOURS_A_DAY
from models.columns import Columns, Flags, Floats, QueueTick
from models.times import HOUR_US

FADE = 1.0 - 1.0 / 14
"""Share of a high-water mark that remains from one day to the next."""
FIRST_S, ANY_DEPTH = 3600.0, 1e15
"""No limit in the first hour after a queue appears."""
FIRST_FACTOR, FIRST_DEPTH = 20.0, 1000.0
"""On the first day, a queue may reach this many times the highest depth so far, plus this depth: read peaks are ×17."""
FACTOR, LEAST_DEPTH, NOISE = 1.5, 5.0, 4.0
"""Afterwards the limit is the mark of this hour, the previous or the next one, times this factor, plus this many messages and deviations.
If deliveries are reported, a queue may also hold what it usually delivers in this time."""
RISE = 1.25
"""Share by which a mark may rise from one day to the next."""
DAY_S = 86_400.0


def fresh(series: int) -> Columns:
    """By hour of the day: high-water mark (-1: unseen), mean depth, deliveries per window, visits; overall: ages, noise, seconds, wait."""
    state: Columns = {"mark": np.full((HOURS_A_DAY, series), -1.0, np.float32)}
    state |= {name: np.zeros((HOURS_A_DAY, series), np.float32) for name in ("mean_depth", "deliveries", "visits")}
    return (
        state
        | {name: np.zeros(series) for name in ("highest", "old", "scatter", "seen_s", "wait_s", "pending")}
        | {"pending_hour": np.zeros(series, np.int8)}
    )


def hour_of(at_us: int) -> int:
    """Hour of the day of a window that ends at `at_us`."""
    return (at_us - 1) // HOUR_US % HOURS_A_DAY


def deviation(state: Columns, hour: int) -> Floats:
    """Usual difference between the depths of two consecutive windows, messages."""
    scatter: Floats = np.sqrt(np.maximum(state["scatter"], 0.25) * (state["mean_depth"][hour] + 1.0))
    return scatter


def settled(state: Columns) -> Flags:
    """Whether a whole day was seen."""
    flags: Flags = state["seen_s"] >= DAY_S
    return flags


def high_water(state: Columns, hour: int) -> Floats:
    """The highest mark of this hour and its neighbours: a read peak may come early or late."""
    before, mark, after = (state["mark"][(hour + step) % HOURS_A_DAY] for step in (-1, 0, 1))
    marks: Floats = np.maximum(np.maximum(np.maximum(before, mark), after), 0.0).astype(np.float64)
    return marks


def normal_depth(state: Columns, marks: Floats, scatter: Floats, served: Floats) -> Floats:
    """The depth up to which nothing is unusual, messages, from `high_water` and `deviation`; `served` in messages/s, 0 if not reported."""
    usual = FACTOR * marks + NOISE * scatter + LEAST_DEPTH
    usual = np.maximum(usual, FACTOR * state["wait_s"] * served)
    first = np.where(state["seen_s"] < FIRST_S, ANY_DEPTH, FIRST_FACTOR * state["highest"] + FIRST_DEPTH)
    return np.where(settled(state), usual, first)


def learn(state: Columns, tick: QueueTick, change: Floats, served: Floats, use: Flags, seen: Flags) -> None:
    """Learns one window, in place. `served` in messages/s; `use`: nothing is wrong; `seen`: the queue reported."""
    hour = hour_of(tick.at_us)
    _raise_marks(state, hour, tick, use)
    mean, deliveries, visits = (state[name][hour] for name in ("mean_depth", "deliveries", "visits"))
    visits += use
    np.minimum(visits, 5 * 3600 / tick.window_s, out=visits)
    gain = use / np.maximum(visits, 1.0)
    level = mean + 1.0
    mean += gain * (tick.depth - mean)
    deliveries += gain * np.isfinite(tick.delivered) * (nan_to_zero(tick.delivered) - deliveries)
    # A queue of a few messages has no meaningful waiting time.
    wait = np.where(use & (served > 0) & (tick.depth > 10), tick.depth / np.maximum(served, 1e-9), 0.0)
    state["wait_s"] = np.maximum(state["wait_s"] * (1.0 - tick.window_s / (14 * DAY_S)), np.minimum(wait, 300.0))
    square = np.minimum(change * change / level, 9.0 * np.maximum(state["scatter"], 1.0))
    state["scatter"] += use * np.maximum(0.002, 1.0 / np.maximum(state["seen_s"] / tick.window_s, 1.0)) * (square - state["scatter"])
    state["highest"] = np.where(use, np.maximum(state["highest"], tick.depth), state["highest"])
    # Waiting messages age by the clock: an age that rises window by window must not raise the limit that judges it.
    most = np.where(settled(state), state["old"] + ((RISE - 1.0) * state["old"] + 60.0) * tick.window_s / DAY_S, ANY_DEPTH)
    age = np.minimum(nan_to_zero(tick.oldest_age_s), most)
    state["old"] = np.where(use, np.maximum(state["old"] * (1.0 - tick.window_s / (14 * DAY_S)), age), state["old"])
    state["seen_s"] += seen * tick.window_s


def _raise_marks(state: Columns, hour: int, tick: QueueTick, use: Flags) -> None:
    """An hour's mark moves after the hour, by a limited share: a queue that fills must not raise the marks that judge it."""
    over = state["pending_hour"] != hour
    for past in sorted(set(state["pending_hour"][over].tolist())):
        here = over & (state["pending_hour"] == past)
        mark = state["mark"][past].astype(np.float64)
        known = mark >= 0
        most = np.where(known, RISE * mark + NOISE * deviation(state, past) + LEAST_DEPTH, ANY_DEPTH)
        raised = np.maximum(np.where(known, FADE * mark, 0.0), np.minimum(state["pending"], most))
        state["mark"][past] = np.where(here & (state["pending"] >= 0), raised, mark)
    state["pending"][over] = -1.0
    state["pending_hour"][over] = hour
    state["pending"] = np.where(use, np.maximum(state["pending"], tick.depth), state["pending"])
