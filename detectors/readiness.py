"""Readiness: which series of a fleet can be judged already, and when the others can be, in the first week of an installation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.expectation.day_kinds import SATURDAY, SUNDAY
from detectors.expectation.week_clock import HOURS_A_DAY
from models.columns import SeriesKey
from models.times import DAY_US, HOUR_US, format_time

FIRST_DAY_H = HOURS_A_DAY - 0.5
_MONDAY_US = 4 * DAY_US


@dataclass(frozen=True, slots=True)
class SeriesReadiness:
    """One series of message rates; `stage`: `learning` (not judged), `first_week` (no weekend seen yet) or `judged`."""

    key: SeriesKey
    stage: str
    seen_h: float
    """Hours of reports so far."""
    until_us: int | None
    """When the stage ends if reports continue; None if it lasts."""


def readiness(detection: Mapping[str, Any]) -> list[SeriesReadiness]:
    """One entry for every series of a packed `Detection`, in its order."""
    traffic = detection["traffic"]
    if not traffic["parts"] or traffic["at_us"] is None:
        return []
    columns, at_us = traffic["parts"]["expectation"], int(traffic["at_us"])
    hours = columns["hours"].astype(np.float64)
    visits = columns["day_visits"].reshape(-1, HOURS_A_DAY, len(hours))
    weekend = (visits[SATURDAY] > 0).all(axis=0) & (visits[SUNDAY] > 0).all(axis=0)
    # Hours are counted after their end.
    hour_us = (at_us - 1) // HOUR_US * HOUR_US
    monday_us = at_us + (_MONDAY_US - at_us) % (7 * DAY_US)
    stages = []
    for index, key in enumerate(detection["traffic_keys"]):
        seen_h = float(hours[index])
        if seen_h < FIRST_DAY_H:
            stage, until_us = "learning", hour_us + int((HOURS_A_DAY - seen_h) * HOUR_US)
        elif not weekend[index]:
            stage, until_us = "first_week", monday_us
        else:
            stage, until_us = "judged", None
        stages.append(SeriesReadiness(SeriesKey(*key), stage, seen_h, until_us))
    return stages


def in_words(series: list[SeriesReadiness]) -> str:
    """One sentence per stage, for people."""
    if not series:
        return "no traffic was seen yet, so nothing is judged"
    parts = []
    learning = [one for one in series if one.stage == "learning"]
    if learning:
        last_us = max(one.until_us or 0 for one in learning)
        parts.append(
            f"{len(learning)} of {len(series)} series are not judged before {format_time(last_us // HOUR_US * HOUR_US)}: "
            "a day of reports must be seen first; gaps in the reports and full queues are reported nevertheless"
        )
    young = [one for one in series if one.stage == "first_week"]
    if young:
        last_us = max(one.until_us or 0 for one in young)
        parts.append(
            f"{len(young)} of {len(series)} series have not had a whole weekend: on the first one only severe changes are found, "
            f"silence among them; from {format_time(last_us)} on all are"
        )
    judged = len(series) - len(learning) - len(young)
    if judged:
        parts.append(f"{judged} of {len(series)} series are judged at any time")
    return "; ".join(parts)
