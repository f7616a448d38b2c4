"""Detection by resolution: one detection for each window length, on the windows that the assembler closed."""

from typing import Any

from changes.calendar import CalendarView
from detectors.detection import Detection
from detectors.habit_list import Habit, HabitRuling
from detectors.learned_state import merged
from detectors.parameters import DetectionParameters
from models.columns import Detected
from streams.windowing.assembler import Closed


class DetectionByResolution:
    """One `Detection` per window length, created when the first window of that length closes; packs to a tree."""

    def __init__(self, parameters: DetectionParameters) -> None:
        self._parameters = parameters
        self._detection: dict[int, Detection] = {}
        self._learned: dict[str, Any] = {}

    def detect(self, closed: Closed, view: CalendarView) -> Detected:
        """Processes one closed window; nothing is learned from series under a declared change of `view`."""
        detection = self._detection.get(closed.window_s)
        if detection is None:
            detection = self._detection[closed.window_s] = Detection(self._parameters, closed.window_s)
            if str(closed.window_s) in self._learned:
                detection.learn_from(self._learned[str(closed.window_s)])
        return detection.step(
            closed.at_us,
            closed.traffic,
            closed.traffic_keys,
            closed.queues,
            closed.queue_keys,
            view.declared(closed.traffic_keys, closed.at_us),
            view.declared(closed.queue_keys, closed.at_us),
        )

    def learn_from(self, learned: dict[str, Any]) -> None:
        """Starts every series that is in `learned` and not present yet from its expectation."""
        self._learned = learned
        for window_s, detection in self._detection.items():
            detection.learn_from(learned.get(str(window_s), {}))

    def learned(self) -> dict[str, Any]:
        """Window length → the expectations of every series."""
        return {str(window_s): self._detection[window_s].learned() for window_s in sorted(self._detection)}

    def learned_and_waiting(self) -> dict[str, Any]:
        """As `learned`, with the series that were given to `learn_from` and did not come yet."""
        learned = self.learned()
        for window_s, waiting in self._learned.items():
            own = learned.get(window_s, {})
            learned[window_s] = {kind: merged(own.get(kind, {}), waiting.get(kind, {})) for kind in ("traffic", "queues")}
        return learned

    def rule_on_habit(self, ruling: HabitRuling) -> None:
        """Refuses or allows a habit of one series; of a series that is not known there is nothing to do."""
        detection = self._detection.get(ruling.key.window_s)
        if detection is not None:
            detection.rule_on_habit(ruling)

    def habits(self) -> list[Habit]:
        """Habits of every series, by series, kind and time."""
        habits = [habit for window_s in sorted(self._detection) for habit in self._detection[window_s].habits()]
        return sorted(habits, key=lambda habit: (habit.key, habit.kind, -1 if habit.minute is None else habit.minute))

    def pack(self) -> dict[str, Any]:
        """State as a tree."""
        detection = {str(window_s): self._detection[window_s].pack() for window_s in sorted(self._detection)}
        return {"detection": detection, "learned": self._learned}

    @classmethod
    def unpack(cls, parameters: DetectionParameters, tree: dict[str, Any]) -> "DetectionByResolution":
        """Inverse of `pack`."""
        cohorts = cls(parameters)
        cohorts._detection = {
            int(window_s): Detection.unpack(parameters, int(window_s), state) for window_s, state in tree["detection"].items()
        }
        cohorts.learn_from(tree["learned"])
        return cohorts
