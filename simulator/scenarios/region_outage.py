"""Region outage: a network loses a region; every User with meters there suffers, and no single User is the cause."""

import numpy as np

from models.change import Change
from models.times import HOUR_US
from simulator.effects import Fail, Scale
from simulator.faults import Span
from simulator.harmless import harmless_changes
from simulator.overload import DEVICE_SIDE
from simulator.story import Stage, Story
from simulator.truth import Anomaly

LEFT = 0.04
RETRIED = 1.4


def build_story(stage: Stage) -> Story:
    """One region out for up to two hours, for every second seed by a declared change of the provider; three harmless changes of Users."""
    region = some_region(stage)
    start = stage.between(9, 15)
    onset = start + stage.minutes(1, 12)
    span = (onset, onset + stage.minutes(25, 120))
    changes: tuple[Change, ...] = ()
    if stage.draw.random() < 0.5:
        changes = (
            stage.change(
                f"CSP-{region.upper()}",
                "network",
                f"Software update of the core network, {region}",
                start,
                start + 3 * HOUR_US,
                source="service_provider",
                regions=[region],
            ),
        )
    outage = lose_region(stage, region, span, cause=changes[0].change_id if changes else None, name="region-outage")
    return outage + Story(changes=changes) + harmless_changes(stage, 3, earliest=8, latest=15)


def some_region(stage: Stage) -> str:
    """A region in which several Users have traffic, if there is one."""
    regions = sorted({key.region for key in stage.world.traffic if key.region})
    served = [len({key.user for key in stage.world.traffic if key.region == region}) for region in regions]
    busy = [region for region, users in zip(regions, served, strict=True) if users >= min(3, max(served))]
    return busy[int(stage.draw.integers(len(busy)))]


def lose_region(stage: Stage, region: str, span: Span, *, cause: str | None, name: str) -> Story:
    """No response comes from the region's devices; requests are sent again and time out."""
    there = stage.world.select(region=region)
    to_user = there & stage.world.select(direction="to_user")
    responses = there & stage.world.select(message_class="service_response")
    first, last = stage.timeline.index(span[0]), stage.timeline.index(span[1])
    effects = (
        Scale(to_user, *stage.timeline.curve(*span, factor=LEFT)),
        Scale(there & ~to_user, *stage.timeline.curve(*span, factor=RETRIED, ramp_s=120)),
        Fail(responses, first, last, 0.6, DEVICE_SIDE),
    )
    kinds = ("backlog", "drop", "failures", "silence", "storm")
    whole = Anomaly(name, kinds, None, span[0], stage.clip(span[1]), caused_by=cause, region=region)
    users = {stage.world.traffic[series].user for series in np.flatnonzero(there)}
    suffering = tuple(user for user in stage.world.users if user.name in users)
    clipped = (span[0], stage.clip(span[1]))
    return Story(effects, anomalies=(whole, *stage.suffering(suffering, clipped, cause=cause, origin=None, name=name)))
