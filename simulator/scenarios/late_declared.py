"""Late declared: a change goes wrong first and is declared afterwards; before that nobody can know of it."""

from models.times import HOUR_US
from simulator.faults import some_fault
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """A fault, and its change declared 20 to 60 minutes after its beginning; three harmless changes of others."""
    name, fault = some_fault(stage, "route-shut", "falls-silent", "bad-requests")
    user = stage.choose("large supplier", "small supplier")
    start = stage.between(9, 14)
    onset = start + stage.minutes(1, 10)
    change = stage.change(
        user.name,
        fault.category,
        fault.title,
        start,
        start + 2 * HOUR_US,
        directions=list(fault.directions),
        declared_at=onset + stage.minutes(20, 60),
    )
    trouble = fault.happen(stage, user, (onset, onset + stage.minutes(90, 180)), change.change_id, name)
    return trouble + Story(changes=(change,)) + harmless_changes(stage, 3)
