"""Missing answers: what was due to everyone while an incident went on and did not come, by business process.

The expectation of a series learns a loss that grows slowly: on a simulated day it gave 50 to 90 % of the true loss. So what was due
comes from the same hours of an earlier day of the same kind, scaled by the hours before the trouble.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from correlation.history.divided_loss import Dose, Part, first_parts
from correlation.history.resolution_history import Bins
from correlation.history.traffic_history import History
from correlation.incidents.business_processes import processes
from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import DAY_US, HOUR_US, SECOND_US

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


Spans = Sequence[tuple[int, int]]
"""Beginnings and ends, µs."""
Shows = Literal["loss", "nothing", "not lost"]
"""What the answers of a User show: what is lost; nothing, because they wait or come in masses, so that it loses as much as the others;
or that those which do not come are not lost to this incident, but wait."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time that a loss is measured over."""

    onset_us: int
    until_us: int
    clean_us: int
    """Up to here nothing was wrong: the onset, or that of an earlier incident that goes on."""
    known_us: int
    """Until when the traffic is known."""


Strength = Callable[[Ints], Floats]
"""Ends of bins → how strong an incident was in them, as a share of its greatest strength."""


@dataclass(frozen=True, slots=True)
class Taker:
    """An incident that takes answers."""

    strength: Strength
    queue: bool = False
    """Whether it does that by a queue, which nobody else feels while it is short."""


@dataclass(frozen=True, slots=True)
class Answers:
    """How the answers of Users are counted."""

    shows: Callable[[str], Shows] = field(default=lambda _: "loss")
    """User → what its answers show."""
    absent: Callable[[SeriesKey], Spans] = field(default=lambda _: ())
    """When those of a series stay away as declared, or for a reason of its User's own: that time is left out."""


