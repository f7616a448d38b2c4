"""Budget: the evidence that an alarm needs so that the whole fleet stays within its false alarms per day."""

import math

from detectors.parameters import DetectionParameters

DAY_S = 86_400
SHARES = {"storm": 0.25, "drop": 0.25, "silence": 0.25, "failures": 0.1, "backlog": 0.05, "stale": 0.05, "drift": 0.05}
"""Share of the budget by kind: most for the kinds whose evidence grows slowly, where each nat costs windows."""
CALIBRATED = 0.5
"""False alarms per window of a bank of CUSUMs, over exp(-h): at most 0.46 by simulation, for means from 0.05 to 1,000 messages a window and
dispersions from 1 to 8 (`python -m benchmarks.detection --only calibration`); the guaranteed bound is the number of factors."""


def windows_between_false_alarms(parameters: DetectionParameters, window_s: int, kind: str) -> float:
    """Average run length that a kind must reach in each series, windows: series × windows a day / the kind's false alarms a day."""
    return max(2.0, parameters.fleet_series * (DAY_S / window_s) / (SHARES[kind] * parameters.false_alarms_per_day))


def threshold(run_length: float, hypotheses: float) -> float:
    """Nats at which the best of `hypotheses` CUSUMs may alarm: ln(K × ARL).

    Guaranteed if E[exp(log-likelihood ratio)] ≤ 1: the sum of the K CUSUMs' exponentials stays below a mixture Shiryaev-Roberts
    e-detector (Shin, Ramdas, Rinaldo 2022, "E-detectors"). The rate of false alarms falls as exp(-h) in any case, so that a K found by
    simulation where they are frequent is valid where they are rare (`CALIBRATED`).
    """
    return math.log(max(hypotheses * run_length, 2.0))
