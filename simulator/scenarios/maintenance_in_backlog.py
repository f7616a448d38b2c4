"""Maintenance in a backlog: DCC takes one service down as it declared, while one User's backlog of that day still drains."""

from models.times import MINUTE_US
from simulator.effects import Scale
from simulator.harmless import harmless_changes
from simulator.overload import cut_off, shut_route
from simulator.story import Stage, Story
from simulator.truth import Anomaly

_LEAST_USERS = 3


def build_story(stage: Stage) -> Story:
    """A shut route that was opened again, and in its drain a declared silence that has nothing to do with it; two harmless changes."""
    user = stage.choose("large supplier", "small supplier")
    start = stage.between(8, 11)
    onset = start + stage.minutes(2, 15)
    change = stage.change(
        user.name, "network", "Move the link to the DSP to another carrier", start, start + stage.minutes(120, 240), directions=["to_user"]
    )
    outage = cut_off(stage, user, onset, onset + stage.minutes(120, 240))
    opens, drained = (stage.timeline.starts_us(window) for window in (outage.opens, outage.drained))
    begins = opens + max(round((drained - opens) * float(stage.draw.uniform(0.1, 0.5))) // MINUTE_US, 1) * MINUTE_US
    route = shut_route(stage, outage, cause=change.change_id, name="route-shut") + Story(changes=(change,))
    return route + _maintenance(stage, begins, stage.clip(begins + stage.minutes(45, 90))) + harmless_changes(stage, 2)


def _maintenance(stage: Stage, begins: int, ends: int) -> Story:
    """One service of several Users, silent as DCC declared."""
    users: dict[str, set[str]] = {}
    for key in stage.world.traffic:
        if key.message_class == "service_response":
            users.setdefault(key.service, set()).add(key.user)
    services = sorted(service for service, of in users.items() if len(of) >= min(_LEAST_USERS, max(map(len, users.values()))))
    service = services[int(stage.draw.integers(len(services)))]
    change = stage.change(
        "DCC",
        "planned_maintenance",
        f"Maintenance of service {service}",
        begins,
        ends,
        status="confirmed",
        services=[service],
        disruption="outage",
        return_to_normal_risk="Low: the service starts within minutes",
        expected={"effect": "silent"},
    )
    names = {stage.world.traffic[index].user for index in stage.world.select(service=service).nonzero()[0].tolist()}
    silent = Scale(stage.world.select(service=service), *stage.timeline.curve(begins, ends, factor=0.0))
    anomalies = tuple(
        Anomaly(
            f"maintenance-{name}",
            ("drop", "silence"),
            name,
            begins,
            ends,
            caused_by=change.change_id,
            collateral=True,
            services=(service,),
        )
        for name in sorted(names)
    )
    return Story((silent,), (change,), anomalies, as_expected=(change.change_id,))