def missing_answers(history: History, stretch: Stretch, answers: Answers, takers: Sequence[Taker] = ()) -> Mapping[str, MissingAnswers]:
    """By process, only where the loss is more than chance; empty where no earlier day of the same kind is known.

    `takers`: this incident and then those that took answers at the same time; of one alone everything is its doing.
    """
    by_process: dict[str, _Loss] = {}
    hourly = {bins.keys[0].window_s: bins for bins in history.of_class(ANSWERS, None)}
    for fine in history.of_class(ANSWERS, _hour(stretch.clean_us)):
        measured = _Traffic.of(hourly[fine.keys[0].window_s], fine, stretch, answers)
        for process, loss in ({} if measured is None else measured.losses(stretch, takers)).items():
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
class _Traffic:
    keys: tuple[SeriesKey, ...]
    ends_us: Ints
    """(bins,) from the first of all incidents on."""
    came: Floats
    """(bins, series)"""
    then: Floats
    """(bins, series) what came on the earlier day; 0 where answers stay away as declared, as in `came`."""
    before: Floats
    """(hours, series) hours before the trouble, and the same hours of the earlier day."""
    before_then: Floats
    counted: Flags
    """(series,) Whether its answers are lost if they do not come; `seen`: whether they also show that."""
    seen: Flags

    @classmethod
    def of(cls, hours: Bins, fine: Bins, stretch: Stretch, answers: Answers) -> "_Traffic | None":
        length_us = int(np.diff(fine.ends_us).min()) if len(fine.ends_us) > 1 else fine.keys[0].window_s * SECOND_US
        rows = (fine.ends_us > _hour(stretch.clean_us)) & (fine.ends_us - length_us < stretch.until_us)
        ends_us = fine.ends_us[rows]
        clean = (hours.ends_us <= stretch.clean_us) & (hours.ends_us > stretch.clean_us - _BEFORE_HOURS * HOUR_US)
        for days in range(1, _MOST_DAYS + 1):
            if kind_of_day(stretch.onset_us) != kind_of_day(stretch.onset_us - days * DAY_US) or not len(ends_us):
                continue
            spread = _spread(hours.ends_us, ends_us - days * DAY_US, length_us)
            before, before_then = _pairs(hours.ends_us, clean, days)
            if spread is None or len(before) < _LEAST_HOURS:
                continue
            known = np.clip((stretch.known_us - ends_us + length_us) / length_us, 0.0, 1.0)
            present = _present(fine.keys, ends_us, length_us, answers.absent)
            then = np.where(present, (spread @ hours.observed) * known[:, None], 0.0)
            came = np.where(present, fine.observed[rows], 0.0)
            shows = [answers.shows(key.user) for key in fine.keys]
            flags = [np.array([one in wanted for one in shows], np.bool_) for wanted in (("loss", "nothing"), ("loss",))]
            return cls(fine.keys, ends_us, came, then, hours.observed[before], hours.observed[before_then], *flags)
        return None

    def losses(self, stretch: Stretch, takers: Sequence[Taker]) -> dict[str, _Loss]:
        """By process, chance or not."""
        # From the beginning of an hour: what was due is known by the hour, and before the onset nothing is lost on average.
        own = self.ends_us > _hour(stretch.onset_us)
        columns: dict[str, list[int]] = {}
        for index in np.flatnonzero(self.counted).tolist():
            for process in processes((self.keys[index],)):
                columns.setdefault(process, []).append(index)
        seen = [[index for index in of if self.seen[index]] for of in columns.values()]
        rest = [[index for index in of if not self.seen[index]] for of in columns.values()]
        due_seen, due_rest = (np.array([self._due(of) for of in chosen]) for chosen in (seen, rest))
        due = due_seen + due_rest
        came = np.array([self.came[:, of].sum(axis=1) for of in seen])
        noise = np.array([self._noise(of) for of in seen])
        if len(takers) > 1:
            parts = first_parts(due_seen, came, [Dose(one.strength(self.ends_us), one.queue) for one in takers])
        else:
            parts = [Part(share, 0.0) for share in _share(due_seen, came)]
        by_process = {}
        for row, process in enumerate(columns):
            messages, total = float((due[row] * parts[row].loss)[own].sum()), float(due[row][own].sum())
            error = float(np.hypot(noise[row] * total, parts[row].error * messages))
            by_process[process] = _Loss(messages, _QUANTILE * error, total)
        return by_process

    def _due(self, columns: list[int]) -> Floats:
        """(bins,) of some series: as much as on the earlier day, by as much more or less as they were busy in the hours before."""
        now, then = self._hours(columns)
        scaled: Floats = self.then[:, columns].sum(axis=1) * float(now.sum() / max(then.sum(), 1.0))
        return scaled

    def _noise(self, columns: list[int]) -> float:
        """Standard deviation of an hour against that of the earlier day, as a share; hours deviate alike, so it is that of their sum."""
        now, then = self._hours(columns)
        ratio = now / np.maximum(then * float(now.sum() / max(then.sum(), 1.0)), 1.0)
        noise = float(np.sqrt(np.average((ratio - 1.0) ** 2, weights=np.maximum(then, 1.0))))
        return max(noise, _LEAST_NOISE)

    def _hours(self, columns: list[int]) -> tuple[Floats, Floats]:
        """(hours,) before the trouble and on the earlier day; those of everything where next to nothing is due."""
        now, then = self.before[:, columns].sum(axis=1), self.before_then[:, columns].sum(axis=1)
        return (now, then) if then.sum() >= _LEAST_DUE else (self.before.sum(axis=1), self.before_then.sum(axis=1))


def _share(due: Floats, came: Floats) -> Floats:
    return np.asarray(np.where(due > 0, 1.0 - came / np.maximum(due, 1e-9), 0.0), np.float64)


def _hour(at_us: int) -> int:
    return at_us // HOUR_US * HOUR_US


def _spread(hour_ends_us: Ints, ends_us: Ints, length_us: int) -> Floats | None:
    """(bins, hours) shares of hours that bins have; None where an hour is not known.

    Within an hour the traffic rises or falls as from the hour before to the hour after it; the hour's sum stays.
    """
    row = {int(end_us): index for index, end_us in enumerate(hour_ends_us.tolist())}
    shares = np.zeros((len(ends_us), len(hour_ends_us)))
    for number, end_us in enumerate(ends_us.tolist()):
        hour_us = -(-end_us // HOUR_US) * HOUR_US
        if hour_us not in row:
            return None
        share = min(length_us / HOUR_US, 1.0)
        shares[number, row[hour_us]] += share
        before, after = row.get(hour_us - HOUR_US), row.get(hour_us + HOUR_US)
        if before is not None and after is not None:
            tilt = share * (end_us - length_us / 2 - (hour_us - HOUR_US / 2)) / HOUR_US / 2
            shares[number, after] += tilt
            shares[number, before] -= tilt
    return shares


def _present(keys: Sequence[SeriesKey], ends_us: Ints, length_us: int, absent: Callable[[SeriesKey], Spans]) -> Flags:
    present = np.ones((len(ends_us), len(keys)), np.bool_)
    for column, key in enumerate(keys):
        for first_us, last_us in absent(key):
            present[(ends_us > first_us) & (ends_us - length_us < last_us), column] = False
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
