"""Retry storm: a release of the DSP refuses all requests for minutes, then everyone retries at once; the cause is not a User."""

import numpy as np

from models.times import HOUR_US, MINUTE_US
from simulator.effects import Scale
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story
from simulator.truth import Anomaly


def build_story(stage: Stage) -> Story:
    """DCC's release, the refusals after it and the decaying retries; three harmless changes of Users."""
    start = stage.between(9, 15)
    onset = start + stage.minutes(1, 10)
    back = onset + stage.minutes(5, 12)
    ends = stage.clip(back + stage.minutes(25, 50))
    change = stage.change(
        "DCC",
        "release",
        "Release of the request gateway",
        start,
        start + HOUR_US,
        systems=["request gateway"],
        return_to_normal_risk="Low: the former release can be put back",
    )
    peak = float(stage.draw.uniform(4, 10))
    asked = stage.world.select(direction="to_dsp")
    answered = stage.world.select(message_class=frozenset({"acknowledgement", "service_response"}))
    first, last = stage.timeline.index(back), stage.timeline.index(ends)
    decay = 1 + (peak - 1) * np.exp(-np.arange(last - first) * stage.timeline.window_us / (8 * MINUTE_US))
    effects = (
        Scale(answered, *stage.timeline.curve(onset, back, factor=0.03)),
        Scale(asked, first, decay),
        Scale(answered, first, np.minimum(decay, 2.5)),
    )
    kinds = ("backlog", "drop", "failures", "silence", "storm")
    whole = Anomaly("retry-storm", kinds, None, onset, ends, caused_by=change.change_id)
    return Story(effects, (change,), (whole,)) + harmless_changes(stage, 3, earliest=8, latest=15)
