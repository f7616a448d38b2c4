"""Habits: how far a series' evidence usually rises, and its earlier findings at this time of day, or of this frequency and size."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.columns import ALERT_KINDS, Columns, Findings, Flags, Floats, Ints
from models.times import SECOND_US

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
SIZE_FACTOR, LEAST_DUE_SHARE = 1.5, 0.1
"""The same factor on more messages, or under less noise, brings more evidence. Measured in windows of messages too many, an excursion
is up to this many times as large; earlier ones count if this share of what is due now was due then."""
SURE_DEVIATIONS = 2.0
"""Of its own noise that are taken from what one window had too much."""
MOST_RUN_S = 2 * 3600
"""What came at a time of day comes at that time too if it begins while the earlier one still went on, for up to so long."""
_MARGIN_S = 1800
MOST_STORED = 60_000.0
"""Greatest number in half precision, nearly."""
REFUSALS = 4
"""Habits of one series that may be refused at the same time."""
ANY_TIME_MIN = 1440
"""Stands for a habit that keeps to no time of day."""
PACE_FACTOR = 2.0
"""How much more evidence a window a habit may bring than before: an hour of slight surplus does not excuse a gross one of minutes."""
MEASURES = ("due", "surplus", "top")
"""The fields of `Size`, which are columns of the current excursion too."""
SIZES = tuple(f"ring_{name}" for name in MEASURES)
LEARNED = ("excursions", "excess", "counted_s", "first_s", "ring_s", "ring_run_s", "ring_nats", "ring_pace", *SIZES, "limit", "refused")


@dataclass(frozen=True, slots=True)
class Size:
    """How large an excursion is, whatever the noise; arrays have shape (series,)."""

    due: Floats
    """Messages a window that were due, the most of its windows."""
    surplus: Floats
    """Messages too many (or too few) in all its windows with enough evidence, as a multiple of what was due in a window."""
    top: Floats
    """The most of one window, less what may be its noise."""

    def of(self, chosen: Flags) -> "Size":
        """That of the `chosen` ones."""
        return Size(self.due[chosen], self.surplus[chosen], self.top[chosen])


def fresh(series: int, threshold: float) -> Columns:
    """For the current excursion its greatest evidence (nats), its greatest evidence a window, its `Size` (of the excursion that began at
    `size_s`) and its start; for past ones number, excess, time of the last and of the first (s since 1970), and the resulting threshold;
    the largest ones: their beginnings, how long they went on (s), evidence, evidence a window and size (0: not known; what was due as its
    square root); the size that the bursts of its User have in any of its series (`user_bursts`); and the times of day (minute + 1, 0 for
    none) whose habit people refused.
    """
    state: Columns = {name: np.zeros(series, np.float32) for name in ("peak", "pace", *MEASURES, "excursions", "excess")}
    state |= {name: np.zeros(series, np.uint32) for name in ("peak_s", "size_s", "counted_s", "first_s")}
    state |= {"ring_s": np.zeros((RING, series), np.uint32), "ring_run_s": np.zeros((RING, series), np.uint16)}
    state |= {name: np.zeros((RING, series), np.float32) for name in ("ring_nats", "ring_pace")}
    state |= {name: np.zeros((RING, series), np.float16) for name in SIZES}
    state |= {f"kin_{name}": np.zeros(series, np.float32) for name in MEASURES}
    return state | {"limit": np.full(series, threshold, np.float32), "refused": np.zeros((REFUSALS, series), np.uint16)}


def refuse(state: Columns, index: int, minute: int) -> None:
    """What the series at `index` does about this minute of the day (UTC; `ANY_TIME_MIN`: at no fixed time) is no habit from now on.

    The oldest of more than `REFUSALS` refusals is given up.
    """
    marks = [mark for mark in state["refused"][:, index].tolist() if mark not in (0, minute + 1)]
    _set_refusals(state, index, [*marks[-(REFUSALS - 1) :], minute + 1])


def allow(state: Columns, index: int, minute: int) -> None:
    """Takes a refusal back."""
    _set_refusals(state, index, [mark for mark in state["refused"][:, index].tolist() if mark not in (0, minute + 1)])


def _set_refusals(state: Columns, index: int, marks: list[int]) -> None:
    state["refused"][:, index] = marks + [0] * (REFUSALS - len(marks))


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
    known = ~are_refused(state, rows, state["peak_s"][rows].astype(np.int64))
    rows, peak = rows[known], peak[known]
    # What never came near the threshold may have brought all of its evidence in one window.
    near = state["size_s"][rows] == state["peak_s"][rows]
    pace = np.where(near, np.minimum(state["pace"][rows], peak), peak)
    size = Size(*(np.where(near, state[name][rows], 0.0) for name in MEASURES))
    # After the watermark was set back, what is stored may lie ahead.
    fade = np.exp(-np.maximum(at_s - state["counted_s"][rows].astype(np.float64), 0.0) / MEMORY_S)
    number = state["excursions"][rows] * fade + 1.0
    excess = state["excess"][rows] * fade + np.minimum(peak - EDGE_NATS, MOST_EXCESS * threshold)
    for name, values in (("excursions", number), ("excess", excess), ("counted_s", at_s)):
        state[name][rows] = values
    state["limit"][rows] = limits(state, rows, window_s, threshold)
    large = peak > RING_SHARE * threshold
    if large.any():
        _store(state, rows[large], at_s, peak[large], pace[large], size.of(large))


def _store(state: Columns, rows: Ints, at_s: int, peak: Floats, pace: Floats, size: "Size") -> None:
    """Stores an excursion that is over individually, in the place of the one that matters least by now."""
    ago = at_s - state["ring_s"][:, rows].astype(np.float64)
    worth = np.where(ago < 0, 0.0, state["ring_nats"][:, rows] * np.exp(-np.maximum(ago, 0.0) / MEMORY_S))
    index = worth.argmin(axis=0)
    began_s = state["peak_s"][rows]
    run_s = np.clip(at_s - began_s.astype(np.int64), 0, MOST_RUN_S)
    sizes = (np.minimum(values, MOST_STORED) for values in (np.sqrt(size.due), size.surplus, size.top))
    values = (began_s, run_s, peak, pace, *sizes)
    for name, each in zip(("ring_s", "ring_run_s", "ring_nats", "ring_pace", *SIZES), values, strict=True):
        state[name][index, rows] = each


def limits(state: Columns, rows: Ints, window_s: int, threshold: float) -> Floats:
    """The evidence that an alarm needs, from what is stored of the series' excursions and from the threshold of this run's budget."""
    number, excess, counted_s, first_s = (state[name][rows].astype(np.float64) for name in ("excursions", "excess", "counted_s", "first_s"))
    windows = MEMORY_S / window_s * (1.0 - np.exp(-np.maximum(counted_s - first_s, 0.0) / MEMORY_S))
    mean = (PRIOR + excess) / (PRIOR + number)
    rate = (PRIOR + number) / (PRIOR / EDGE_RATE + windows)
    limit = EDGE_NATS + np.maximum(mean, 1.0) * (threshold + np.log(2.0 * rate))
    return np.where(number > 0, np.maximum(limit, threshold), threshold)


def grow(state: Columns, rows: Ints, pace: Floats, due: Floats, messages: Floats, dispersion: Floats) -> tuple[Floats, Size]:
    """Adds a window to current excursions that have enough evidence; their greatest evidence a window, and their size.

    The largest of several windows is large by chance where few messages are due: of each one counts what it surely had.
    """
    begins = state["size_s"][rows] != state["peak_s"][rows]
    state["size_s"][rows] = state["peak_s"][rows]
    off = np.abs(messages - due) / due
    before = {name: np.where(begins, 0.0, state[name][rows]) for name in ("pace", *MEASURES)}
    sure = np.maximum(off - SURE_DEVIATIONS * np.sqrt(dispersion * np.maximum(messages, due)) / due, 0.0)
    size = Size(np.maximum(before["due"], due), before["surplus"] + off, np.maximum(before["top"], sure))
    pace = np.maximum(before["pace"], pace)
    for name, values in (("pace", pace), ("due", size.due), ("surplus", size.surplus), ("top", size.top)):
        state[name][rows] = values
    return pace, size


def habitual(
    state: Columns, rows: Ints, began_s: Ints, score: Floats, pace: Floats, size: Size, *, at_any_time: bool = True, least: float = 0.0
) -> tuple[Flags, Ints]:
    """Whether an excursion from `began_s` is a habit, and on how many earlier days it came at this time of day.

    `score`: its evidence (nats); `pace`: the most evidence a window that it has brought so far; `at_any_time`: what comes often, but at no
    time of its own, is a habit too; `least`: the evidence of an alarm. What earlier ones with less did at this time, or how large they
    were, may be chance.
    """
    ago = began_s - state["ring_s"][:, rows].astype(np.int64)
    nats = state["ring_nats"][:, rows].astype(np.float64)
    paces = np.where(state["ring_pace"][:, rows] > 0, state["ring_pace"][:, rows], nats)
    kept = (ago < KEPT_S) & (ago > _MARGIN_S)
    after = (ago + DAY_S // 2) % DAY_S - DAY_S // 2
    alarmed = kept & (nats > least)
    same = alarmed & (after >= -CLOCK_S) & (after <= CLOCK_S + state["ring_run_s"][:, rows]) & (ago > DAY_S // 2)
    days = np.where(same, np.rint(ago / DAY_S), 0.0)
    times = (np.sort(days, axis=0)[1:] > np.sort(days, axis=0)[:-1]).sum(axis=0) + (days.min(axis=0) > 0)
    largest, fastest = (np.where(same, values, 0.0).max(axis=0) for values in (nats, paces))
    at_clock = (times >= CLOCK_TIMES) & (score <= CLOCK_FACTOR * largest) & (pace <= PACE_FACTOR * fastest)
    fourth, fourth_pace = (_of_fourth(np.where(kept, values, 0.0)) for values in (nats, paces))
    often = (score <= OFTEN_FACTOR * fourth) & (pace <= PACE_FACTOR * fourth_pace)
    often |= _is_of_usual_size(state, rows, alarmed, size)
    often &= ~(state["refused"][:, rows] == ANY_TIME_MIN + 1).any(axis=0)
    return (at_clock | (often & at_any_time)) & ~are_refused(state, rows, began_s), times


def _is_of_usual_size(state: Columns, rows: Ints, alarmed: Flags, size: Size) -> Flags:
    """Whether enough earlier excursions were about as large as a multiple of what was due; of this series, or one of it and others of its
    User's other series.
    """
    due, surplus, top = (state[name][:, rows].astype(np.float64) for name in SIZES)
    # What a weaker excursion was like may be chance.
    comparable = alarmed & (due * due >= LEAST_DUE_SHARE * size.due)
    own = comparable & (size.surplus <= SIZE_FACTOR * surplus) & (size.top <= SIZE_FACTOR * top)
    kin_due, kin_surplus, kin_top = (state[f"kin_{name}"][rows].astype(np.float64) for name in MEASURES)
    kin = (kin_due >= LEAST_DUE_SHARE * size.due) & (size.surplus <= SIZE_FACTOR * kin_surplus) & (size.top <= SIZE_FACTOR * kin_top)
    surplus, top = (_of_fourth(np.where(comparable, values, 0.0)) for values in (surplus, top))
    usual: Flags = (size.surplus <= SIZE_FACTOR * surplus) & (size.top <= SIZE_FACTOR * top)
    return usual | (kin & own.any(axis=0))


def takes_part(state: Columns, alarmed: Flags) -> Flags:
    """(series,) whether bursts of their User are usual in them: there are enough of them, and the series showed one of its own.

    `alarmed` (RING, series): which excursions had the evidence of an alarm.
    """
    took_part: Flags = (state["kin_due"] > 0) & (alarmed & (state["ring_top"] > 0)).any(axis=0)
    return took_part


def _of_fourth(values: Floats) -> Floats:
    """What the fourth largest (or `OFTEN_TIMES`-th) of each series has."""
    fourth: Floats = np.sort(values, axis=0)[-OFTEN_TIMES]
    return fourth


def are_refused(state: Columns, rows: Ints, began_s: Ints) -> Flags:
    """Whether people refused as a habit what these series do at the time of day of `began_s`."""
    marks = state["refused"][:, rows].astype(np.int64)
    if not marks.any():
        return np.zeros(len(rows), np.bool_)
    off = np.abs((began_s - (marks - 1) * 60 + DAY_S // 2) % DAY_S - DAY_S // 2)
    refused: Flags = ((marks > 0) & (marks <= ANY_TIME_MIN) & (off <= CLOCK_S)).any(axis=0)
    return refused


def with_refusals(findings: Findings, kind: str, state: Columns) -> Findings:
    """The same, with those at a time of day at which people refused a habit."""
    if "refused" not in state:
        return findings
    refused = are_refused(state, findings.series.astype(np.int64), findings.began_us // SECOND_US)
    rows = findings.series[refused].tolist()
    return replace(findings, refused=frozenset((ALERT_KINDS.index(kind), row) for row in rows)) if rows else findings
