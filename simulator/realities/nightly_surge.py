"""Nightly surge: a job is scheduled for 22:00 from one week on, and runs every night from then."""

from models.civil_time import BRITAIN, utc_offset_us
from models.times import DAY_US, HOUR_US
from simulator.effects import Effect, Scale
from simulator.realities.cast import series_of_some, whole_days
from simulator.story import Stage, Story

FIRST_DAY = 7
HOUR = 22


def build_story(stage: Stage) -> Story:
    """A quarter of the Users: from the eighth day on ×2.5 to ×4 for 10 to 60 minutes from 22:00 local time, to the minute."""
    effects: list[Effect] = []
    for series in series_of_some(stage, 1 / 4):
        factor, lasts = float(stage.draw.uniform(2.5, 4.0)), int(stage.draw.uniform(10, 60)) * 60_000_000
        for day in range(FIRST_DAY, whole_days(stage)):
            midnight = (stage.timeline.start_us // DAY_US + day) * DAY_US
            shift = utc_offset_us(midnight + HOUR * HOUR_US, BRITAIN)
            start = midnight + HOUR * HOUR_US - shift
            effects.append(Scale(series, *stage.timeline.curve(start, start + lasts, factor=factor * float(stage.draw.uniform(0.9, 1.1)))))
    return Story(tuple(effects))
