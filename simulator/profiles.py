"""Profiles: the weekly course of each kind of traffic, one value per minute (notes on the domain, section 6: assumptions)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from models.columns import Floats

MINUTES_A_WEEK = 7 * 24 * 60
RAMP_MINUTES = 30
"""No national system changes within one minute: hourly steps are smoothed over half an hour."""

Family = Literal["reads", "installs", "vends", "alerts", "office", "mixed"]
FAMILIES: tuple[Family, ...] = ("reads", "installs", "vends", "alerts", "office", "mixed")

KEEPS_UTC: frozenset[Family] = frozenset({"reads"})
"""The DSP runs schedules at UTC instants; all other traffic follows people, who keep local time."""


def weekly_profiles() -> Floats:
    """Shape (families, minutes of the week from Monday 00:00), each with mean 1."""
    reads = _week([_hours((0, 6, 3.5), (6, 9, 1.0), rest=0.2)] * 7)
    installs = _week([_hours((8, 18, 2.2), rest=0.02)] * 5 + [_hours((8, 18, 0.8), rest=0.02), _hours(rest=0.02)])
    weekday_vends = _hours((7, 23, 1.0), (8, 9, 2.0), (17, 21, 2.0), rest=0.15)
    vends = _week([weekday_vends] * 4 + [1.2 * weekday_vends] * 2 + [weekday_vends])
    alerts = _week([1.05 + 0.25 * np.sin((np.arange(24) - 11) / 24 * 2 * np.pi)] * 7)
    office = _week([_hours((8, 19, 1.8), rest=0.3)] * 5 + [_hours((9, 17, 0.8), rest=0.3)] * 2)
    mixed = 0.4 * reads + 0.3 * vends + 0.2 * office + 0.1 * installs
    by_name: dict[Family, Floats] = {
        "reads": reads,
        "installs": installs,
        "vends": vends,
        "alerts": alerts,
        "office": office,
        "mixed": mixed,
    }
    return np.stack([by_name[name] / by_name[name].mean() for name in FAMILIES])


def _hours(*spans: tuple[int, int, float], rest: float = 0.0) -> Floats:
    """Shape (24,): `(from hour, to hour, level)` over a level for the rest; later spans override earlier ones."""
    day = np.full(24, rest)
    for begin, end, level in spans:
        day[begin:end] = level
    return day


def _week(days: Sequence[Floats]) -> Floats:
    """Seven days of hourly levels → normalised and smoothed minutes of the week."""
    minutes = np.repeat(np.concatenate(days), 60)
    wrapped = np.concatenate([minutes[-RAMP_MINUTES:], minutes])
    total = np.concatenate([[0.0], np.cumsum(wrapped)])
    smooth = (total[RAMP_MINUTES:] - total[:-RAMP_MINUTES])[1 : MINUTES_A_WEEK + 1] / RAMP_MINUTES
    profile: Floats = smooth / smooth.mean()
    return profile
