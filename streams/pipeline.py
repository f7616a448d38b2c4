"""The pipeline: assemble → detect → correlate, over decoded batches, as one value that packs to bytes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from changes.calendar import Calendar, CalendarView
from correlation.change_reports.declaration_record import Declarations
from correlation.correlator import Correlator
from correlation.parameters import CorrelationParameters
from detectors.habit_list import Habit, HabitRuling
from detectors.parameters import DetectionParameters
from models.change import Change
from models.columns import Detected, EventBatch
from models.decisions import Decisions
from models.state_bytes import pack, unpack
from streams.detected_columns import DetectedColumns, packed, unpacked
from streams.detection_by_resolution import DetectionByResolution
from streams.flow import DecisionFlow, DetectionFlow, FlowStep, WindowFindings
from streams.windowing.assembler import Assembler, AssemblyResult, TimeParameters

STATE_VERSION, OLDEST_STATE = 4, 3
"""Version 3 preceded the separation of an incident's end from the decision about it."""


@dataclass(frozen=True, slots=True)
class PipelineParameters:
    """The parameters of each stage."""

    time: TimeParameters = field(default_factory=TimeParameters)
    detection: DetectionParameters = field(default_factory=DetectionParameters)
    correlation: CorrelationParameters = field(default_factory=CorrelationParameters)


@dataclass(frozen=True, slots=True)
class Detections:
    """The input of one step to the detectors, and their results."""

    windows: Iterable[WindowFindings]
    """In order of time."""
    assembled: AssemblyResult
    """The assembled input of the step; a caller that sends detections on may leave its windows out."""

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: windows as columns."""
        return _detections, (*packed(list(self.windows)), self.assembled)


def _detections(ends: list[tuple[int, int]], columns: list[DetectedColumns], assembled: AssemblyResult) -> Detections:
    return Detections(unpacked(ends, columns), assembled)


class Pipeline:
    """One monitor's whole state: assembler, detection of each resolution, calendar, correlator.

    `for_users` False omits the records that only Users read (`user_alerts`, `user_reports`): they are most of the work of a bad day.
    """

    def __init__(self, parameters: PipelineParameters | None = None, *, for_users: bool = True) -> None:
        self._parameters = parameters or PipelineParameters()
        self._calendar = Calendar()
        self._detection = DetectionFlow(self._parameters.time, self._parameters.detection, self._calendar)
        self._decision = DecisionFlow(self._parameters.correlation, self._calendar, for_users=for_users)

    @property
    def watermark_us(self) -> int | None:
        """Windows up to it are closed; None before the first event."""
        return self._detection.assembler.watermark_us

    @property
    def declarations(self) -> Declarations:
        """Every User's declaration record."""
        return self._decision.correlator.declarations

    def calendar(self, at_us: int) -> CalendarView:
        """The changes as known at `at_us`."""
        return self._calendar.view(at_us)

    def declare(self, changes: Iterable[Change], arrived_us: int | None = None, claimed_us: int | None = None) -> None:
        """Adds revisions of changes that arrived at `arrived_us` (None: with the files, known from the start).

        `claimed_us`: when a User declared them, if that User's own time is not trusted; see `Calendar.declare`.
        """
        for change in changes:
            self._calendar.declare(change, arrived_us, claimed_us=claimed_us)

    def rule_on_habit(self, ruling: HabitRuling) -> None:
        """What people decided on a habit counts from the next window on."""
        self._detection.detection.rule_on_habit(ruling)

    def habits(self) -> list[Habit]:
        """Habits of every series, refused ones too."""
        return self._detection.detection.habits()

    def feed(self, batch: EventBatch, stream: str = "", arrived_us: int | None = None) -> FlowStep:
        """Processes one decoded batch of one stream, with its arrival if that is part of the input."""
        return self._step(self._detection.assembler.feed(batch, stream, arrived_us))

    def idle(self, stream: str) -> FlowStep:
        """`stream` brings nothing now: the windows no longer wait for it."""
        return self._step(self._detection.assembler.idle(stream))

    def finish(self) -> FlowStep:
        """The end of a replay's input."""
        return self._step(self._detection.assembler.finish())

    def _step(self, assembled: AssemblyResult) -> FlowStep:
        # Window by window through both flows: the calendar is read in order of time, whatever closes in one step.
        return self.decide(Detections(self._detection.detect(assembled), assembled))

    def detect(self, assembled: AssemblyResult) -> Detections:
        """The first half of a step, for a pipeline that does nothing else: closed windows through the detectors."""
        return Detections(list(self._detection.detect(assembled)), assembled)

    def decide(self, detections: Detections) -> FlowStep:
        """The second half, for a pipeline that does nothing else: the detectors' findings are correlated."""
        detected: list[Detected] = []
        decisions: list[Decisions] = []
        for at_us, windows in detections.windows:
            decisions.append(self._decision.decide(at_us, windows))
            detected += windows
        return FlowStep.of(detections.assembled, detected, decisions)

    def rewound(self, at_us: int) -> "Pipeline":
        """A pipeline whose time starts again, for a watermark that a wrong clock moved: what was learned and declared stays.

        Open windows, held events, evidence and open incidents are left behind. What arrived after `at_us` arrived then.
        """
        pipeline = Pipeline(self._parameters)
        calendar = self._calendar.rewound(at_us)
        pipeline._calendar = pipeline._detection.calendar = pipeline._decision.calendar = calendar
        pipeline.learn_from(self._detection.detection.learned_and_waiting())
        pipeline._decision.correlator.declarations.take_over(self.declarations)
        return pipeline

    def learn_from(self, learned: dict[str, Any]) -> None:
        """Starts every series that is in `learned` from its expectation; before the first event only."""
        self._detection.detection.learn_from(learned)

    def learned(self) -> dict[str, Any]:
        """The expectations of every series: window length → the result of `Detection.learned`."""
        return self._detection.detection.learned()

    def pack(self) -> bytes:
        """The whole state as bytes; the caller stores the input position that it covers."""
        return pack(
            {
                "assembler": self._detection.assembler.pack(),
                "cohorts": self._detection.detection.pack(),
                "calendar": self._calendar.pack(),
                "correlator": self._decision.correlator.pack(),
            },
            STATE_VERSION,
        )

    @classmethod
    def unpack(cls, parameters: PipelineParameters, blob: bytes) -> "Pipeline":
        """Inverse of `pack`. Raises StateError if the bytes are damaged or of another version."""
        tree = unpack(blob, STATE_VERSION, OLDEST_STATE)
        pipeline = cls(parameters)
        calendar = Calendar.unpack(tree["calendar"])
        pipeline._calendar = pipeline._detection.calendar = pipeline._decision.calendar = calendar
        pipeline._detection.assembler = Assembler.unpack(parameters.time, tree["assembler"])
        pipeline._detection.detection = DetectionByResolution.unpack(parameters.detection, tree["cohorts"])
        pipeline._decision.correlator = Correlator.unpack(parameters.correlation, tree["correlator"], calendar.keys_by_id())
        return pipeline
