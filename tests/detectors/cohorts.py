"""Builders: small cohorts of invented series, driven through detection window by window."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.columns import ALERT_KINDS, BEGAN, ENDED, Detected, Findings, Floats, QueueTick, SeriesKey, TrafficTick
from models.state_bytes import pack, unpack
from models.times import SECOND_US

MONDAY_US = 1_767_571_200 * SECOND_US
"""2026-01-05T00:00:00Z."""
MINUTE_S = 60
DAY = 1440
"""Windows of a minute."""


def key(number: int, user: str = "", direction: str = "to_user", window_s: int = MINUTE_S) -> SeriesKey:
    return SeriesKey(user or f"USER-{number:03d}", direction, "service_response", f"4.{number}", "north", "", window_s)


def queue_key(number: int, queue: str = "to_user", window_s: int = MINUTE_S) -> SeriesKey:
    return SeriesKey(f"USER-{number:03d}", "", "", "", "", queue, window_s)


def traffic(
    at_us: int, messages: Floats, *, failures: Floats | None = None, reported: Sequence[bool] | None = None, window_s: int = MINUTE_S
) -> TrafficTick:
    none = np.zeros(len(messages))
    failed = none if failures is None else failures
    seen = np.ones(len(messages), np.bool_) if reported is None else np.array(reported, np.bool_)
    return TrafficTick(at_us, window_s, seen, np.where(seen, messages, 0.0), np.where(seen, failed, 0.0), none, np.where(seen, failed, 0.0))


def queues(at_us: int, depth: Floats, *, reported: Sequence[bool] | None = None, window_s: int = MINUTE_S, **columns: Floats) -> QueueTick:
    unknown = np.full(len(depth), np.nan)
    rows = {name: columns.get(name, unknown) for name in ("oldest_age_s", "capacity", "enqueued", "delivered")}
    seen = np.ones(len(depth), np.bool_) if reported is None else np.array(reported, np.bool_)
    return QueueTick(at_us, window_s, seen, depth, **rows)


@dataclass
class Cohort:
    """One detection and its clock; remembers every finding that began or ended as (window, kind, series, phase)."""

    traffic_keys: tuple[SeriesKey, ...] = ()
    queue_keys: tuple[SeriesKey, ...] = ()
    parameters: DetectionParameters = field(default_factory=DetectionParameters)
    window_s: int = MINUTE_S
    start_us: int = MONDAY_US
    window: int = 0
    records: list[tuple[int, str, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.detection = Detection(self.parameters, self.window_s)

    def copy(self) -> "Cohort":
        """One of its own that continues from here."""
        detection = Detection.unpack(self.parameters, self.window_s, unpack(pack(self.detection.pack(), 1), 1))
        made = replace(self, records=list(self.records))
        made.detection = detection
        return made

    @property
    def at_us(self) -> int:
        return self.start_us + (self.window + 1) * self.window_s * SECOND_US

    def step(self, tick: TrafficTick | None = None, queue_tick: QueueTick | None = None, *, declared: bool = False) -> Detected:
        tick = tick if tick is not None else traffic(self.at_us, np.zeros(len(self.traffic_keys)), window_s=self.window_s)
        queue_tick = queue_tick if queue_tick is not None else queues(self.at_us, np.zeros(len(self.queue_keys)), window_s=self.window_s)
        flags, queue_flags = (np.full(len(keys), declared) for keys in (self.traffic_keys, self.queue_keys))
        detected = self.detection.step(self.at_us, tick, self.traffic_keys, queue_tick, self.queue_keys, flags, queue_flags)
        self.window += 1
        for findings in (detected.traffic, detected.queues):
            self.records += [(self.window, *row) for row in turns(findings)]
        return detected

    def run(self, windows: int, counts: Callable[[int], Floats], **options: bool) -> Detected:
        """`counts(window)` → messages of each series, for so many windows; the last one's answer."""
        for _ in range(windows):
            detected = self.step(traffic(self.at_us, counts(self.window), window_s=self.window_s), **options)
        return detected

    def began(self, kind: str) -> list[tuple[int, int]]:
        """(window, series) of every finding of a kind that began."""
        return [(window, series) for window, name, series, phase in self.records if name == kind and phase == BEGAN]

    def ended(self, kind: str) -> list[tuple[int, int]]:
        """Likewise, that ended."""
        return [(window, series) for window, name, series, phase in self.records if name == kind and phase == ENDED]


def turns(findings: Findings) -> Iterator[tuple[str, int, int]]:
    """(kind, series, phase) of what began or ended."""
    for kind, series, phase in zip(findings.kind, findings.series, findings.phase, strict=True):
        if phase in (BEGAN, ENDED):
            yield ALERT_KINDS[kind], int(series), int(phase)


def counts(seed: int, mean: Floats, dispersion: float = 2.0) -> Callable[..., Floats]:
    """Negative-binomial counts: `draw(window, factor=1.0)`, the same for the same window."""

    def draw(window: int, factor: Floats | float = 1.0) -> Floats:
        generator = np.random.default_rng([seed, window])
        expected = np.maximum(mean * factor, 1e-12)
        return generator.poisson(generator.gamma(expected / (dispersion - 1.0), dispersion - 1.0)).astype(np.float64)

    return draw
