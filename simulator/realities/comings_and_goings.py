"""Comings and goings: Users that start some days after the others, and Users that are retired."""

import numpy as np

from simulator.effects import Dark, Effect
from simulator.realities.cast import series_of_some
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """A third of the Users: every other one begins in the first half of the time, the others end in the second, never in the last day."""
    effects: list[Effect] = []
    windows = stage.timeline.windows
    last = stage.timeline.index(stage.timeline.last_day_us)
    for number, series in enumerate(series_of_some(stage, 1 / 3)):
        names = {stage.world.traffic[index].user for index in np.flatnonzero(series)}
        queues = np.array([key.user in names for key in stage.world.queues])
        if number % 2 == 0:
            effects.append(Dark(series, queues, 0, int(stage.draw.uniform(0.1, 0.5) * last)))
        else:
            effects.append(Dark(series, queues, int(stage.draw.uniform(0.5, 0.95) * last), windows))
    return Story(tuple(effects))
