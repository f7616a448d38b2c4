"""Habits: how far a series' evidence usually rises, and its earlier findings at this time of day, or of this frequency and size."""

from collections.abc import Callable

import numpy as np

from models.columns import Columns, Flags, Floats, Ints

DAY_S = 86_400
MEMORY_S = 21 * DAY_S
KEPT_S = 28 * DAY_S
EDGE_NATS, OVER_NATS = 4.0, 1.0
"""Evidence from which an excursion counts, and below which it ends."""
EDGE_RATE = 0.5 * np.exp(-EDGE_NATS)
"""Excursions per window that the model itself predicts (`thresholds.CALIBRATED`)."""
PRIOR = 3.0
"""Number of excursions with the model's distribution that count as the prior of a series."""
MOST_EXCESS = 1.2
"""Share of the threshold: the maximum weight of an excursion, so that one incident does not make a series insensitive."""
RING = 10
RING_SHARE = 0.65
"""Share of the threshold: an excursion that is stored individually."""
CLOCK_S, CLOCK_TIMES, CLOCK_FACTOR = 1800, 2, 2.0
"""How close to the same time of day, and on how many other days, makes the next one a habit, up to this many times their largest."""
OFTEN_TIMES, OFTEN_FACTOR = 4, 1.3
"""How many excursions at any time make the next one a habit, up to this many times the smallest of them."""
_MARGIN_S = 1800
LEARNED = ("excursions", "excess", "counted_s", "first_s", "ring_s", "ring_nats", "limit")


def fresh(series: int, threshold: float) -> Columns:
    """For the current excursion its greatest evidence (nats) and start; for past ones number, excess, time of the last and of the first
    (s since 1970), and the resulting threshold; and the largest ones: their beginnings and their evidence.
    """
    state: Columns = {name: np.zeros(series, np.float32) for name in ("peak", "excursions", "excess")}
    state |= {name: np.zeros(series, np.uint32) for name in ("peak_s", "counted_s", "first_s")}
    state |= {"ring_s": np.zeros((RING, series), np.uint32), "ring_nats": np.zeros((RING, series), np.float32)}
    return state | {"limit": np.full(series, threshold, np.float32)}


def follow(
    state: Columns,
    score: Floats,
    judged: Flags,
    explained: Flags,
    run_s: Callable[[Ints], Ints],
    at_s: int,
    window_s: int,
    threshold: float,
) -> None:
    """Processes one window, in place. `explained`: something else explains the series; `run_s`: seconds since its evidence began."""
    new = judged & (state["first_s"] == 0)
    if new.any():
        state["first_s"][new] = at_s
    rows = (judged & ((score > EDGE_NATS) | (state["peak"] > 0))).nonzero()[0]
    if not len(rows):
        return
    now, before = score[rows], state["peak"][rows]
    began = rows[before == 0]
    if len(began):
        state["peak_s"][began] = np.maximum(at_s - run_s(began), 0)
    peak = np.where(explained[rows], np.inf, np.maximum(before, now))
    over = now < OVER_NATS
    state["peak"][rows] = np.where(over, 0.0, peak)
    counts = over & np.isfinite(peak)
    if counts.any():
        remember(state, rows[counts], peak[counts], at_s, window_s, threshold)


def remember(state: Columns, rows: Ints, peak: Floats, at_s: int, window_s: int, threshold: float) -> None:
    """After an excursion: the threshold follows the series' own tail where that is heavier than the model's.

    Peaks over an edge are exponential under the model, with mean 1 nat (Pickands 1975; Cramér-Lundberg for the CUSUM). Here their mean
    and rate are those observed, so that as many pass the threshold as the budget allows.
    """
    fade = np.exp(-(at_s - state["counted_s"][rows].astype(np.float64)) / MEMORY_S)
    number = state["excursions"][rows] * fade + 1.0
    excess = state["excess"][rows] * fade + np.minimum(peak - EDGE_NATS, MOST_EXCESS * threshold)
    windows = MEMORY_S / window_s * (1.0 - np.exp(-(at_s - state["first_s"][rows].astype(np.float64)) / MEMORY_S))
    mean = (PRIOR + excess) / (PRIOR + number)
    rate = (PRIOR + number) / (PRIOR / EDGE_RATE + windows)
    limit = EDGE_NATS + np.maximum(mean, 1.0) * (threshold + np.log(2.0 * rate))
    for name, values in (("excursions", number), ("excess", excess), ("counted_s", at_s)):
        state[name][rows] = values
    state["limit"][rows] = np.maximum(limit, threshold)
    large = peak > RING_SHARE * threshold
    rows, peak = rows[large], peak[large]
    if len(rows):
        worth = state["ring_nats"][:, rows] * np.exp((state["ring_s"][:, rows].astype(np.float64) - at_s) / MEMORY_S)
        place = worth.argmin(axis=0)
        state["ring_s"][place, rows], state["ring_nats"][place, rows] = state["peak_s"][rows], peak


def habitual(state: Columns, rows: Ints, began_s: Ints) -> tuple[Floats, Ints]:
    """Evidence (nats) up to which an excursion from `began_s` is a habit, and on how many days it came at this time of day."""
    ago = began_s - state["ring_s"][:, rows].astype(np.int64)
    nats = state["ring_nats"][:, rows].astype(np.float64)
    kept = (ago < KEPT_S) & (ago > _MARGIN_S)
    off = np.abs((ago + DAY_S // 2) % DAY_S - DAY_S // 2)
    same = kept & (off <= CLOCK_S) & (ago > DAY_S // 2)
    days = np.where(same, np.rint(ago / DAY_S), 0.0)
    times = (np.sort(days, axis=0)[1:] > np.sort(days, axis=0)[:-1]).sum(axis=0) + (days.min(axis=0) > 0)
    at_clock = np.where(times >= CLOCK_TIMES, CLOCK_FACTOR * np.where(same, nats, 0.0).max(axis=0), 0.0)
    often = OFTEN_FACTOR * np.sort(np.where(kept, nats, 0.0), axis=0)[-OFTEN_TIMES]
    return np.maximum(at_clock, often), times
