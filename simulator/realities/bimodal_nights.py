"""Bimodal nights: a large job runs on some nights and not on others, in no order."""

from models.times import DAY_US, HOUR_US
from simulator.effects import Effect, Scale
from simulator.realities.cast import series_of_some, whole_days
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """A third of the Users: every second night on average, at random, ×1.7 to ×2.5 from about midnight to about five."""
    effects: list[Effect] = []
    for series in series_of_some(stage, 1 / 3):
        factor = float(stage.draw.uniform(1.7, 2.5))
        for day in range(whole_days(stage)):
            if stage.draw.random() < 0.5:
                start = (stage.timeline.start_us // DAY_US + day) * DAY_US + int(stage.draw.uniform(-0.25, 0.25) * HOUR_US)
                end = start + int(stage.draw.uniform(4.75, 5.25) * HOUR_US)
                effects.append(Scale(series, *stage.timeline.curve(start, end, factor=factor, ramp_s=600)))
    return Story(tuple(effects))
