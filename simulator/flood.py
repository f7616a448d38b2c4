"""Flood: one User's system sends the same requests over and over, most of them wrong, and everyone's commissioning suffers."""

from dataclasses import dataclass

import numpy as np

from models.columns import Flags
from models.times import MINUTE_US
from simulator.effects import Effect, Fail, Scale
from simulator.story import Stage
from simulator.truth import Anomaly
from simulator.world import User

INSTALLS = frozenset({"8.1.1", "8.2", "8.7.1", "8.7.2", "8.11", "8.14.1", "12.1", "12.2"})
"""Service Reference Variants of Install & Commission that the world has."""
READS = frozenset({"4.6.1", "4.8.1", "4.10", "4.17", "6.2.4"})
ACKNOWLEDGED_AT_MOST = 20.0
REBOOKED = 0.7


@dataclass(frozen=True, slots=True)
class Flood:
    """How a storm goes: `factor` times the usual requests, of which `accepted` times the usual number is in order."""

    onset_us: int
    ends_us: int
    factor: float
    accepted: float
    commissioning_left: float
    """Share of the others' commissioning responses that still come."""


def some_flood(stage: Stage, onset_us: int) -> Flood:
    """20 to 100 times the usual requests for one to three hours."""
    return Flood(
        onset_us=onset_us,
        ends_us=stage.clip(onset_us + stage.minutes(60, 180)),
        factor=float(np.exp(stage.draw.uniform(np.log(20), np.log(100)))),
        accepted=float(stage.draw.uniform(1.2, 2.0)),
        commissioning_left=float(stage.draw.uniform(0.05, 0.35)),
    )


def flood_effects(stage: Stage, user: User, flood: Flood) -> tuple[Effect, ...]:
    """The storm at `user`, and the commissioning that all lose while it lasts."""
    world, timeline = stage.world, stage.timeline
    own = world.select(user=user.name)
    asked = own & world.select(direction="to_dsp", service=READS)
    answered = own & world.select(message_class="service_response", service=READS)
    acknowledged = own & world.select(message_class="acknowledgement")
    installs = world.select(service=INSTALLS)
    responses = world.select(message_class="service_response")
    ramp_s = 180.0
    first, storm = timeline.curve(flood.onset_us, flood.ends_us, factor=flood.factor, ramp_s=ramp_s)
    last = first + len(storm)
    pair = int(world.code_pair[np.flatnonzero(asked)[0]])

    def scale(series: Flags, factor: float) -> Scale:
        return Scale(series, *timeline.curve(flood.onset_us, flood.ends_us, factor=factor, ramp_s=ramp_s))

    return (
        Scale(asked, first, storm),
        Fail(asked, first, last, 1 - flood.accepted / flood.factor, pair),
        scale(answered, flood.accepted),
        scale(acknowledged, min(flood.factor / 4, ACKNOWLEDGED_AT_MOST)),
        scale(installs & responses, flood.commissioning_left),
        scale(installs & ~responses, REBOOKED),
        Fail(installs & responses, first + 1, last, 0.3, 0),
    )


def flood_truth(stage: Stage, user: User, flood: Flood, *, cause: str | None, name: str) -> tuple[Anomaly, ...]:
    """The storm itself, and everyone whose commissioning suffers with it."""
    own = Anomaly(
        id=name,
        kinds=("backlog", "drop", "failures", "silence", "storm"),
        user=user.name,
        onset_us=flood.onset_us,
        ends_us=flood.ends_us,
        caused_by=cause,
        origin_user=user.name,
    )
    commissions = {key.user for key in stage.world.traffic if key.service in INSTALLS}
    others = tuple(
        Anomaly(
            id=f"{name}-{other.name}",
            kinds=("backlog", "drop", "failures", "silence"),
            user=other.name,
            onset_us=flood.onset_us,
            ends_us=flood.ends_us + 5 * MINUTE_US,
            caused_by=cause,
            origin_user=user.name,
            collateral=True,
        )
        for other in stage.world.users
        if other is not user and other.name in commissions
    )
    return own, *others
