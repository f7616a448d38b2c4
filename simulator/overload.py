"""Overload: undeliverable messages to one User fill the shared DSP, and all other Users' responses come late or not at all."""

from dataclasses import dataclass

import numpy as np

from models.columns import Floats
from simulator.effects import Block, Effect, Fail, Scale, scaled
from simulator.story import Stage, Story
from simulator.truth import Anomaly
from simulator.world import User

FULL = 1_500_000
"""Messages that the DSP had built up when the route was opened (DP083)."""
FELT_FROM = 200_000
LOST_WHEN_FULL = 0.5
"""Share of the other Users' responses that time out at FULL waiting messages; none at FELT_FROM (assumption)."""
TIMEOUTS = 0.08
VISIBLE = 0.02
DEVICE_SIDE = 0
"""The pair of codes for devices or networks that did not answer."""


@dataclass(frozen=True, slots=True)
class PileUp:
    """The expected queue of one User, from window `first` to the simulation's end."""

    user: User
    first: int
    opens: int
    """Window from which messages leave again (`first` if they never stopped)."""
    waiting: Floats
    """(windows,) Messages."""
    drained: int
    """Window after the one in which the last of them left."""


def cut_off(stage: Stage, user: User, onset_us: int, ends_us: int | None = None) -> PileUp:
    """The queue if the route to `user` is shut from the window that holds `onset_us` until `ends_us`, or until FULL messages wait."""
    first = stage.timeline.index(onset_us)
    arriving = _arriving(stage, user, first)
    full = np.flatnonzero(np.cumsum(arriving) >= min(FULL, _room(stage, user)))
    opens = first + (int(full[0]) + 1 if len(full) else len(arriving))
    if ends_us is not None:
        opens = max(stage.timeline.index(ends_us), first + 1)
    leaving = np.where(np.arange(first, first + len(arriving)) < opens, 0.0, _leaving(stage, user))
    return _pile_up(stage, user, first, opens, arriving, leaving)


def too_much(stage: Stage, user: User, *scales: Scale) -> PileUp:
    """The queue if more is sent to `user` than can be delivered."""
    first = min(scale.first for scale in scales)
    arriving = _arriving(stage, user, first, *scales)
    return _pile_up(stage, user, first, first, arriving, np.full(len(arriving), _leaving(stage, user)))


def _arriving(stage: Stage, user: User, first: int, *scales: Scale) -> Floats:
    """Messages a window for `user` from window `first` on, (windows,)."""
    rates = scaled(stage.world.rates(stage.timeline, first, stage.timeline.windows), scales, first)
    total: Floats = rates[:, stage.world.select(user=user.name, direction="to_user")].sum(axis=1)
    return total


def _leaving(stage: Stage, user: User) -> float:
    return float(np.ceil(stage.world.capacity_per_s[_queue(stage, user)] * stage.timeline.window_s))


def _room(stage: Stage, user: User) -> float:
    return float(stage.world.depth_limit[_queue(stage, user)])


def _queue(stage: Stage, user: User) -> int:
    series = stage.world.select(user=user.name, direction="to_user")
    return int(stage.world.queue_of[int(np.flatnonzero(series)[0])])


def _pile_up(stage: Stage, user: User, first: int, opens: int, arriving: Floats, leaving: Floats) -> PileUp:
    """Lindley's recursion: the new queue is the old queue plus arrivals minus departures, at most the capacity."""
    room, depth, waiting = _room(stage, user), 0.0, []
    for comes, goes in zip(arriving.tolist(), leaving.tolist(), strict=True):
        depth = min(max(depth + comes - goes, 0.0), room)
        waiting.append(depth)
    held = np.array(waiting)
    left = np.flatnonzero(held > 0)
    return PileUp(user, first, opens, held, first + min(int(left[-1]) + 2 if len(left) else 1, len(held)))


def shut_route(stage: Stage, outage: PileUp, *, cause: str | None, name: str, threatens: tuple[str, ...] = ()) -> Story:
    """The User without its messages, and all other Users while the DSP is full."""
    timeline, user = stage.timeline, outage.user
    own = Anomaly(
        id=name,
        kinds=("backlog", "drop", "silence"),
        user=user.name,
        onset_us=timeline.starts_us(outage.first),
        ends_us=timeline.starts_us(outage.drained),
        caused_by=cause,
        origin_user=user.name,
        threatens=threatens,
        missing=stage.taken(stage.others(user) & stage.world.select(message_class="service_response"), outage.first, _lost(outage)),
    )
    block = Block(stage.world.select(user=user.name, direction="to_user"), outage.first, outage.opens)
    return Story((block,), anomalies=(own,)) + felt_by_others(stage, outage, cause=cause, name=name)


def _lost(pile: PileUp) -> Floats:
    """(windows,) Share of the other Users' responses that are lost."""
    return np.asarray(LOST_WHEN_FULL * np.clip((pile.waiting - FELT_FROM) / (FULL - FELT_FROM), 0, 1), np.float64)


def felt_by_others(stage: Stage, pile: PileUp, *, cause: str | None, name: str) -> Story:
    """The other Users' responses while the DSP is full, and the truth about each of those Users."""
    world, timeline = stage.world, stage.timeline
    lost = _lost(pile)
    responses = stage.others(pile.user) & world.select(message_class="service_response")
    felt = np.flatnonzero(lost > VISIBLE)
    if len(felt) == 0 or not responses.any():
        return Story()
    effects: list[Effect] = [Scale(responses, pile.first, 1 - lost)]
    worst = np.flatnonzero(lost > LOST_WHEN_FULL / 2)
    if len(worst):
        effects.append(Fail(responses, pile.first + int(worst[0]), pile.first + int(worst[-1]) + 1, TIMEOUTS, DEVICE_SIDE))
    span_us = (timeline.starts_us(pile.first + int(felt[0])), timeline.starts_us(pile.first + int(felt[-1]) + 1))
    others = tuple(other for other in world.users if other is not pile.user)
    return Story(tuple(effects), anomalies=stage.suffering(others, span_us, cause=cause, origin=pile.user.name, name=name))
