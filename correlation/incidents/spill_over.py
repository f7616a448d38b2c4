"""Spill-over: whether one User's loss can be what another User's storm or backlog did to it.

It takes a way on which the trouble can reach the User, and a dose: the loss is there while the trouble is strong, and was not there while
it was as strong before. That both happen in the same hour is coincidence.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from correlation.history.common_bins import Course, courses, in_common_bins
from correlation.history.resolution_history import Recent
from correlation.history.traffic_history import History
from correlation.snapshots import AlertSnapshot
from models.columns import Flags, Floats, Ints, SeriesKey
from models.response_codes import DEVICE_SIDE
from models.times import MINUTE_US

_ANSWERS = frozenset({"service_response", "acknowledgement", "pre_command"})
"""What everybody gets from the shared DSP."""
_LEAST_WAY = 0.5
"""Share of an alert's series that the trouble must be able to reach."""
_WEAK = 0.1
"""Share of its strongest below which a trouble does nothing to others."""
_FELT = 0.01
"""Share of everything that is due below which the messages that a storm adds, or a shut route holds back, are felt by nobody else."""
_MARGIN_US, _NOW_US = 5 * MINUTE_US, 15 * MINUTE_US
_LEAST_BINS, _LEAST_DUE = 3, 30.0
_SPARED = 0.3
"""Share of the present loss that an earlier stretch of equal dose must show."""
_OWN_REQUESTS = 0.3
"""Share of its usual requests below which a User gets no answers because it does not ask."""
_CUT_OFF = 0.05
"""Share of everything that is sent to a User below which nothing reaches it."""
_LASTS = 0.7
"""Share of a loss that must be left, after the trouble is over, for it to be of another cause."""


@dataclass(frozen=True, slots=True)
class Dose:
    """A trouble's strength and a User's loss, bin by bin; every array has shape (bins,)."""

    ends_us: Ints
    strength: Floats
    """Messages too many, or waiting."""
    observed: Floats
    due: Floats

    def loss(self, chosen: Flags) -> float:
        """Share of what was due in some bins that did not come."""
        due = float(self.due[chosen].sum())
        return 1.0 - float(self.observed[chosen].sum()) / due if due > 0 else 0.0


def has_way(episode: AlertSnapshot, driver: AlertSnapshot, services: Collection[str]) -> bool:
    """Whether a trouble can reach what an alert is about: by the answers, a region, a queue or a service that both share.

    `services`: those of the trouble, and those that others lost with it.
    """
    if refuses_requests(episode):
        return False
    keys = episode.series
    reached = sum(_reaches(key, driver, services) for key in keys)
    return reached >= _LEAST_WAY * len(keys)


def _reaches(key: SeriesKey, driver: AlertSnapshot, services: Collection[str]) -> bool:
    if key.message_class in _ANSWERS or (key.service and key.service in services):
        return True
    if key.is_queue:
        return driver.kind != "backlog" or any(key.queue == other.queue for other in driver.series)
    return bool(driver.region) and key.region == driver.region


def refuses_requests(episode: AlertSnapshot) -> bool:
    """Whether it is failures by which the DSP refuses the User's own requests, not failures of devices or the network."""
    return episode.kind == "failures" and bool(episode.codes) and not fails_at_devices(episode)


def fails_at_devices(episode: AlertSnapshot) -> bool:
    """Whether it is failures of which most carry a code of devices or the network."""
    if episode.kind != "failures":
        return False
    return 2 * sum(count for code, count in episode.codes.items() if code in DEVICE_SIDE) > sum(episode.codes.values())


def own_outage(episode: AlertSnapshot, history: History) -> bool:
    """Whether the User itself asks next to nothing any more: then no answers are due to it."""
    return episode.kind in ("silence", "drop") and _left(episode, "to_dsp", history) <= _OWN_REQUESTS


def cut_off(episode: AlertSnapshot, history: History) -> bool:
    """Whether nothing at all reaches the User, alerts of its devices included: then its own route is shut, whatever others lose.

    That takes what is sent to it. What it still sends, and sends less of, may be another's doing.
    """
    if all(key.direction == "to_dsp" for key in episode.series):
        return False
    return episode.kind in ("silence", "drop", "backlog") and _left(episode, "to_user", history) <= _CUT_OFF


def _left(episode: AlertSnapshot, direction: str, history: History) -> float:
    """Share of what is due that the User still sends or receives since the onset; 1 where too little is known."""
    if episode.user is None or not episode.series:
        return 1.0
    keys = history.keys_of(episode.user, direction, min(key.window_s for key in episode.series))
    now = history.recent(keys, episode.onset_us) if keys else None
    due = 0.0 if now is None else float(now.expected.sum())
    return 1.0 if now is None or due < _LEAST_DUE else float(now.observed.sum()) / due


