"""Scoring: the Numenta Anomaly Benchmark's own rules, row by row (Lavin and Ahmad, ICMLA 2015; its `nab/sweeper.py`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.nab.corpus import Labelled
from models.columns import Flags, Floats, Ints

PROBATION, PROBATION_ROWS_MOST = 0.15, 750
"""Share of a file that is not scored, and rows at most (15 % of 5,000)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a window found, a false alarm and a window missed are worth."""

    name: str
    found: float
    false: float
    missed: float


STANDARD = Profile("standard", 1.0, 0.11, 1.0)
PROFILES = (STANDARD, Profile("reward low FP", 1.0, 0.22, 1.0), Profile("reward low FN", 1.0, 0.11, 2.0))


@dataclass(frozen=True, slots=True)
class Scored:
    """A raw score with what it is made of."""

    raw: float
    found: int
    windows: int
    false: int
    """Rows called abnormal outside every window."""


def worth(series: Labelled, profile: Profile) -> tuple[Floats, Ints]:
    """What each row is worth if it is called abnormal, and its window (-1: none), -2 in probation; both (n,).

    In a window a scaled sigmoid of how early it is; behind one the same sigmoid goes on to -1; before the first one it is -1.
    """
    rows = np.arange(len(series.values))
    value, window = np.full(len(rows), -profile.false), np.full(len(rows), -1)
    for index, (first, last) in enumerate(series.windows):
        width = last - first + 1
        inside = slice(first, last + 1)
        value[inside] = _sigmoid(-(last - rows[inside] + 1) / width) * profile.found / _sigmoid(np.array([-1.0]))
        window[inside] = index
        behind = slice(last + 1, None)
        value[behind] = _sigmoid((rows[behind] - last) / max(width - 1, 1)) * profile.false
    window[: math.ceil(min(math.floor(PROBATION * len(rows)), PROBATION_ROWS_MOST))] = -2
    return value, window


def score(series: Labelled, called: Flags, profile: Profile = STANDARD) -> Scored:
    """Raw score of one file: the earliest row called in each window, less the missed windows, less every row called outside."""
    value, window = worth(series, profile)
    scored = [index for index in range(len(series.windows)) if (window == index).any()]
    best = [value[called & (window == index)].max(initial=-profile.missed) for index in scored]
    false = called & (window == -1)
    found = sum(bool((called & (window == index)).any()) for index in scored)
    return Scored(float(sum(best) + value[false].sum()), found, len(scored), int(false.sum()))


def normalised(parts: Sequence[Scored], profile: Profile = STANDARD) -> float:
    """Of several files: 0 without any alert, 100 for an alert on the first row of every window and no other."""
    windows = sum(part.windows for part in parts)
    return 100 * (sum(part.raw for part in parts) + profile.missed * windows) / ((profile.found + profile.missed) * windows)


def best_threshold(corpus: Sequence[Labelled], scores: Sequence[Floats], profile: Profile = STANDARD) -> float:
    """The one threshold for all files with the best total, chosen with the labels in view, as the benchmark does."""
    value, window, surprise = [], [], []
    windows = 0
    for series, each in zip(corpus, scores, strict=True):
        worths, indices = worth(series, profile)
        judged = indices > -2
        value.append(worths[judged])
        window.append(np.where(indices[judged] >= 0, indices[judged] + windows, -1))
        surprise.append(each[judged])
        windows += len(series.windows)
    values, indices, surprises = np.concatenate(value), np.concatenate(window), np.concatenate(surprise)
    order = np.argsort(-surprises, kind="stable")
    values, indices, surprises = values[order], indices[order], surprises[order]
    gains = np.where(indices < 0, values, 0.0)
    best = np.full(windows, -profile.missed)
    for row in np.flatnonzero(indices >= 0).tolist():
        gains[row] = max(values[row] - best[indices[row]], 0.0)
        best[indices[row]] = max(best[indices[row]], values[row])
    totals = np.cumsum(gains)
    last_of_its_score = np.append(surprises[1:] != surprises[:-1], [True])
    index = int(np.where(last_of_its_score, totals, -np.inf).argmax())
    return float(surprises[index]) if totals[index] > 0 else float(np.nextafter(surprises[0], np.inf))


def _sigmoid(position: Floats) -> Floats:
    """2 / (1 + exp(5 x)) - 1, and -1 from three window lengths on."""
    return np.where(position >= 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0)
