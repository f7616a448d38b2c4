"""Bad release: a User's declared release gets its requests wrong, and the DSP refuses them."""

from models.times import HOUR_US
from simulator.faults import FAULTS
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """E-codes of the User's own side from the release on, until it is rolled back; two harmless changes."""
    fault = FAULTS["bad-requests"]
    user = stage.choose("large supplier", "small supplier")
    start = stage.between(9, 14)
    onset = start + stage.minutes(1, 15)
    change = stage.change(user.name, fault.category, fault.title, start, start + 2 * HOUR_US, directions=list(fault.directions))
    trouble = fault.happen(stage, user, (onset, onset + stage.minutes(45, 150)), change.change_id, "bad-release")
    return trouble + Story(changes=(change,)) + harmless_changes(stage, 2)
