"""Budget: how much evidence an alarm needs so that the whole fleet stays within its false alarms a day."""

import math

from detectors.parameters import DetectionParameters
from models.columns import KINDS

DAY_S = 86_400


def windows_between_false_alarms(parameters: DetectionParameters, window_s: int) -> float:
    """Average run length that each kind of each series must reach, in windows: series × windows a day × kinds / false alarms a day."""
    return max(2.0, parameters.fleet_series * (DAY_S / window_s) * len(KINDS) / parameters.false_alarms_per_day)


def threshold(run_length: float, hypotheses: int) -> float:
    """Nats at which the best of `hypotheses` CUSUMs may alarm: ln(K × ARL).

    Guaranteed where E[exp(log-likelihood ratio)] ≤ 1: the sum of the K CUSUMs' exponentials stays below a mixture Shiryaev-Roberts
    e-detector (Shin, Ramdas, Rinaldo 2022, "E-detectors").
    """
    return math.log(hypotheses * run_length)
