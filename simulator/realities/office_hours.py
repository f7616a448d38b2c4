"""Office hours: a User whose systems send messages only while its people work."""

import numpy as np

from models.civil_time import BRITAIN, local_us
from models.times import DAY_US, HOUR_US
from simulator.effects import Scale
from simulator.realities.cast import series_of_some
from simulator.story import Stage, Story

OPENS, CLOSES = 8, 18
SATURDAY = 5


def build_story(stage: Stage) -> Story:
    """A third of the Users: nothing outside 08:00 to 18:00 local time, Monday to Friday; ordinary traffic within."""
    middle = local_us(stage.timeline.ends_us(0, stage.timeline.windows) - stage.timeline.window_us // 2, BRITAIN)
    hour, weekday = middle % DAY_US / HOUR_US, (middle // DAY_US + 3) % 7
    open_ = (hour >= OPENS) & (hour < CLOSES) & (weekday < SATURDAY)
    return Story(tuple(Scale(series, 0, np.where(open_, 1.0, 0.0)) for series in series_of_some(stage, 1 / 3)))
