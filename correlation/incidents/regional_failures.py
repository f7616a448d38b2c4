"""Regional failures: devices or the network of one region do not answer, at several Users: that comes of nobody's traffic."""

from dataclasses import dataclass

import numpy as np

from correlation.history.resolution_history import SplitCounts
from correlation.history.traffic_history import History
from correlation.incidents.spill_over import fails_at_devices
from correlation.snapshots import AlertSnapshot
from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import HOUR_US

_BEFORE_US = HOUR_US
_LEAST_DUE = 30.0
_FAILING, _FAILING_ELSEWHERE = 0.05, 0.3
"""Share of the others' answers in a region that must fail more than before, and how much of that may fail elsewhere too."""
_MOST_SERVICES = 2 / 3
"""Of the services in the region: devices that do not answer do so whatever they are asked for, an overload is felt by what it is about."""


@dataclass(frozen=True, slots=True)
class _Names:
    """Of every series, in their order."""

    users: np.ndarray
    regions: np.ndarray
    services: Ints

    @classmethod
    def of(cls, keys: tuple[SeriesKey, ...]) -> "_Names":
        services = np.unique(np.array([key.service for key in keys]), return_inverse=True)[1].ravel()
        return cls(np.array([key.user for key in keys]), np.array([key.region for key in keys]), services)


@dataclass(frozen=True, slots=True)
class _Answers:
    """Answers of every series since a moment and before it; the matrices have shape (2, series)."""

    names: _Names
    came: Floats
    failed: Floats

    def raised(self, chosen: Flags) -> list[float]:
        """By service, the share of some series' answers that fail since the moment, above what failed before; where enough is known."""
        services = self.names.services[chosen]
        came, failed = (
            np.array([np.bincount(services, part[chosen], minlength=1) for part in counts]) for counts in (self.came, self.failed)
        )
        known = (came >= _LEAST_DUE).all(axis=0)
        shares = failed[:, known] / came[:, known]
        rises: list[float] = np.maximum(shares[0] - shares[1], 0.0).tolist()
        return rises


class RegionalFailures:
    """Of one window; what alerts with the same onset ask for is counted once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._answers: dict[int, tuple[_Answers, ...]] = {}
        self._names: dict[int, _Names] = {}
        """By window length."""

    def explain(self, episode: AlertSnapshot) -> bool:
        """Whether an alert is a User's share of them."""
        if episode.kind != "failures" or episode.region is None or not fails_at_devices(episode):
            return False
        here: list[float] = []
        elsewhere: list[float] = []
        for answers in self._since(episode.onset_us):
            others, in_region = answers.names.users != (episode.user or ""), answers.names.regions == episode.region
            here += answers.raised(others & in_region)
            elsewhere += answers.raised(others & ~in_region)
        if not here or not elsewhere or float(np.mean([share >= _FAILING for share in here])) < _MOST_SERVICES:
            return False
        limit = _FAILING_ELSEWHERE * float(np.median(here))
        return float(np.mean([share >= limit for share in elsewhere])) < 1.0 - _MOST_SERVICES

    def _since(self, onset_us: int) -> tuple[_Answers, ...]:
        if onset_us not in self._answers:
            splits = self._history.split_at("service_response", onset_us - _BEFORE_US, onset_us)
            self._answers[onset_us] = tuple(_Answers(self._named(counts), counts.observed, counts.failed) for counts in splits)
        return self._answers[onset_us]

    def _named(self, counts: SplitCounts) -> _Names:
        window_s = counts.keys[0].window_s
        if window_s not in self._names:
            self._names[window_s] = _Names.of(counts.keys)
        return self._names[window_s]
