"""Shared loss: the common shortage of everyone's answers during an incident, which no single series shows.

Answers (service responses) of all Users are pooled by business process and region, and compared with the expectation and with the hours
before the incident. If the loss of the pool is more than chance, the Users that lose their part of it are affected.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from correlation.history.pooling import numbered, numbered_users, pooled
from correlation.history.resolution_history import Bins
from correlation.history.traffic_history import History
from correlation.incidents.business_processes import pool_names
from correlation.incidents.day_before import RECENT_US, DayBefore
from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import HOUR_US, MINUTE_US

ANSWERS, REQUESTS = "service_response", "service_request"
_BEFORE_US, _GAP_US = 3 * HOUR_US, 10 * MINUTE_US
"""How far back the usual ratio reaches, and how long before the incident it ends."""
_MIN_LOSS, _SIGMAS, _USER_SIGMAS = 0.04, 4.0, 2.0
_LAST_BINS = 12
"""The hours from which the usual ratio is taken; all of them show how far it wanders."""
_MIN_NOISE = 0.01
_MIN_DUE = 200.0
_MIN_BINS = 6
_DISPERSION = 2.0
_LEAST_ASKED = 0.1
SHOWS_US = 5 * MINUTE_US + RECENT_US
"""How long after its onset the effect of a storm on others shows in the last minutes; its onset is an estimate."""
_MIN_USERS, _MIN_MIDDLE, _SURE = 3, 0.03, 3.5
"""Users that a loss of all takes at least, what the User in the middle must lose, and how many standard errors that must be."""
_NORMAL_MAD, _MEDIAN_ERROR = 1.4826, 1.2533
"""Standard deviation over median absolute deviation, and standard error of a median over that of a mean, of normal values."""


class Measure(Protocol):
    """What the answers of the last minutes are compared with."""

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        """The series that are compared."""

    def loss(self, groups: Ints) -> tuple[Floats, Floats, Floats]:
        """(groups,) share of what was due that is missing, its standard deviation, and what was due."""

    def chance(self, groups: Ints, weight: Floats) -> float:
        """How far the weighted loss of all groups wandered in the hours before."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whose victims are looked for, and when."""

    origin_user: str | None
    since_us: int
    at_us: int
    alone: bool = True
    """Whether no older incident takes answers too. If one does, the hours before are no measure of yesterday."""
    risen: float = 0.0
    """Share of the answers that younger incidents took at once when they began: that much of the loss is theirs."""


def losing_users(asked: Question, explained: Callable[[SeriesKey], bool], history: History) -> tuple[str, ...]:
    """Sorted; Users that lose their part of a common loss.

    `explained`: series whose loss another incident or a declaration explains, or whose answers wait and are not lost.
    """
    users: set[str] = set()
    compared = {window_s: _day(asked, window_s, asked.at_us, history) if asked.alone else None for window_s in history.windows_s()}
    for window_s, day in compared.items():
        if day is not None:
            wanted = np.array([not explained(key) for key in day.keys], np.bool_)
            measured = day.only(wanted)
            users |= _losing(measured, asked, partial(_demand, asked, window_s, measured.keys, history))
    if None in compared.values():
        for bins in history.of_class(ANSWERS, asked.since_us - _GAP_US - _BEFORE_US):
            wanted = np.array([not explained(key) for key in bins.keys], np.bool_)
            against = None if compared[bins.keys[0].window_s] else _AgainstExpectation.of(bins.only(wanted), asked.since_us, asked.at_us)
            if against is not None:
                users |= _losing(against, asked, lambda: 1.0)
    return tuple(sorted(users))


def _day(asked: Question, window_s: int, at_us: int, history: History) -> DayBefore | None:
    return DayBefore.of(ANSWERS, window_s, asked.since_us, at_us, history)


def rise(asked: Question, step_us: int, explained: Callable[[SeriesKey], bool], history: History) -> float | None:
    """By how much the common loss rose when another incident began at `step_us`; None where that is not known."""
    rises = []
    for window_s in history.windows_s():
        before, after = (_day(asked, window_s, at_us, history) for at_us in (step_us, step_us + SHOWS_US))
        if before is None or after is None:
            return None
        wanted = np.array([not explained(key) for key in after.keys], np.bool_)
        rises.append(_together(after.only(wanted)) - _together(before.only(wanted)))
    return max(0.0, *rises) if rises else None


def _together(measure: Measure) -> float:
    """Share of what is due to everyone that is missing."""
    loss, noise, due = measure.loss(numbered(pool_names(measure.keys)))
    weight = np.where(due >= _MIN_DUE, noise**-2, 0.0)
    return float((weight * loss).sum() / weight.sum()) if weight.sum() > 0 else 0.0


