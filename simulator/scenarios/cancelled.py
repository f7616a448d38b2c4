"""Cancelled: a change is cancelled, and then something goes wrong at the same User anyway. The change can't be the cause."""

from models.times import HOUR_US, instant
from simulator.faults import some_fault
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """A change cancelled hours ahead in its second revision, and an undeclared fault in its former window; two harmless changes."""
    name, fault = some_fault(stage, "route-shut", "falls-silent", "bad-requests")
    user = stage.choose("large supplier", "small supplier")
    start = stage.between(10, 13)
    change = stage.change(user.name, fault.category, fault.title, start, start + 2 * HOUR_US, directions=list(fault.directions))
    called_off = change.model_copy(update={"revision": 2, "status": "cancelled", "updated_at": instant(start - stage.minutes(120, 240))})
    onset = start + stage.minutes(5, 60)
    trouble = fault.happen(stage, user, (onset, onset + stage.minutes(45, 120)), None, name)
    return trouble + Story(changes=(change, called_off), harmless=(change.change_id,)) + harmless_changes(stage, 2)
