"""Regional failures: devices or the network of one region do not answer, at several Users: that comes of nobody's traffic."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import numpy as np

from correlation.history.pooling import pooled
from correlation.history.resolution_history import SplitCounts
from correlation.history.traffic_history import History
from correlation.incidents.spill_over import fails_at_devices
from correlation.snapshots import AlertSnapshot
from models.columns import Floats, Ints, SeriesKey
from models.times import HOUR_US

_BEFORE_US = HOUR_US
_LEAST_DUE = 30.0
_FAILING, _FAILING_ELSEWHERE = 0.05, 0.3
"""Share of the others' answers in a region that must fail more than before, and how much of that may fail elsewhere too."""
_MOST_SERVICES = 2 / 3
"""Of the services in the region: devices that do not answer do so whatever they are asked for, an overload is felt by what it is about."""
_NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Of every series its region and service as numbers, and which series are whose."""

    regions: dict[str, int]
    services: int
    cells: Ints
    """(series,) region × services + service."""
    of_user: dict[str, Ints]

    @classmethod
    def of(cls, keys: tuple[SeriesKey, ...]) -> "_Columns":
        regions = {name: number for number, name in enumerate(sorted({key.region for key in keys}))}
        services = {name: number for number, name in enumerate(sorted({key.service for key in keys}))}
        of_user: dict[str, list[int]] = {}
        for column, key in enumerate(keys):
            of_user.setdefault(key.user, []).append(column)
        cells = np.array([regions[key.region] * len(services) + services[key.service] for key in keys], np.int64)
        return cls(regions, len(services), cells, {user: np.array(columns, np.int64) for user, columns in of_user.items()})


@dataclass(frozen=True, slots=True)
class _Answers:
    """Answers of all Users by region and service, since a moment and before it."""

    columns: _Columns
    counts: Floats
    """(came and failed × after and before, series)"""
    total: Floats
    """(2, 2, regions, services) sums of `counts`, which are whole numbers: what is left without one User's is exact."""

    @classmethod
    def of(cls, columns: _Columns, split: SplitCounts) -> "_Answers":
        counts = np.concatenate((split.observed, split.failed))
        return cls(columns, counts, _by_cell(columns, counts, columns.cells))

    def of_others(self, user: str) -> Floats:
        """The same shape as `total`, of everyone but one User."""
        own = self.columns.of_user.get(user, _NOBODY)
        return self.total - _by_cell(self.columns, self.counts[:, own], self.columns.cells[own]) if len(own) else self.total


def _by_cell(columns: _Columns, counts: Floats, cells: Ints) -> Floats:
    regions = len(columns.regions)
    return pooled(counts, cells, regions * columns.services).reshape(2, 2, regions, columns.services)


def _raised(counts: Floats) -> list[float]:
    """By service, the share of the answers that fail since the moment, above what failed before; where enough is known.

    `counts`: (came and failed, after and before, services).
    """
    came, failed = counts
    known = (came >= _LEAST_DUE).all(axis=0)
    shares = failed[:, known] / came[:, known]
    rises: list[float] = np.maximum(shares[0] - shares[1], 0.0).tolist()
    return rises


class RegionalFailures:
    """Of one window; what alerts with the same onset ask for is counted once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._answers: dict[int, tuple[_Answers, ...]] = {}
        self._columns: dict[int, _Columns] = {}
        """By window length."""

    def explain(self, episode: AlertSnapshot) -> bool:
        """Whether an alert is a User's share of them."""
        if episode.kind != "failures" or episode.region is None or not fails_at_devices(episode):
            return False
        here: list[float] = []
        others: list[tuple[Floats, int | None]] = []
        for answers in self._since(episode.onset_us):
            counts, region = answers.of_others(episode.user or ""), answers.columns.regions.get(episode.region)
            others.append((counts, region))
            here += [] if region is None else _raised(counts[:, :, region])
        if not here or _share(rise >= _FAILING for rise in here) < _MOST_SERVICES:
            return False
        elsewhere = [rise for counts, region in others for rise in _raised(_besides(counts, region))]
        limit = _FAILING_ELSEWHERE * median(here)
        return bool(elsewhere) and _share(rise >= limit for rise in elsewhere) < 1.0 - _MOST_SERVICES

    def _since(self, onset_us: int) -> tuple[_Answers, ...]:
        if onset_us not in self._answers:
            splits = self._history.split_at("service_response", onset_us - _BEFORE_US, onset_us)
            self._answers[onset_us] = tuple(_Answers.of(self._columns_of(split), split) for split in splits)
        return self._answers[onset_us]

    def _columns_of(self, split: SplitCounts) -> _Columns:
        window_s = split.keys[0].window_s
        if window_s not in self._columns:
            self._columns[window_s] = _Columns.of(split.keys)
        return self._columns[window_s]


def _besides(counts: Floats, region: int | None) -> Floats:
    """Of all other regions together."""
    total = counts.sum(axis=2)
    return np.asarray(total if region is None else total - counts[:, :, region], np.float64)


def _share(flags: Iterable[bool]) -> float:
    chosen = tuple(flags)
    return sum(chosen) / len(chosen)
