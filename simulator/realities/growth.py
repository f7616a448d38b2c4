"""Growth: a User that installs thousands of meters carries a little more each day."""

import numpy as np

from models.times import DAY_US
from simulator.effects import Scale
from simulator.realities.cast import series_of_some
from simulator.story import Stage, Story

A_DAY = 1.02


def build_story(stage: Stage) -> Story:
    """A third of the Users, 2 % a day; after seven weeks they stay at two and a half times their first level."""
    days = (stage.timeline.ends_us(0, stage.timeline.windows) - stage.timeline.start_us) / DAY_US
    factor = A_DAY ** np.minimum(days, 49.0)
    return Story(tuple(Scale(series, 0, factor) for series in series_of_some(stage, 1 / 3)))
