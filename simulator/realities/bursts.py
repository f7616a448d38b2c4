"""Bursts: batch jobs that start at irregular minutes, as often and about as large each time."""

import numpy as np

from models.times import DAY_US
from simulator.effects import Effect, Scale
from simulator.realities.cast import series_of_some, whole_days
from simulator.story import Stage, Story

A_DAY = 1.2


def build_story(stage: Stage) -> Story:
    """A third of the Users: about 1.2 bursts a day, ×3 to ×8 (each User's own factor, ± 10 %) for 3 to 9 minutes; one at a time."""
    effects: list[Effect] = []
    for series in series_of_some(stage, 1 / 3):
        usual, lasts = float(np.exp(stage.draw.uniform(np.log(3), np.log(8)))), stage.draw.uniform(3, 9)
        busy = np.zeros(stage.timeline.windows, np.bool_)
        for day in range(whole_days(stage)):
            for _ in range(int(stage.draw.poisson(A_DAY))):
                start = stage.timeline.start_us + int((day + stage.draw.random()) * DAY_US)
                length = max(stage.timeline.window_us, int(lasts * stage.draw.uniform(0.8, 1.2) * 60e6))
                factor = usual * float(stage.draw.uniform(0.9, 1.1))
                first, curve = stage.timeline.curve(start, start + length, factor=factor)
                span = slice(first, first + len(curve))
                if not busy[span].any():
                    effects.append(Scale(series, first, curve))
                busy[span] = True
    return Story(tuple(effects))
