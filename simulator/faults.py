"""Faults: the ways in which one User's change goes wrong, each with the kind of change that would explain it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator.effects import Fail, Scale
from simulator.flood import flood_dsp, some_flood
from simulator.overload import cut_off, felt_by_others, shut_route, too_much
from simulator.story import Stage, Story
from simulator.truth import Anomaly
from simulator.world import User

Span = tuple[int, int]
"""Beginning and end, µs."""


ALERTS = frozenset({"device_alert", "dcc_alert"})


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault: the kind of change that causes it, and its effect on the world."""

    category: str
    title: str
    directions: tuple[str, ...]
    happen: Callable[[Stage, User, Span, str | None, str], Story]
    """(stage, User, span, change behind it or None, id of the anomaly) → effects and truth."""


def route_shut(stage: Stage, user: User, span: Span, cause: str | None, name: str) -> Story:
    """Nothing reaches the User; it waits at the DSP and drains afterwards."""
    return shut_route(stage, cut_off(stage, user, *span), cause=cause, name=name)


def flood(stage: Stage, user: User, span: Span, cause: str | None, name: str) -> Story:
    """A storm of erroneous requests; everyone's commissioning suffers."""
    return flood_dsp(stage, user, some_flood(stage, *span), cause=cause, name=name)


def falls_silent(stage: Stage, user: User, span: Span, cause: str | None, name: str) -> Story:
    """The User sends nothing and therefore gets no responses; alerts from devices continue."""
    own = stage.world.select(user=user.name)
    asked = own & stage.world.select(direction="to_dsp")
    answered = own & stage.world.select(message_class=frozenset({"service_response", "acknowledgement"}))
    effects = (
        Scale(asked, *stage.timeline.curve(*span, factor=0.0)),
        Scale(answered, *stage.timeline.curve(*span, factor=0.02)),
    )
    return Story(effects, anomalies=(_own(stage, user, span, ("drop", "silence"), cause, name),))


def bad_requests(stage: Stage, user: User, span: Span, cause: str | None, name: str) -> Story:
    """A release with wrong requests: the DSP refuses many of them, and those have no response."""
    own = stage.world.select(user=user.name)
    asked = own & stage.world.select(direction="to_dsp")
    refused = float(stage.draw.uniform(0.25, 0.7))
    first, last = stage.timeline.index(span[0]), stage.timeline.index(span[1])
    effects = (
        Fail(asked, first, last, refused, int(stage.world.code_pair[np.flatnonzero(asked)[0]])),
        Scale(own & stage.world.select(message_class="service_response"), *stage.timeline.curve(*span, factor=1 - refused)),
    )
    return Story(effects, anomalies=(_own(stage, user, span, ("drop", "failures"), cause, name),))


def device_alerts(stage: Stage, user: User, span: Span, cause: str | None, name: str) -> Story:
    """New firmware whose meters raise more alerts than can be delivered."""
    alerts = stage.world.select(user=user.name, direction="to_user") & stage.world.select(message_class=ALERTS)
    factor = float(np.exp(stage.draw.uniform(np.log(5), np.log(15))))
    storm = Scale(alerts, *stage.timeline.curve(*span, factor=factor, ramp_s=300))
    pile = too_much(stage, user, storm)
    ends = max(span[1], stage.timeline.starts_us(pile.drained))
    own = _own(stage, user, (span[0], ends), ("backlog", "drop", "storm"), cause, name)
    return Story((storm,), anomalies=(own,)) + felt_by_others(stage, pile, cause=cause, name=name)


def _own(stage: Stage, user: User, span: Span, kinds: tuple[str, ...], cause: str | None, name: str) -> Anomaly:
    start_us, end_us = span
    return Anomaly(name, kinds, user.name, start_us, stage.clip(end_us), caused_by=cause, origin_user=user.name)


FAULTS: dict[str, Fault] = {
    "route-shut": Fault("firewall", "Replace the perimeter firewall and its rules", ("to_user",), route_shut),
    "flood": Fault("meter_data_management", "Go live with the new meter data management system", ("to_dsp",), flood),
    "falls-silent": Fault("migration", "Move the head-end to the new data centre", ("to_dsp",), falls_silent),
    "bad-requests": Fault("release", "Release of the request builder", ("to_dsp",), bad_requests),
    "device-alerts": Fault("firmware", "Roll out firmware to a cohort of meters", ("to_user",), device_alerts),
}


def some_fault(stage: Stage, *names: str) -> tuple[str, Fault]:
    """One of these faults; one of all faults if none is named."""
    choice = names or tuple(FAULTS)
    name = choice[int(stage.draw.integers(len(choice)))]
    return name, FAULTS[name]
