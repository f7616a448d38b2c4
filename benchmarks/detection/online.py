"""Online: the product's own detection over a fleet, window by window, learning as it goes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.detection.fleet import Fleet
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import ALERT_KINDS, BEGAN, Detected, Findings, Floats


@dataclass
class Online:
    """A detection and the fleet that it watches; counts what begins and is serious, once a User and kind as its alert."""

    fleet: Fleet
    parameters: DetectionParameters
    window: int = 0
    alarms: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.detection = Detection(self.parameters, self.fleet.window_s)
        keys = self.fleet.keys
        self._order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
        self._none = np.zeros(self.fleet.series, np.bool_), np.zeros(len(self.fleet.queue_keys), np.bool_)

    def step(self, factor: Floats | float = 1.0) -> Detected:
        """One window."""
        fleet, window = self.fleet, self.window
        traffic, queues = fleet.traffic(window, fleet.counts(window, factor)), fleet.queues(window)
        detected = self.detection.step(traffic.at_us, traffic, fleet.keys, queues, fleet.queue_keys, *self._none)
        for findings in (detected.traffic, detected.queues):
            keys = fleet.keys if findings is detected.traffic else fleet.queue_keys
            self.alarms.update(kind for kind, _ in {(kind, keys[series].user) for kind, series in begun(findings)})
        self.window += 1
        return detected

    def standardised(self, detected: Detected) -> Floats:
        """The window's counts against the product's expectation, in standard deviations; 0 where nothing is expected yet."""
        pulse = detected.pulse
        known = pulse.variance > 0
        z: Floats = np.zeros(self.fleet.series)
        z[self._order] = np.where(known, (pulse.observed - pulse.expected) / np.sqrt(np.where(known, pulse.variance, 1.0)), 0.0)
        return z

    def run(self, windows: int) -> None:
        """So many ordinary windows."""
        for _ in range(windows):
            self.step()


def begun(findings: Findings) -> Iterator[tuple[str, int]]:
    """(kind, series) of what began and is serious: what becomes an alert of `warning` or above."""
    rows = np.flatnonzero((findings.phase == BEGAN) & findings.serious)
    return ((ALERT_KINDS[findings.kind[row]], int(findings.series[row])) for row in rows)
