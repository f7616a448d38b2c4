"""Missing answers: what was due to everyone while an incident went on and did not come, by business process.

The expectation of a series learns a loss that grows slowly: on a simulated day it gave 50 to 90 % of the true loss. So what was due
comes from the same hours of an earlier day of the same kind, scaled by the hours before the trouble.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from correlation.history.resolution_history import Bins
from correlation.history.traffic_history import History
from correlation.incidents.business_processes import processes
from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import DAY_US, HOUR_US

ANSWERS = "service_response"
_BEFORE_HOURS, _LEAST_HOURS = 6, 3
_LEAST_DUE = 200.0
_QUANTILE = 1.645
"""Standard deviations on either side of a 90 % interval."""
_LEAST_NOISE = 0.01
_MOST_DAYS = 6
_MONDAY_DAY = 4
"""The epoch was a Thursday: days since then, plus this, modulo 7 is 0 on a Sunday."""


@dataclass(frozen=True, slots=True)
class MissingAnswers:
    """Messages of one process that did not come, with a 90 % interval."""

    messages: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time that a loss is measured over."""

    onset_us: int
    until_us: int
    clean_us: int
    """Up to here nothing was wrong: the onset, or that of an earlier incident that goes on."""


Spans = Sequence[tuple[int, int]]
"""Beginnings and ends, µs."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What other incidents take during this one."""

    own: frozenset[str] = frozenset()
    """Processes of this incident."""
    spans: Mapping[str, Spans] = field(default_factory=dict)
    """When others take answers, by process."""
    older: bool = True
    """Whether this incident is the oldest of them."""


ALONE = Beside()


def _never(_: SeriesKey) -> Spans:
    return ()


def missing_answers(
    history: History,
    stretch: Stretch,
    counts: Callable[[SeriesKey], bool],
    beside: Beside = ALONE,
    *,
    absent: Callable[[SeriesKey], Spans] = _never,
) -> Mapping[str, MissingAnswers]:
    """By process, only where the loss is more than chance; empty where no earlier day of the same kind is known.

    `counts`: series whose answers are lost if they do not come, rather than wait. `absent`: when those of a series stay away as declared;
    the hours that this touches are left out. `beside`: in the hours in which another incident takes answers of a process too, the share
    that is lost in other processes is that of the older of the two, and what is lost of the rest is that of the younger one.
    """
    by_process: dict[str, _Loss] = {}
    for bins in history.of_class(ANSWERS, None):
        kept = np.array([counts(key) for key in bins.keys], np.bool_)
        measured = _Days.of(bins.only(kept), stretch, absent)
        if measured is not None:
            for process, loss in measured.losses(beside).items():
                by_process[process] = by_process.get(process, _Loss()).plus(loss)
    return {process: loss.shown() for process, loss in sorted(by_process.items()) if loss.due >= _LEAST_DUE and loss.messages > loss.error}


@dataclass(frozen=True, slots=True)
class _Loss:
    """Messages of one process that did not come, of those that were due; half the width of the 90 % interval."""

    messages: float = 0.0
    error: float = 0.0
    due: float = 0.0

    def plus(self, other: "_Loss") -> "_Loss":
        """That of other Users, whose windows have another length: their errors do not depend on each other."""
        return _Loss(self.messages + other.messages, float(np.hypot(self.error, other.error)), self.due + other.due)

    def shown(self) -> MissingAnswers:
        """With the interval."""
        return MissingAnswers(self.messages, self.messages - self.error, self.messages + self.error)


