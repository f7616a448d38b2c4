"""Habits as people see them: what a series does at a time of day, or every so often, that is no longer reported; and what was refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.backlog import recurrence
from detectors.rates.habits import ANY_TIME_MIN, CLOCK_S, CLOCK_TIMES, DAY_S, KEPT_S, OFTEN_TIMES, takes_part
from models.columns import Columns, Ints, SeriesKey
from models.times import SECOND_US

KINDS = ("drop", "storm")
"""Kinds of message rates that can be a habit: silence and failures never are."""


@dataclass(frozen=True, slots=True)
class Habit:
    """One habit of one series of message rates, or of one queue."""

    key: SeriesKey
    kind: str
    minute: int | None
    """Of the day, UTC, at which it comes; None: at no fixed time."""
    times: int
    """On how many days of four weeks it came about then; of one without a fixed time: how often."""
    last_us: int | None
    """When it last began, a backlog: ended; None where nothing of it is remembered."""
    refused: bool
    """Whether people refused it: then it is reported each time."""
    of_user: bool = False
    """Whether it is usual for the User as a whole: the series took part in its bursts, though not often enough for a habit of its own."""


@dataclass(frozen=True, slots=True)
class HabitRuling:
    """What people decided on a habit: that it is none (`refused`), or that it may be one again."""

    key: SeriesKey
    kind: str
    minute: int | None
    refused: bool


def habits(
    keys: tuple[SeriesKey, ...], parts: Mapping[str, Mapping[str, Any]], at_us: int, thresholds: Mapping[str, float]
) -> Iterator[Habit]:
    """Of message rates `keys` with the columns `parts` of their detectors, as they stand at `at_us`; in order of series, kind and time.

    `thresholds`: by kind, the evidence of an alarm (nats). What came near one makes no habit of its time of day.
    """
    for kind in KINDS:
        columns = parts[kind]
        ago = at_us // SECOND_US - columns["ring_s"].astype(np.int64)
        kept = (columns["ring_nats"] > 0) & (ago < KEPT_S)
        alarmed = kept & (columns["ring_nats"] > thresholds[kind])
        with_user = takes_part(dict(columns), alarmed) if kind == "storm" else np.zeros(kept.shape[1], np.bool_)
        telling = (kept.sum(axis=0) > CLOCK_TIMES) | columns["refused"].any(axis=0) | with_user
        for index in np.flatnonzero(telling[: len(keys)]).tolist():
            began_s, alarmed_s = (np.sort(columns["ring_s"][chosen[:, index], index].astype(np.int64)) for chosen in (kept, alarmed))
            marks = {int(mark) - 1 for mark in columns["refused"][:, index] if mark}
            yield from _of_series(keys[index], kind, began_s, alarmed_s, marks, with_user=bool(with_user[index]))


def backlog_habits(keys: tuple[SeriesKey, ...], columns: Columns, at_us: int) -> Iterator[Habit]:
    """Of queues `keys` with the columns of their backlogs, as they stand at `at_us`."""
    kept = recurrence.remembered(columns, at_us // SECOND_US)
    times, last_s = kept.sum(axis=0), np.where(kept, columns["ring_s"], 0).max(axis=0)
    for index in np.flatnonzero((times >= recurrence.TIMES) | columns["refused"]).tolist():
        last_us = int(last_s[index]) * SECOND_US or None
        yield Habit(keys[index], "backlog", None, int(times[index]), last_us, refused=bool(columns["refused"][index]))


def _of_series(key: SeriesKey, kind: str, began_s: Ints, alarmed_s: Ints, marks: set[int], *, with_user: bool) -> Iterator[Habit]:
    by_minute: dict[int, tuple[int, int]] = {}
    left, at_clock = alarmed_s, began_s[:0]
    while len(left):
        near = [left[_distance_s(left, int(one)) <= CLOCK_S] for one in left]
        best = max(near, key=lambda group: len(set((group // DAY_S).tolist())))
        days = len(set((best // DAY_S).tolist()))
        if days <= CLOCK_TIMES:
            break
        by_minute[int(best[-1]) % DAY_S // 60] = days, int(best[-1])
        left, at_clock = left[~np.isin(left, best)], np.append(at_clock, best)
    left = began_s[np.array([not np.any(_distance_s(at_clock, int(one)) <= CLOCK_S) for one in began_s], np.bool_)]
    for minute, (days, last_s) in sorted(by_minute.items()):
        refused = {mark for mark in marks if mark != ANY_TIME_MIN and _distance_s(np.array([minute * 60]), mark * 60)[0] <= CLOCK_S}
        yield Habit(key, kind, min(refused, default=minute), days, last_s * SECOND_US, refused=bool(refused))
        marks = marks - refused
    if kind == "storm" and len(left) >= OFTEN_TIMES:
        yield Habit(key, kind, None, len(left), int(left[-1]) * SECOND_US, refused=ANY_TIME_MIN in marks)
        marks = marks - {ANY_TIME_MIN}
    elif with_user and not by_minute and not marks - {ANY_TIME_MIN}:
        last_s = int(began_s[-1]) if len(began_s) else 0
        yield Habit(key, kind, None, len(alarmed_s), last_s * SECOND_US or None, refused=ANY_TIME_MIN in marks, of_user=True)
        marks = marks - {ANY_TIME_MIN}
    for mark in sorted(marks):
        yield Habit(key, kind, None if mark == ANY_TIME_MIN else mark, 0, None, refused=True)


def _distance_s(began_s: Ints, other_s: int) -> Ints:
    """How far apart in the day, whatever the days, seconds."""
    distance: Ints = np.abs((began_s - other_s + DAY_S // 2) % DAY_S - DAY_S // 2)
    return distance
