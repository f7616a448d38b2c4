"""Two incidents: the changes of two Users go wrong in the same minute, and neither has to do with the other."""

from models.times import HOUR_US
from simulator.faults import FAULTS
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story

_FIRST = ("route-shut", "falls-silent", "bad-requests")
_SECOND = ("flood", "falls-silent", "bad-requests")


def build_story(stage: Stage) -> Story:
    """Two faults at two Users, each with its own declared change; two harmless changes of others."""
    onset = stage.between(9, 14)
    story = Story()
    for number, names in enumerate((_FIRST, _SECOND)):
        fault = FAULTS[names[int(stage.draw.integers(len(names)))]]
        user = stage.choose("large supplier", "small supplier")
        start = onset - stage.minutes(1, 15)
        change = stage.change(user.name, fault.category, fault.title, start, start + 2 * HOUR_US, directions=list(fault.directions))
        span = (onset, onset + stage.minutes(60, 150))
        story += fault.happen(stage, user, span, change.change_id, f"incident-{number + 1}") + Story(changes=(change,))
    return story + harmless_changes(stage, 2)
