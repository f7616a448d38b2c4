"""The flow as two values, each written once: detection turns events into findings, decision turns findings into records.

`replay` and `serve` run both in one process (`streams.pipeline`); on Kafka each partition has a detection, and one task has the decision.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from changes.calendar import Calendar, CalendarView
from correlation.correlator import Correlator
from correlation.parameters import CorrelationParameters
from detectors.parameters import DetectionParameters
from models.columns import Detected
from models.dead_letter import DeadLetter
from models.decisions import Decisions
from models.times import DAY_US
from streams.dead_letters import dead_letters
from streams.detection_by_resolution import DetectionByResolution
from streams.windowing.assembler import Assembler, AssemblyResult, TimeParameters

FORGET_US = 40 * DAY_US
"""How long after its end a change stays in the calendar: much longer than until its report."""
WindowFindings = tuple[int, list[Detected]]
"""End of a window (µs), and the results of every resolution that closed with it."""


@dataclass(frozen=True, slots=True)
class FlowStep(Decisions):
    """The result of one batch or of one decision by the clock: closed windows, rejections, and decisions."""

    detected: list[Detected] = field(default_factory=list)
    """Every closed window, for charts and metrics."""
    rejected: list[DeadLetter] = field(default_factory=list)
    accepted: int = 0
    repeated: int = 0
    late: int = 0
    held: int = 0
    """Events held at the end of the step because they are ahead of all other Users."""

    @property
    def windows(self) -> int:
        """Windows closed, over all resolutions."""
        return len(self.detected)

    @classmethod
    def of(cls, assembled: AssemblyResult, detected: list[Detected], decisions: Iterable[Decisions] = ()) -> "FlowStep":
        """The step that continues `assembled`."""
        decided = Decisions.joined(decisions)
        return cls(
            alerts=decided.alerts,
            user_alerts=decided.user_alerts,
            incidents=decided.incidents,
            reports=decided.reports,
            user_reports=decided.user_reports,
            detected=detected,
            rejected=dead_letters(assembled.rejected, assembled.watermarks_us),
            accepted=assembled.accepted,
            repeated=assembled.repeated,
            late=assembled.late,
            held=assembled.held,
        )

    @classmethod
    def joined_steps(cls, steps: "Sequence[FlowStep]") -> "FlowStep":
        """Joins all `steps`, one after the other."""
        decided = Decisions.joined(steps)
        return cls(
            alerts=decided.alerts,
            user_alerts=decided.user_alerts,
            incidents=decided.incidents,
            reports=decided.reports,
            user_reports=decided.user_reports,
            detected=[each for step in steps for each in step.detected],
            rejected=[each for step in steps for each in step.rejected],
            accepted=sum(step.accepted for step in steps),
            repeated=sum(step.repeated for step in steps),
            late=sum(step.late for step in steps),
            held=steps[-1].held if steps else 0,
        )


class DetectionFlow:
    """Assembler, detection of each resolution, and the calendar from which detection reads the declared changes."""

    def __init__(self, time: TimeParameters, detection: DetectionParameters, calendar: Calendar) -> None:
        self.assembler = Assembler(time)
        self.detection = DetectionByResolution(detection)
        self.calendar = calendar

    def detect(self, assembled: AssemblyResult) -> Iterator[WindowFindings]:
        """The results of each closed window, in order of time: the calendar is read window by window."""
        for at_us, closed in groupby(assembled.closed, key=lambda window: window.at_us):
            view = known_changes(self.calendar, at_us)
            yield at_us, [self.detection.detect(window, view) for window in closed]


class DecisionFlow:
    """Correlator, and the calendar that it compares incidents with."""

    def __init__(self, parameters: CorrelationParameters, calendar: Calendar, *, for_users: bool = True) -> None:
        """`for_users` False omits the records that only Users read: they are most of the work of a bad day."""
        self.correlator = Correlator(parameters, for_users=for_users)
        self.calendar = calendar

    def decide(self, at_us: int, detected: Sequence[Detected]) -> Decisions:
        """The decisions of one window, for every resolution that closed in it."""
        return self.correlator.step(at_us, detected, known_changes(self.calendar, at_us))


def known_changes(calendar: Calendar, at_us: int) -> CalendarView:
    """The calendar in a window; at the end of a day, changes that ended long ago are removed first."""
    if at_us % DAY_US == 0:
        calendar.forget(at_us - FORGET_US)
    return calendar.view(at_us)