class DoseComparison:
    """Strength of a trouble against the loss of others, for one window; the strength of a trouble is measured once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._strengths: dict[int, tuple[AlertSnapshot, tuple[Course, ...]]] = {}
        self._due_per_s: float | None = None
        self._going_on: dict[tuple[int, int, bool, int], bool] = {}
        """By trouble, window length, whether the loss is one of queues, and time: the same for all that suffer."""

    def refutes(self, episode: AlertSnapshot, driver: AlertSnapshot) -> bool:
        """Whether strength and loss do not go together: the trouble was over at the onset, as strong before without any loss, or too small
        at any time for others to feel it.
        """
        if self._is_small(driver):
            return True
        dose = self._dose(episode, driver)
        if dose is None:
            return False
        since = dose.ends_us > episode.onset_us
        if not since.any():
            return False
        strength = float(dose.strength[since].max())
        if strength < _WEAK * float(dose.strength.max()):
            return True
        before = (
            (dose.ends_us > driver.onset_us + _MARGIN_US) & (dose.ends_us <= episode.onset_us - _MARGIN_US) & (dose.strength >= strength)
        )
        if before.sum() < _LEAST_BINS or dose.due[before].sum() < _LEAST_DUE:
            return False
        return dose.loss(before) < _SPARED * dose.loss(since)

    def _is_small(self, driver: AlertSnapshot) -> bool:
        """Whether a storm adds, or a shut route holds back, next to nothing of what everyone sends and receives."""
        if driver.kind not in ("storm", "silence"):
            return False
        if self._due_per_s is None:
            self._due_per_s = self._history.due_per_s()
        moved_per_s = abs(driver.peak - driver.usual_at_peak) / min(key.window_s for key in driver.series)
        return 0.0 < moved_per_s < _FELT * self._due_per_s

    def outlasts(self, episode: AlertSnapshot, drivers: Sequence[AlertSnapshot]) -> bool:
        """Whether a loss goes on as before although every trouble that it was taken to come of has been over for some time."""
        for driver in drivers:
            if self._is_strong_now(episode, driver):
                return False
            dose = self._dose(episode, driver)
            if dose is None:
                return False
            since, now = dose.ends_us > episode.onset_us, dose.ends_us > episode.at_us - _NOW_US
            with_it = since & (dose.strength >= _WEAK * float(dose.strength.max()))
            if float(dose.strength[now].max(initial=0.0)) >= _WEAK * float(dose.strength.max()) or not with_it.any():
                return False
            if dose.due[now].sum() < _LEAST_DUE or dose.loss(now) < _LASTS * dose.loss(with_it):
                return False
        return bool(drivers)

    def _is_strong_now(self, episode: AlertSnapshot, driver: AlertSnapshot) -> bool:
        first = min(episode.series, key=lambda key: key.window_s)
        about = (id(driver), first.window_s, first.is_queue, episode.at_us)
        if about not in self._going_on:
            self._going_on[about] = self._still_strong(episode, driver)
        return self._going_on[about]

    def _still_strong(self, episode: AlertSnapshot, driver: AlertSnapshot) -> bool:
        """Whether the trouble is seen to go on without a look at the loss, as both are known for the same bins: most often it does."""
        causes, lengths = self._strength_of(driver), {key.window_s for key in episode.series}
        ends_us = self._history.ends_us(episode.series, driver.onset_us - _MARGIN_US) if len(causes) == len(lengths) == 1 else None
        if ends_us is None or not np.array_equal(ends_us, causes[0].ends_us):
            return False
        (strength,) = causes[0].values
        now = causes[0].ends_us > episode.at_us - _NOW_US
        return float(strength[now].max(initial=0.0)) >= _WEAK * float(strength.max())

    def _strength_of(self, driver: AlertSnapshot) -> tuple[Course, ...]:
        if id(driver) not in self._strengths:
            self._strengths[id(driver)] = (driver, strength_over_time(driver, driver.onset_us - _MARGIN_US, self._history))
        return self._strengths[id(driver)][1]

    def _dose(self, episode: AlertSnapshot, driver: AlertSnapshot) -> Dose | None:
        """Both over time; None where one of them is not known."""
        if episode.at_us < episode.onset_us or episode.kind == "backlog":
            return None
        causes = self._strength_of(driver)
        since_us = driver.onset_us - _MARGIN_US
        losses = courses(episode, since_us, self._history, partial(_lost, episode)) if causes else ()
        common = in_common_bins((causes, losses)) if losses else None
        if common is None:
            return None
        ends_us, (strength, lost) = common
        return Dose(ends_us, strength[0], lost[0], lost[1])


def strength_over_time(driver: AlertSnapshot, since_us: int, history: History) -> tuple[Course, ...]:
    """How strong a trouble was since a moment, one course for each window length."""
    return courses(driver, since_us, history, partial(_strength, driver))


def _strength(driver: AlertSnapshot, cause: Recent) -> Floats:
    """(1, bins) of a trouble since shortly before its onset."""
    if driver.kind == "backlog":
        return np.asarray((cause.observed.sum(axis=1) / np.maximum(cause.expected.max(axis=1), 1.0))[None, :], np.float64)
    return np.asarray(np.abs(cause.observed - cause.expected).sum(axis=1)[None, :], np.float64)


def _lost(episode: AlertSnapshot, lost: Recent) -> Floats:
    """(2, bins) what came and what was due: of failures, what did not fail of what came."""
    if episode.kind == "failures":
        came = lost.observed.sum(axis=1)
        return np.stack([came - lost.failed.sum(axis=1), came])
    return np.stack([lost.observed.sum(axis=1), lost.expected.sum(axis=1)])
