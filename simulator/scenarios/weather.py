"""Weather: a storm cuts the power of a region; outage alerts come in bursts, and no change is the cause."""

import numpy as np

from simulator.effects import Scale
from simulator.faults import Span
from simulator.harmless import harmless_changes
from simulator.overload import too_much
from simulator.story import Stage, Story
from simulator.truth import Anomaly

OUTAGE_CODES = frozenset({"8F36", "AD1"})
RESTORED_CODE = "8F35"
GROUPED_MIN = 3
"""Power outage alerts are grouped in windows of three minutes (DCC's performance measurement methodology)."""


def build_story(stage: Stage) -> Story:
    """Bursts of AD1 and 8F36, restorations after them, with four harmless changes of the Users concerned and of others."""
    homes = sorted({user.home for user in stage.world.users if user.role.name == "electricity network"})
    onset = stage.between(6, 18)
    span = (onset, onset + stage.minutes(20, 90))
    if not homes:
        return harmless_changes(stage, 4)
    return power_cuts(stage, homes[int(stage.draw.integers(len(homes)))], span) + harmless_changes(stage, 4, earliest=5, latest=18)


def power_cuts(stage: Stage, region: str, span: Span) -> Story:
    """Power cuts in groups of three minutes, of random strength; the supply returns later."""
    there = stage.world.select(region=region)
    cuts = there & stage.world.select(service=OUTAGE_CODES)
    back = there & stage.world.select(service=RESTORED_CODE)
    strength = float(np.exp(stage.draw.uniform(np.log(10), np.log(60))))
    first, shape = stage.timeline.curve(*span, factor=strength, ramp_s=600)
    group = max(1, GROUPED_MIN * 60 // stage.timeline.window_s)
    gusts = np.repeat(stage.draw.lognormal(0, 0.6, len(shape) // group + 1), group)[: len(shape)]
    delay = stage.timeline.index(span[0] + stage.minutes(15, 40)) - stage.timeline.index(span[0])
    ends = stage.clip(stage.timeline.starts_us(first + delay + len(shape)))
    effects = (Scale(cuts, first, np.maximum(shape * gusts, 1.0)), Scale(back, first + delay, np.maximum(shape * gusts / 2, 1.0)))
    names = {stage.world.traffic[series].user for series in np.flatnonzero(cuts | back)}
    touched = [user for user in stage.world.users if user.name in names]
    drained = {user.name: stage.timeline.starts_us(too_much(stage, user, *effects).drained) for user in touched}
    # The bursts may exceed the delivery rate: then they wait, and everything else for that User too.
    kinds = ("backlog", "drop", "storm")
    return Story(
        effects,
        anomalies=tuple(
            Anomaly(f"weather-{user.name}", kinds, user.name, span[0], max(ends, drained[user.name]), region=region, weather=True)
            for user in touched
        ),
    )
