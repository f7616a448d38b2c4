"""Flood: one User's system repeats the same requests, most of them wrong, and everyone's commissioning suffers."""

from dataclasses import dataclass

import numpy as np

from models.columns import Flags
from simulator.effects import Fail, Scale
from simulator.overload import DEVICE_SIDE
from simulator.story import Stage, Story
from simulator.truth import Anomaly
from simulator.world import User

INSTALLS = frozenset({"8.1.1", "8.2", "8.7.1", "8.7.2", "8.11", "8.14.1", "12.1", "12.2"})
"""Service Reference Variants of Install & Commission."""
READS = frozenset({"4.6.1", "4.8.1", "4.10", "4.17", "6.2.4"})
ACKNOWLEDGED_AT_MOST = 20.0
REBOOKED = 0.7
"""Share of the usual commissioning requests during the fault: installers try, then rebook."""
RAMP_S = 180.0


@dataclass(frozen=True, slots=True)
class Flood:
    """The course of a storm: `factor` times the usual requests, of which `accepted` times the usual number is valid."""

    onset_us: int
    ends_us: int
    factor: float
    accepted: float
    commissioning_left: float
    """Share of the other Users' commissioning responses that still arrive."""


def some_flood(stage: Stage, onset_us: int, ends_us: int) -> Flood:
    """20 to 100 times the usual requests."""
    return Flood(
        onset_us=onset_us,
        ends_us=stage.clip(ends_us),
        factor=float(np.exp(stage.draw.uniform(np.log(20), np.log(100)))),
        accepted=float(stage.draw.uniform(1.2, 2.0)),
        commissioning_left=float(stage.draw.uniform(0.05, 0.35)),
    )


def flood_dsp(stage: Stage, user: User, flood: Flood, *, cause: str | None, name: str) -> Story:
    """The storm at `user`, and the commissioning traffic that all Users lose while it lasts."""
    world, timeline = stage.world, stage.timeline
    own = world.select(user=user.name)
    asked = own & world.select(direction="to_dsp", service=READS)
    responses = world.select(message_class="service_response")
    installs = world.select(service=INSTALLS)
    first, storm = timeline.curve(flood.onset_us, flood.ends_us, factor=flood.factor, ramp_s=RAMP_S)
    last = first + len(storm)
    pair = int(world.code_pair[np.flatnonzero(asked)[0]])

    def scale(series: Flags, factor: float) -> Scale:
        return Scale(series, *timeline.curve(flood.onset_us, flood.ends_us, factor=factor, ramp_s=RAMP_S))

    effects = (
        Scale(asked, first, storm),
        Fail(asked, first, last, 1 - flood.accepted / flood.factor, pair),
        scale(own & responses & world.select(service=READS), flood.accepted),
        scale(own & world.select(message_class="acknowledgement"), min(flood.factor / 4, ACKNOWLEDGED_AT_MOST)),
        scale(installs & responses, flood.commissioning_left),
        scale(installs & ~responses, REBOOKED),
        Fail(installs & responses, first + 1, last, 0.3, DEVICE_SIDE),
    )
    kinds = ("backlog", "drop", "failures", "silence", "storm")
    first_left, left = timeline.curve(flood.onset_us, flood.ends_us, factor=flood.commissioning_left, ramp_s=RAMP_S)
    itself = Anomaly(
        name,
        kinds,
        user.name,
        flood.onset_us,
        flood.ends_us,
        caused_by=cause,
        origin_user=user.name,
        missing=stage.taken(installs & responses, first_left, 1 - left),
    )
    commissioning = {key.user for key in world.traffic if key.service in INSTALLS}
    others = tuple(other for other in world.users if other is not user and other.name in commissioning)
    span_us = (flood.onset_us, flood.ends_us)
    return Story(effects, anomalies=(itself, *stage.suffering(others, span_us, cause=cause, origin=user.name, name=name)))
