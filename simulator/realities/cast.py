"""Cast: the Users to which a reality applies."""

import numpy as np

from models.columns import Flags
from simulator.story import Stage


def series_of_some(stage: Stage, share: float) -> list[Flags]:
    """The series of a share of the Users (at least one User), one mask per User, chosen at random."""
    names = [user.name for user in stage.world.users]
    count = max(1, round(share * len(names)))
    chosen = stage.draw.choice(len(names), count, replace=False)
    return [stage.world.select(user=names[index]) for index in sorted(chosen.tolist())]


def whole_days(stage: Stage) -> int:
    """Days of the simulation, including a partial last day."""
    return int(np.ceil(stage.timeline.windows * stage.timeline.window_s / 86_400))