def _losing(measure: Measure, question: Question, demand: Callable[[], float]) -> set[str]:
    """Users other than the origin that lose more than chance where all Users together do.

    `demand`: how much of the usual is asked for; answers that nobody asked for are not lost.
    """
    if not measure.keys:
        return set()
    pools = numbered(pool_names(measure.keys))
    loss, noise, due = measure.loss(pools)
    weight = np.where(due >= _MIN_DUE, noise**-2, 0.0)
    if weight.sum() <= 0:
        return set()
    # Pools whose ratio wanders have little weight: each is weighted by its earlier stability. Earlier common movement is chance too.
    together = float((weight * loss).sum() / weight.sum()) - question.risen
    least = max(_MIN_LOSS, _SIGMAS * measure.chance(pools, weight / weight.sum()))
    if together < least:
        return set()
    asked = demand()
    if 1.0 - (1.0 - together) / asked < least:
        return set()
    names, groups = numbered_users(measure.keys)
    loss, noise, due = measure.loss(groups)
    loss = 1.0 - (1.0 - loss + question.risen) / asked
    if not _is_broad(loss, due):
        return set()
    sure = (loss >= _MIN_LOSS) & (loss >= _USER_SIGMAS * noise) & (due >= _MIN_DUE)
    return {names[index] for index in np.flatnonzero(sure).tolist()} - {question.origin_user or ""}


def _demand(asked: Question, window_s: int, answers: Sequence[SeriesKey], history: History) -> float:
    """How much of yesterday's requests for such answers the User in the middle sends, at most all; all where that is not known."""
    day = DayBefore.of(REQUESTS, window_s, asked.since_us, asked.at_us, history)
    if day is None:
        return 1.0
    services = {key.service for key in answers}
    fitting = np.array([key.service in services for key in day.keys], np.bool_)
    day = day.only(fitting) if fitting.any() else day
    names, groups = numbered_users(day.keys)
    loss, _, due = day.loss(groups)
    known = loss[(due >= _MIN_DUE) & np.array([name != asked.origin_user for name in names], np.bool_)]
    return min(1.0, max(1.0 - float(np.median(known)), _LEAST_ASKED)) if len(known) >= _MIN_USERS else 1.0


@dataclass(frozen=True, slots=True)
class _AgainstExpectation:
    bins: Bins
    before: Flags
    """(bins,) the hours before the incident; `recent` the last minutes."""
    recent: Flags

    @classmethod
    def of(cls, bins: Bins, since_us: int, at_us: int) -> "_AgainstExpectation | None":
        before = (bins.ends_us <= since_us - _GAP_US) & (bins.ends_us > since_us - _GAP_US - _BEFORE_US)
        recent = (bins.ends_us > since_us) & (bins.ends_us > at_us - RECENT_US)
        if not len(bins.keys) or before.sum() < _MIN_BINS or at_us - since_us < RECENT_US:
            return None
        return cls(bins, before, recent)

    @property
    def keys(self) -> tuple[SeriesKey, ...]:
        return self.bins.keys

    def chance(self, pools: Ints, weight: Floats) -> float:
        """How far the weighted loss of all pools wandered in the hours before."""
        observed, expected = (pooled(matrix, pools) for matrix in (self.bins.observed, self.bins.expected))
        stretch = max(1, int(self.recent.sum()))
        sums = [_moving(matrix[self.before], stretch) for matrix in (observed, expected)]
        usual = sums[0].sum(axis=0) / np.maximum(sums[1].sum(axis=0), 1e-9)
        losses = ((1.0 - (sums[0] + 0.5) / (sums[1] * usual + 0.5)) * weight).sum(axis=1)
        return max(float(np.sqrt((losses**2).mean())), _MIN_NOISE)

    def loss(self, groups: Ints) -> tuple[Floats, Floats, Floats]:
        """(groups,) share of the expected messages that is missing, its standard deviation, and the expectation from the hours before."""
        observed, expected = (pooled(matrix, groups) for matrix in (self.bins.observed, self.bins.expected))
        last = np.flatnonzero(self.before)[-_LAST_BINS:]
        usual = (observed[last].sum(axis=0) + 0.5) / (expected[last].sum(axis=0) + 0.5)
        due = np.maximum(expected[self.recent].sum(axis=0) * usual, 1e-9)
        loss = 1.0 - observed[self.recent].sum(axis=0) / due
        return loss, self._noise(observed, expected, usual, int(self.recent.sum())), due

    def _noise(self, observed: Floats, expected: Floats, usual: Floats, length: int) -> Floats:
        """Standard deviation of a ratio over so many bins: as in the hours before, and at least that of counts."""
        stretch = max(1, min(length, int(self.before.sum()) // 3))
        sums = [_moving(matrix[self.before], stretch) for matrix in (observed, expected)]
        ratios = (sums[0] + 0.5) / (sums[1] * usual + 0.5) - 1.0
        counting = np.sqrt(_DISPERSION / np.maximum(expected[-length:].sum(axis=0), 1.0))
        return np.asarray(np.maximum(np.maximum(np.sqrt((ratios**2).mean(axis=0)), counting), _MIN_NOISE), np.float64)


def _is_broad(loss: Floats, due: Floats) -> bool:
    """Whether the User in the middle loses its part, surely: what a few lose is theirs, however much it is of the whole."""
    known = loss[due >= _MIN_DUE]
    if len(known) < _MIN_USERS:
        return False
    middle = float(np.median(known))
    spread = max(_NORMAL_MAD * float(np.median(np.abs(known - middle))), _MIN_NOISE)
    return bool(middle >= max(_MIN_MIDDLE, _SURE * _MEDIAN_ERROR * spread / len(known) ** 0.5))


def _moving(matrix: Floats, length: int) -> Floats:
    total = np.cumsum(np.vstack([np.zeros((1, matrix.shape[1])), matrix]), axis=0)
    return np.asarray(total[length:] - total[:-length], np.float64)
