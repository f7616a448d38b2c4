"""Clock change: the weekend on which people's traffic moves by an hour and UTC schedules do not; nothing is wrong."""

from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """Three harmless changes."""
    return harmless_changes(stage, 3)
