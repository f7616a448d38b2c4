"""The flow, wired once: assemble → detect → correlate, over decoded batches, as one value that packs to bytes."""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from changes.calendar import Calendar, CalendarView
from correlation.change_reports.declaration_record import Declarations
from correlation.correlator import Correlator
from correlation.parameters import CorrelationParameters
from detectors.parameters import DetectionParameters
from models.alert import Alert
from models.change import Change
from models.change_report import ChangeReport
from models.columns import Detected, EventBatch, Rejection
from models.dead_letter import DeadLetter
from models.incident import Incident
from models.state_bytes import pack, unpack
from models.times import DAY_US, instant
from streams.detection_by_resolution import DetectionByResolution
from streams.windowing.assembler import Assembler, AssemblyResult, TimeParameters

STATE_VERSION = 3
FORGET_US = 40 * DAY_US
"""How long after its end a change stays in the calendar: long past its report."""
RAW_LIMIT = 4096
"""Bytes of the original text that a dead letter keeps."""


@dataclass(frozen=True, slots=True)
class PipelineParameters:
    """What tunes each stage."""

    time: TimeParameters = field(default_factory=TimeParameters)
    detection: DetectionParameters = field(default_factory=DetectionParameters)
    correlation: CorrelationParameters = field(default_factory=CorrelationParameters)


@dataclass(slots=True)
class Outputs:
    """What one step of the flow brought; every list in the order of contract section 2."""

    alerts: list[Alert] = field(default_factory=list)
    user_alerts: list[tuple[str, Alert]] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    reports: list[ChangeReport] = field(default_factory=list)
    user_reports: list[tuple[str, ChangeReport]] = field(default_factory=list)
    rejected: list[DeadLetter] = field(default_factory=list)
    detected: list[Detected] = field(default_factory=list)
    """Every closed window, for charts and metrics."""
    accepted: int = 0
    repeated: int = 0
    late: int = 0
    held: int = 0
    """Events held at the end of the step, ahead of all other Users."""
    windows: int = 0
    """Windows closed, all cohorts together."""


@dataclass(frozen=True, slots=True)
class Detections:
    """What one step brought to the detectors, and what they said of it."""

    windows: Iterable[tuple[int, list[Detected]]]
    """End of each window that closed (µs) and every cohort that closed in it."""
    assembled: AssemblyResult
    """What the step came from; who sends detections on may leave its windows out."""


