"""Telemetry gap: our own feed is interrupted while the traffic continues; that is stale, not silence."""

import numpy as np

from simulator.effects import Dark
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story
from simulator.truth import Anomaly


def build_story(stage: Stage) -> Story:
    """A few Users, or all of them for every third seed, are not reported for a while; three harmless changes."""
    onset = stage.timeline.starts_us(stage.timeline.index(stage.between(8, 18)))
    ends = stage.clip(onset + stage.minutes(15, 60))
    everyone = stage.draw.random() < 1 / 3 or len(stage.world.users) < 4
    count = len(stage.world.users) if everyone else int(stage.draw.integers(1, 4))
    dark = frozenset(user.name for user in stage.world.users) if everyone else frozenset(stage.choose().name for _ in range(count))
    queues = np.array([queue.user in dark for queue in stage.world.queues], dtype=np.bool_)
    effect = Dark(stage.world.select(user=dark), queues, stage.timeline.index(onset), stage.timeline.index(ends))
    anomalies = (
        (Anomaly("telemetry-gap", ("stale",), None, onset, ends),)
        if everyone
        else tuple(Anomaly(f"telemetry-gap-{user}", ("stale",), user, onset, ends) for user in sorted(dark))
    )
    return Story((effect,), anomalies=anomalies) + harmless_changes(stage, 3)
