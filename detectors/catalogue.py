"""Catalogue: every detector, in the order in which they look at a window."""

from detectors.backlog import Backlog
from detectors.budget import CALIBRATED, DAY_S, threshold, windows_between_false_alarms
from detectors.contract import QueueDetector, TrafficDetector
from detectors.drift import Drift
from detectors.drop import Drop
from detectors.failures import HYPOTHESES, Failures
from detectors.parameters import DetectionParameters
from detectors.silence import HYPOTHESES as SILENCE_HYPOTHESES
from detectors.silence import Silence
from detectors.stale import Stale
from detectors.storm import Storm


def traffic_detectors(parameters: DetectionParameters, window_s: int) -> tuple[TrafficDetector, ...]:
    """The detectors of message rates."""
    return (
        Silence(_threshold(parameters, window_s, "silence", SILENCE_HYPOTHESES)),
        Storm(_threshold(parameters, window_s, "storm", CALIBRATED)),
        Drop(_threshold(parameters, window_s, "drop", CALIBRATED)),
        Failures(_threshold(parameters, window_s, "failures", HYPOTHESES)),
        Drift(_threshold(parameters, DAY_S, "drift", 2)),
        Stale(_threshold(parameters, window_s, "stale", 1)),
    )


def queue_detectors(parameters: DetectionParameters, window_s: int) -> tuple[QueueDetector, ...]:
    """The detectors of queue depths."""
    return (Backlog(_threshold(parameters, window_s, "backlog", 1), parameters.accept_after_s),)


def _threshold(parameters: DetectionParameters, window_s: int, kind: str, hypotheses: float) -> float:
    return threshold(windows_between_false_alarms(parameters, window_s, kind), hypotheses)
