"""Spikes: a program that runs every five minutes and sends the collected messages within one minute."""

import numpy as np

from models.times import MINUTE_US
from simulator.effects import Scale
from simulator.realities.cast import series_of_some
from simulator.story import Stage, Story

EVERY_MIN = 5


def build_story(stage: Stage) -> Story:
    """A quarter of the Users: four fifths of the messages of five minutes come in one minute; longer windows hardly show it."""
    effects = []
    for series in series_of_some(stage, 1 / 4):
        at = int(stage.draw.integers(EVERY_MIN))
        middle = stage.timeline.ends_us(0, stage.timeline.windows) - stage.timeline.window_us // 2
        spike = middle // MINUTE_US % EVERY_MIN == at
        effects.append(Scale(series, 0, np.where(spike, 0.8 * EVERY_MIN, 0.25) if stage.timeline.window_s <= 60 else np.ones(len(spike))))
    return Story(tuple(effects))
