"""Overload: messages that can't reach one User fill the shared DSP, and everyone else's responses come late or not at all."""

from dataclasses import dataclass

import numpy as np

from models.columns import Floats
from simulator.effects import Block, Effect, Fail, Scale
from simulator.story import Stage
from simulator.truth import Anomaly
from simulator.world import User

FULL = 1_500_000
"""Messages that the DSP had built up when the route was opened (DP083)."""
FELT_FROM = 200_000
LOST_WHEN_FULL = 0.5
"""Share of the others' responses that time out at FULL waiting messages, from none at FELT_FROM on (assumption)."""
TIMEOUTS = 0.08
VISIBLE = 0.02


@dataclass(frozen=True, slots=True)
class CutOff:
    """A User's route shut until FULL messages wait, and drained afterwards."""

    block: Block
    waiting: Floats
    """(windows,) Messages expected to wait, from the block's first window to the simulation's end."""
    drained: int
    """Window in which the last of them went."""


def cut_off(stage: Stage, user: User, onset_us: int) -> CutOff:
    """Shut the route to `user` from the window that holds `onset_us`; it opens in the window after FULL is reached."""
    world, timeline = stage.world, stage.timeline
    series = world.select(user=user.name, direction="to_user")
    first = timeline.index(onset_us)
    arriving = world.rates(timeline, first, timeline.windows)[:, series].sum(axis=1)
    queue = int(world.queue_of[int(np.flatnonzero(series)[0])])
    room = float(world.depth_limit[queue])
    waiting = np.minimum(np.cumsum(arriving), room)
    full = np.flatnonzero(waiting >= min(FULL, room))
    opens = int(full[0]) + 1 if len(full) else len(waiting)
    leaving = world.capacity_per_s[queue] * timeline.window_s
    waiting[opens:] = np.maximum(waiting[opens - 1] + np.cumsum(arriving[opens:] - leaving), 0) if opens < len(waiting) else 0
    dry = np.flatnonzero(waiting[opens:] <= 0)
    drained = opens + int(dry[0]) if len(dry) else len(waiting)
    waiting[drained:] = 0
    return CutOff(Block(series, first, first + opens), waiting, first + drained)


def felt_by_others(
    stage: Stage, user: User, outage: CutOff, *, cause: str | None, name: str
) -> tuple[tuple[Effect, ...], tuple[Anomaly, ...]]:
    """Everyone else's responses while the DSP is full, and what is then true of each of them."""
    world, timeline = stage.world, stage.timeline
    lost = LOST_WHEN_FULL * np.clip((outage.waiting - FELT_FROM) / (FULL - FELT_FROM), 0, 1)
    responses = stage.others(user) & world.select(message_class="service_response")
    felt = np.flatnonzero(lost > VISIBLE)
    if len(felt) == 0 or not responses.any():
        return (), ()
    first, last = outage.block.first + int(felt[0]), outage.block.first + int(felt[-1]) + 1
    worst = np.flatnonzero(lost > LOST_WHEN_FULL / 2)
    effects: list[Effect] = [Scale(responses, outage.block.first, 1 - lost)]
    if len(worst):
        effects.append(Fail(responses, outage.block.first + int(worst[0]), outage.block.first + int(worst[-1]) + 1, TIMEOUTS, 0))
    anomalies = tuple(
        Anomaly(
            id=f"{name}-{other.name}",
            kinds=("backlog", "drop", "failures", "silence"),
            user=other.name,
            onset_us=timeline.start_us + first * timeline.window_us,
            ends_us=timeline.start_us + last * timeline.window_us,
            caused_by=cause,
            origin_user=user.name,
            collateral=True,
        )
        for other in world.users
        if other is not user
    )
    return tuple(effects), anomalies
