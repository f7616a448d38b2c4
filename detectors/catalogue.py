"""Catalogue: every detector, in the order in which they process a window."""

from detectors.backlog.backlog import Backlog
from detectors.failures.failures import HYPOTHESES, Failures
from detectors.interface import QueueDetector, TrafficDetector
from detectors.parameters import DetectionParameters
from detectors.rates.drift import Drift
from detectors.rates.drop import Drop
from detectors.rates.silence import HYPOTHESES as SILENCE_HYPOTHESES
from detectors.rates.silence import Silence
from detectors.rates.stale import Stale
from detectors.rates.storm import Storm
from detectors.thresholds import CALIBRATED, DAY_S, threshold, windows_between_false_alarms


def traffic_thresholds(parameters: DetectionParameters, window_s: int) -> dict[str, float]:
    """Nats of an alarm by kind of message-rate detector."""
    return {
        "silence": _threshold(parameters, window_s, "silence", SILENCE_HYPOTHESES),
        "storm": _threshold(parameters, window_s, "storm", CALIBRATED),
        "drop": _threshold(parameters, window_s, "drop", CALIBRATED),
        "failures": _threshold(parameters, window_s, "failures", HYPOTHESES),
        "drift": _threshold(parameters, DAY_S, "drift", 2),
        "stale": _threshold(parameters, window_s, "stale", 1),
    }


def traffic_detectors(parameters: DetectionParameters, window_s: int) -> tuple[TrafficDetector, ...]:
    """The detectors of message rates."""
    nats = traffic_thresholds(parameters, window_s)
    return (
        Silence(nats["silence"]),
        Storm(nats["storm"]),
        Drop(nats["drop"]),
        Failures(nats["failures"]),
        Drift(nats["drift"]),
        Stale(nats["stale"]),
    )


def queue_detectors(parameters: DetectionParameters, window_s: int) -> tuple[QueueDetector, ...]:
    """The detectors of queue depths."""
    return (Backlog(_threshold(parameters, window_s, "backlog", 1), parameters.accept_after_s),)


def _threshold(parameters: DetectionParameters, window_s: int, kind: str, hypotheses: float) -> float:
    return threshold(windows_between_false_alarms(parameters, window_s, kind), hypotheses)