@dataclass(frozen=True, slots=True)
class _Days:
    bins: Bins
    ends_us: Ints
    """(hours,) ends of the hours of the incident."""
    during: Ints
    """Rows of the hours of the incident, and those of the same hours of the earlier day."""
    during_then: Ints
    before: Ints
    before_then: Ints
    part: Floats
    """(hours,) share of each hour of the incident that is over."""
    present: Flags
    """(hours, series) False where the answers stay away as declared."""

    @classmethod
    def of(cls, bins: Bins, stretch: Stretch, absent: Callable[[SeriesKey], Spans]) -> "_Days | None":
        ends_us = bins.ends_us
        during = (ends_us > stretch.onset_us) & (ends_us - HOUR_US < stretch.until_us)
        clean = (ends_us <= stretch.clean_us) & (ends_us > stretch.clean_us - _BEFORE_HOURS * HOUR_US)
        for days in range(1, _MOST_DAYS + 1):
            if kind_of_day(stretch.onset_us) != kind_of_day(stretch.onset_us - days * DAY_US):
                continue
            chosen = [_pairs(ends_us, flags, days) for flags in (during, clean)]
            if len(chosen[0][0]) == during.sum() > 0 and len(chosen[1][0]) >= _LEAST_HOURS:
                hours_us = ends_us[chosen[0][0]]
                part = np.clip((stretch.until_us - (hours_us - HOUR_US)) / HOUR_US, 0.0, 1.0)
                return cls(bins, hours_us, *chosen[0], *chosen[1], part, _present(bins.keys, hours_us, absent))
        return None

    def losses(self, beside: Beside) -> dict[str, _Loss]:
        """By process, chance or not."""
        columns: dict[str, list[int]] = {}
        for index, key in enumerate(self.bins.keys):
            for process in processes((key,)):
                columns.setdefault(process, []).append(index)
        alone = [index for process, of in columns.items() if process not in beside.spans for index in of]
        elsewhere = self._loss_share(alone) if alone and beside.spans.keys() & columns.keys() else np.zeros(len(self.during))
        by_process = {}
        for process, of in columns.items():
            due, noise = self._due(of)
            came = self._came(of)
            if process in beside.spans:
                came = np.where(_meets(self.ends_us, beside.spans[process]), _divided(due, came, elsewhere, process, beside), came)
            loss, total = float((due - came).sum()), float(due.sum())
            error = _QUANTILE * noise * float(np.sqrt((due**2).sum() + total**2 / len(self.before)))
            by_process[process] = _Loss(loss, error, total)
        return by_process

    def _loss_share(self, columns: list[int]) -> Floats:
        """(hours,) of what was due in some series; where nothing was, as in the other hours together."""
        due, _ = self._due(columns)
        came = self._came(columns)
        together = 1.0 - float(came.sum()) / max(float(due.sum()), 1.0) if due.any() else 0.0
        share = np.where(due > 0.0, 1.0 - came / np.maximum(due, 1.0), together)
        return np.asarray(np.clip(share, 0.0, 1.0), np.float64)

    def _due(self, columns: list[int]) -> tuple[Floats, float]:
        """(hours,) what was due, and the standard deviation of one hour of it as a share."""
        observed = self.bins.observed[:, columns]
        now, then = observed[self.before].sum(axis=1), observed[self.before_then].sum(axis=1)
        if then.sum() < _LEAST_DUE:
            now, then = (self.bins.observed[rows].sum(axis=1) for rows in (self.before, self.before_then))
        scale = float(now.sum() / max(then.sum(), 1.0))
        ratio = now / np.maximum(then * scale, 1.0)
        noise = float(np.sqrt(np.average((ratio - 1.0) ** 2, weights=np.maximum(then, 1.0))))
        due = np.where(self.present[:, columns], observed[self.during_then], 0.0).sum(axis=1)
        return due * self.part * scale, max(noise, _LEAST_NOISE)

    def _came(self, columns: list[int]) -> Floats:
        """(hours,) what some series carried."""
        came = np.where(self.present[:, columns], self.bins.observed[self.during][:, columns], 0.0)
        return np.asarray(came.sum(axis=1), np.float64)


def _divided(due: Floats, came: Floats, elsewhere: Floats, process: str, beside: Beside) -> Floats:
    """(hours,) what would have come of a process if there were only this incident. `elsewhere`: share that is lost in other processes."""
    if not beside.older:
        return np.asarray(came / np.maximum(1.0 - elsewhere, 0.1), np.float64)
    return np.asarray(due * (1.0 - elsewhere), np.float64) if process in beside.own else due


def _meets(ends_us: Ints, spans: Spans) -> Flags:
    """(hours,) whether one of the spans meets the hour."""
    flags = np.zeros(len(ends_us), np.bool_)
    for first_us, last_us in spans:
        flags |= (ends_us > first_us) & (ends_us - HOUR_US < last_us)
    return flags


def _present(keys: Sequence[SeriesKey], ends_us: Ints, absent: Callable[[SeriesKey], Spans]) -> Flags:
    present = np.ones((len(ends_us), len(keys)), np.bool_)
    for column, key in enumerate(keys):
        present[_meets(ends_us, absent(key)), column] = False
    return present


def kind_of_day(at_us: int) -> int:
    """0 on working days, else the day of the week: a holiday counts as what it would be."""
    day = (at_us // DAY_US + _MONDAY_DAY) % 7
    return day + 1 if day in (0, 6) else 0


def _pairs(ends_us: Ints, chosen: Flags, days: int) -> tuple[Ints, Ints]:
    """Rows of the chosen hours of which the same hour some days before is known, and the rows of that."""
    row = {int(end_us): index for index, end_us in enumerate(ends_us.tolist())}
    pairs = [(index, row.get(int(ends_us[index]) - days * DAY_US)) for index in np.flatnonzero(chosen).tolist()]
    known = [(index, then) for index, then in pairs if then is not None]
    return np.array([index for index, _ in known], np.int64), np.array([then for _, then in known], np.int64)