class Pipeline:
    """One monitor's whole state: assembler, detection of each cohort, calendar, correlator.

    `for_users` False leaves out what only Users would read (`user_alerts`, `user_reports`): most of the work of a bad day.
    """

    def __init__(self, parameters: PipelineParameters | None = None, *, for_users: bool = True) -> None:
        self._parameters = parameters or PipelineParameters()
        self._assembler = Assembler(self._parameters.time)
        self._cohorts = DetectionByResolution(self._parameters.detection)
        self._calendar = Calendar()
        self._correlator = Correlator(self._parameters.correlation, for_users=for_users)

    @property
    def watermark_us(self) -> int | None:
        """Windows up to it are closed; None before the first event."""
        return self._assembler.watermark_us

    @property
    def declarations(self) -> Declarations:
        """Every User's declaration record."""
        return self._correlator.declarations

    def calendar(self, at_us: int) -> CalendarView:
        """The changes as known at `at_us`."""
        return self._calendar.view(at_us)

    def declare(self, changes: Iterable[Change], arrived_us: int | None = None, claimed_us: int | None = None) -> None:
        """Takes revisions of changes that arrived at `arrived_us` (None: with the files, known from the start).

        `claimed_us`: when a User declared them, where that User's own word on it does not count; see `Calendar.declare`.
        """
        for change in changes:
            self._calendar.declare(change, arrived_us, claimed_us=claimed_us)

    def feed(self, batch: EventBatch, stream: str = "") -> Outputs:
        """One decoded batch of one stream."""
        return self._step(self._assembler.feed(batch, stream))

    def idle(self, stream: str) -> Outputs:
        """`stream` brings nothing for now: the windows no longer wait for it."""
        return self._step(self._assembler.idle(stream))

    def finish(self) -> Outputs:
        """The end of a replay's input."""
        return self._step(self._assembler.finish())

    def _step(self, assembled: AssemblyResult) -> Outputs:
        # Window by window through both halves: the calendar is asked in order of time, whatever closes in one step.
        return self.decide(Detections(self._windows(assembled), assembled))

    def detect(self, assembled: AssemblyResult) -> Detections:
        """The first half of a step, for a pipeline that does no other: what closed, through the detectors."""
        return Detections(list(self._windows(assembled)), assembled)

    def _windows(self, assembled: AssemblyResult) -> Iterator[tuple[int, list[Detected]]]:
        for at_us, cohorts in groupby(assembled.closed, key=lambda closed: closed.at_us):
            view = self._view(at_us)
            yield at_us, [self._cohorts.detect(closed, view) for closed in cohorts]

    def decide(self, detections: Detections) -> Outputs:
        """The second half, for a pipeline that does no other: what the detectors found, correlated."""
        assembled = detections.assembled
        outputs = Outputs(
            rejected=dead_letters(assembled.rejected, assembled.watermarks_us),
            accepted=assembled.accepted,
            repeated=assembled.repeated,
            late=assembled.late,
            held=assembled.held,
        )
        for at_us, detected in detections.windows:
            decisions = self._correlator.step(at_us, detected, self._view(at_us))
            outputs.detected += detected
            outputs.windows += len(detected)
            outputs.alerts += decisions.alerts
            outputs.user_alerts += decisions.user_alerts
            outputs.incidents += decisions.incidents
            outputs.reports += decisions.reports
            outputs.user_reports += decisions.user_reports
        return outputs

    def _view(self, at_us: int) -> CalendarView:
        if at_us % DAY_US == 0:
            self._calendar.forget(at_us - FORGET_US)
        return self._calendar.view(at_us)

    def learn_from(self, learned: dict[str, Any]) -> None:
        """Starts every series that `learned` knows from its expectation there; before the first event only."""
        self._cohorts.learn_from(learned)

    def learned(self) -> dict[str, Any]:
        """The expectations of every series: window length → what `Detection.learned` gives."""
        return self._cohorts.learned()

    def pack(self) -> bytes:
        """The whole state as bytes; the input position that it covers is the caller's to keep beside it."""
        return pack(
            {
                "assembler": self._assembler.pack(),
                "cohorts": self._cohorts.pack(),
                "calendar": self._calendar.pack(),
                "correlator": self._correlator.pack(),
            },
            STATE_VERSION,
        )

    @classmethod
    def unpack(cls, parameters: PipelineParameters, blob: bytes) -> "Pipeline":
        """The pipeline that `pack` was called on. Raises StateError if the bytes are damaged or of another version."""
        tree = unpack(blob, STATE_VERSION)
        pipeline = cls(parameters)
        pipeline._assembler = Assembler.unpack(parameters.time, tree["assembler"])
        pipeline._cohorts = DetectionByResolution.unpack(parameters.detection, tree["cohorts"])
        pipeline._calendar = Calendar.unpack(tree["calendar"])
        pipeline._correlator = Correlator.unpack(parameters.correlation, tree["correlator"], pipeline._calendar.keys_by_id())
        return pipeline


def dead_letters(rejected: Sequence[Rejection], watermarks_us: Sequence[int | None]) -> list[DeadLetter]:
    """Rejections as they are written; `rejected_at` is the watermark then."""
    return [
        DeadLetter(
            source=rejection.source,
            position=dict(rejection.position),
            reason=rejection.reason,
            raw=_shown(rejection.raw),
            rejected_at=None if watermark_us is None else instant(watermark_us),
        )
        for rejection, watermark_us in zip(rejected, watermarks_us, strict=True)
    ]


def _shown(raw: bytes) -> str:
    """At most 4 KiB of the original text; bytes that are no UTF-8 are marked, a character cut in half is left out."""
    text = getincrementaldecoder("utf-8")("replace").decode(raw[:RAW_LIMIT], final=len(raw) <= RAW_LIMIT)
    return text.encode()[:RAW_LIMIT].decode("utf-8", "ignore")
