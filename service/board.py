"""The board: the latest figures of every User and queue, as `/metrics` shows them."""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from models.columns import KINDS, Detected, Findings, SeriesKey
from models.times import us
from service.store.records import ALERT, CHANGE, INCIDENT, Row
from service.tenancy import DESK
from streams.pipeline import Outputs

Traffic = tuple[str, str, str]
"""User, direction, message class."""
DELAYS_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, float("inf"))


@dataclass(slots=True)
class _Cohort:
    """What is remembered of one window length: where each group belongs, and its last window."""

    groups: object = None
    places: list[Traffic] = field(default_factory=list)
    place: "np.ndarray[tuple[int], np.dtype[np.int64]]" = field(default_factory=lambda: np.zeros(0, np.int64))
    detected: Detected | None = None


class Board:
    """Written by the engine, read by whoever scrapes."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.messages: Counter[Traffic] = Counter()
        self.events: Counter[str] = Counter()
        self.held = 0
        self.windows = 0
        self.watermark_us: int | None = None
        self.delays: list[int] = [0] * len(DELAYS_S)
        self.delay_sum = 0.0
        self.alerts: dict[str, tuple[str, str]] = {}
        """Open alerts: id → kind, severity."""
        self.incidents: dict[str, str] = {}
        """Open incidents: id → category."""
        self._cohorts: dict[int, _Cohort] = {}

    def counted(self, outputs: Outputs, malformed: int) -> None:
        """How the events of one post fared."""
        with self.guard:
            self.events.update({"accepted": outputs.accepted, "repeated": outputs.repeated, "late": outputs.late, "malformed": malformed})

    def seen(self, outputs: Outputs, watermark_us: int | None) -> None:
        """The windows that one step closed."""
        with self.guard:
            self.held, self.watermark_us = outputs.held, watermark_us
            self.windows += outputs.windows
            for detected in outputs.detected:
                self._window(detected)

    def _window(self, detected: Detected) -> None:
        cohort = self._cohorts.setdefault(detected.window_s, _Cohort())
        pulse = detected.pulse
        if cohort.groups is not pulse.groups:
            where = {name: index for index, name in enumerate(sorted({group[:3] for group in pulse.groups}))}
            cohort.groups, cohort.places = pulse.groups, list(where)
            cohort.place = np.array([where[group[:3]] for group in pulse.groups], np.int64)
        cohort.detected = detected
        if len(cohort.place):
            sums = np.bincount(cohort.place, np.where(pulse.reported, pulse.observed, 0.0), len(cohort.places))
            for place in np.flatnonzero(sums):
                self.messages[cohort.places[place]] += int(sums[place])

    def recorded(self, rows: Iterable[Row]) -> None:
        """Records just committed."""
        with self.guard:
            for row in rows:
                if row.audience == DESK and row.kind in (ALERT, INCIDENT):
                    self._stands(row.kind, row.id, row.topic, row.severity, row.status)

    def _stands(self, kind: str, name: str, topic: str, severity: str, status: str) -> None:
        if kind == ALERT:
            self.alerts.pop(name, None)
            if status != "resolved":
                self.alerts[name] = (topic, severity)
        else:
            self.incidents.pop(name, None)
            if status != "resolved":
                self.incidents[name] = topic

    def stood(self, kind: str, rows: Iterable[tuple[str, str, str]]) -> None:
        """(id, topic, severity) of what was open before a restart."""
        with self.guard:
            for name, topic, severity in rows:
                self._stands(kind, name, topic, severity, "open")

    def delayed(self, onset_to_detection_s: float) -> None:
        """How long after its estimated onset an alert was decided."""
        with self.guard:
            self.delay_sum += onset_to_detection_s
            self.delays[next(index for index, bound in enumerate(DELAYS_S) if onset_to_detection_s <= bound)] += 1

    def expected(self) -> dict[Traffic, float]:
        """Messages expected in the last window, summed over the window lengths' latest."""
        found: dict[Traffic, float] = {}
        for cohort in self._standing():
            if cohort.detected is not None and len(cohort.place):
                sums = np.bincount(cohort.place, cohort.detected.pulse.expected, len(cohort.places))
                for place, value in zip(cohort.places, sums.tolist(), strict=True):
                    found[place] = found.get(place, 0.0) + value
        return found

    def scores(self) -> dict[tuple[str, str], float]:
        """(User, kind) → strongest evidence in nats among its findings."""
        found: dict[tuple[str, str], float] = {}
        for cohort in self._standing():
            if cohort.detected is None:
                continue
            for findings, keys in (
                (cohort.detected.traffic, cohort.detected.traffic_keys),
                (cohort.detected.queues, cohort.detected.queue_keys),
            ):
                for row in range(len(findings)):
                    place = keys[findings.series[row]].user, KINDS[findings.kind[row]]
                    found[place] = max(found.get(place, 0.0), float(findings.score[row]))
        return found

    def queues(self) -> dict[tuple[str, str], tuple[float, float]]:
        """(User, queue) → depth and age of the oldest message (NaN where not told)."""
        found = {}
        for cohort in self._standing():
            if cohort.detected is not None:
                pulse = cohort.detected.queue_pulse
                for index in np.flatnonzero(pulse.reported).tolist():
                    key = pulse.queues[index]
                    found[key.user, key.queue] = float(pulse.depth[index]), float(pulse.oldest_age_s[index])
        return found

    def queue_evidence(self, name: str) -> dict[tuple[str, str], float]:
        """(User, queue) → a measure of its finding, such as `capacity_eta_s`, where it applies."""
        found = {}
        for cohort in self._standing():
            if cohort.detected is not None:
                for key, value in _evidence(cohort.detected.queues, cohort.detected.queue_keys, name):
                    found[key.user, key.queue] = value
        return found

    def _standing(self) -> list[_Cohort]:
        return [self._cohorts[window_s] for window_s in sorted(self._cohorts)]


def _evidence(findings: Findings, keys: tuple[SeriesKey, ...], name: str) -> Iterable[tuple[SeriesKey, float]]:
    column = findings.evidence.get(name)
    if column is not None:
        for row in np.flatnonzero(~np.isnan(column)).tolist():
            yield keys[findings.series[row]], float(column[row])


__all__ = ["CHANGE", "DELAYS_S", "Board", "us"]
