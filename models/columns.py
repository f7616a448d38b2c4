"""Columns that pass between the stages: one numpy row per statistic, one entry per series or event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.int32]
Flags = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]
"""State of one detector: name → array of shape (series,). It packs to bytes without conversion."""

ALERT_KINDS = ("storm", "backlog", "silence", "drop", "failures", "drift", "stale")
BEGAN, CONTINUES, ENDED = 0, 1, 2
"""Phase of a finding in a window. ENDED comes once; BEGAN then CONTINUES in every window until then."""


class SeriesKey(NamedTuple):
    """The fields that make a series. Absent, null and empty fields are `""`. A queue has no traffic fields, and traffic has no queue."""

    user: str
    direction: str
    message_class: str
    service: str
    region: str
    queue: str
    window_s: int

    @property
    def is_queue(self) -> bool:
        """Whether this is a queue's depth rather than a message rate."""
        return self.queue != ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One event for the dead letters: it is malformed, late or was never released."""

    order: int
    """Number of good events before it in its batch."""
    source: str
    """The file, token or topic it came by."""
    position: Mapping[str, int | str]
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class EventBatch:
    """One decoded batch of one source: n good events in input order, and what was malformed among them."""

    keys: tuple[SeriesKey, ...]
    """The distinct series of this batch."""
    key: Indices
    """(n,) index into `keys`."""
    observed_us: Ints
    """(n,) `observed_at` as sent, microseconds since the epoch; not yet on the grid."""
    value: Ints
    """(n,) messages (traffic) or depth (queue)."""
    failures: Ints
    """(n,) failed messages; 0 for queues."""
    oldest_age_s: Floats
    """(n,) NaN where not given."""
    capacity: Ints
    """(n,) -1 where not given; likewise `enqueued` and `delivered`."""
    enqueued: Ints
    delivered: Ints
    codes: Indices
    """(n,) index into `code_sets`, -1 where there are none."""
    code_sets: tuple[Mapping[str, int], ...]
    source: Callable[[int], str]
    """The file, token or topic of event i."""
    position: Callable[[int], Mapping[str, int | str]]
    """The position of event i (lines from 1, indexes in a frame from 0): `{"line": 12, "index": 0}` or topic, partition, offset, index."""
    raw: Callable[[int], bytes]
    """The original text of event i."""
    rejections: tuple[Rejection, ...] = ()

    def __len__(self) -> int:
        """Number of good events."""
        return len(self.key)


@dataclass(frozen=True, slots=True)
class TrafficTick:
    """One closed window of all traffic series of one window length; every array has shape (series,)."""

    at_us: int
    """End of the window."""
    window_s: int
    reported: Flags
    """Whether the series reported. Without a report the other columns hold 0."""
    messages: Floats
    failures: Floats
    user_side: Floats
    """Messages that failed with a code E1-E19: the User's own requests were at fault."""
    device_side: Floats
    """Messages that failed with E20, E21 or E30: the device or network did not answer."""
    codes: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """series → response code → count, only for series that sent codes."""


@dataclass(frozen=True, slots=True)
class QueueTick:
    """One closed window of all queue series of one window length; every array has shape (series,)."""

    at_us: int
    window_s: int
    reported: Flags
    depth: Floats
    oldest_age_s: Floats
    """NaN where not given; likewise the next three."""
    capacity: Floats
    enqueued: Floats
    delivered: Floats


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected traffic of each series in this window, computed before the window was seen; shape (series,)."""

    mean: Floats
    """Messages per window."""
    dispersion: Floats
    """Variance / mean of the counts, ≥ 1."""
    relative_error: Floats
    """Standard error of ln(mean): the uncertainty of the expectation itself."""
    known: Flags
    """Whether there is enough history to judge the series at all."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of one window: one row for each (kind, series) with an active or just ended finding; shape (rows,)."""

    kind: NDArray[np.uint8]
    """Index into KINDS."""
    series: Indices
    """Index into the series table that the detection was made for."""
    phase: NDArray[np.uint8]
    began_us: Ints
    """Estimated onset."""
    detected_us: Ints
    """End of the window that decided."""
    score: Floats
    """Evidence in nats."""
    observed: Floats
    """This window's messages, depth or failures."""
    expected: Floats
    serious: Flags
    """Strong enough for `warning` under the fleet's false-alarm budget; else `info`."""
    evidence: dict[str, Floats] = field(default_factory=dict)
    """Contract 2.1 evidence by name, NaN where it does not apply."""
    codes: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """series → response codes of a `failures` finding since its onset."""
    refused: frozenset[tuple[int, int]] = frozenset()
    """(kind, series) of findings at a time of day at which people refused what the series does as a habit."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.kind)

    @classmethod
    def none(cls) -> "Findings":
        """No rows."""
        return cls(
            kind=np.zeros(0, np.uint8),
            series=np.zeros(0, np.int32),
            phase=np.zeros(0, np.uint8),
            began_us=np.zeros(0, np.int64),
            detected_us=np.zeros(0, np.int64),
            score=np.zeros(0),
            observed=np.zeros(0),
            expected=np.zeros(0),
            serious=np.zeros(0, np.bool_),
        )


class PulseKey(NamedTuple):
    """A part of one User's traffic: what the correlation compares between Users."""

    user: str
    direction: str
    message_class: str
    service: str
    region: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """One window of every traffic series against its expectation, in canonical series order; shape (groups,)."""

    at_us: int
    window_s: int
    groups: tuple[PulseKey, ...]
    """Sorted; the object stays the same as long as no series is added."""
    reported: Flags
    observed: Floats
    failed: Floats
    expected: Floats
    """0 where not known."""
    variance: Floats
    """Variance of the observed count under the expectation, including the expectation's own uncertainty."""
    user_side: Floats = field(default_factory=lambda: np.zeros(0))
    """Failures as in TrafficTick, as in the next field. Empty in a pulse from another process, because only metrics use them."""
    device_side: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class QueuePulse:
    """One window of every queue, in canonical series order; shape (queues,)."""

    at_us: int
    window_s: int
    queues: tuple[SeriesKey, ...]
    reported: Flags
    depth: Floats
    oldest_age_s: Floats


@dataclass(frozen=True, slots=True)
class Detected:
    """All results of detection for one window length at one window end."""

    at_us: int
    window_s: int
    traffic_keys: tuple[SeriesKey, ...]
    queue_keys: tuple[SeriesKey, ...]
    traffic: Findings
    """`series` indexes `traffic_keys`."""
    queues: Findings
    """`series` indexes `queue_keys`."""
    pulse: Pulse
    queue_pulse: QueuePulse
