"""Spilt windows: most of a window's messages are counted in the next one; none is lost."""

from simulator.effects import Effect, Slide
from simulator.realities.cast import series_of_some, whole_days
from simulator.story import Stage, Story

A_DAY = 2.0


def build_story(stage: Stage) -> Story:
    """Half of the Users: about twice a day 50 to 90 % of a window slides into the next one."""
    effects: list[Effect] = []
    for series in series_of_some(stage, 1 / 2):
        for _ in range(int(stage.draw.poisson(A_DAY * whole_days(stage)))):
            window = int(stage.draw.integers(stage.timeline.windows))
            share = float(stage.draw.uniform(0.5, 0.9))
            effects.append(Slide(series, window, share))
    return Story(tuple(effects))
