"""Catalogue: every detector, in the order in which they look at a window."""

from detectors.backlog import Backlog
from detectors.budget import DAY_S, threshold, windows_between_false_alarms
from detectors.contract import QueueDetector, TrafficDetector
from detectors.drift import Drift
from detectors.drop import FACTORS as DROP_FACTORS
from detectors.drop import Drop
from detectors.failures import HYPOTHESES, Failures
from detectors.parameters import DetectionParameters
from detectors.silence import HYPOTHESES as SILENCE_HYPOTHESES
from detectors.silence import Silence
from detectors.stale import Stale
from detectors.storm import FACTORS as STORM_FACTORS
from detectors.storm import Storm


def traffic_detectors(parameters: DetectionParameters, window_s: int) -> tuple[TrafficDetector, ...]:
    """The detectors of message rates."""
    run = windows_between_false_alarms(parameters, window_s)
    return (
        Silence(threshold(run, SILENCE_HYPOTHESES)),
        Storm(threshold(run, len(STORM_FACTORS))),
        Drop(threshold(run, len(DROP_FACTORS))),
        Failures(threshold(run, HYPOTHESES)),
        Drift(threshold(windows_between_false_alarms(parameters, DAY_S), 2)),
        Stale(threshold(run, 1)),
    )


def queue_detectors(parameters: DetectionParameters, window_s: int) -> tuple[QueueDetector, ...]:
    """The detectors of queue depths."""
    return (Backlog(threshold(windows_between_false_alarms(parameters, window_s), 1), parameters.accept_after_s),)
