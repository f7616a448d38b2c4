"""Message storm: a new meter data management system floods the DSP with erroneous requests; nobody can commission meters (DP083)."""

from models.times import HOUR_US
from simulator.flood import flood_dsp, some_flood
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """The launch and its storm, and two harmless changes."""
    return launch_storm(stage) + harmless_changes(stage, 2)


def launch_storm(stage: Stage, *, earliest: float = 9, latest: float = 12) -> Story:
    """A supplier goes live with new meter data management between two local hours; its storm follows within the hour."""
    user = stage.choose("large supplier")
    start = stage.between(earliest, latest)
    onset = start + stage.minutes(5, 45)
    change = stage.change(
        user.name,
        "meter_data_management",
        "Go live with the new meter data management system",
        start,
        start + 4 * HOUR_US,
        directions=["to_dsp"],
        systems=["meter data management"],
    )
    flood = some_flood(stage, onset, onset + stage.minutes(60, 180))
    return Story(changes=(change,)) + flood_dsp(stage, user, flood, cause=change.change_id, name="message-storm")
