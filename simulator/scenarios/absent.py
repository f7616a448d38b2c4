"""Absent: changes declare an effect that never appears, so that it is doubtful whether they took place."""

from models.times import HOUR_US
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """One User declares silence and another three times its traffic; neither appears. There is one harmless change too."""
    silent, louder = stage.choose("large supplier", "small supplier"), stage.choose("large supplier", "small supplier")
    first, second = stage.between(9, 11), stage.between(10, 14)
    changes = (
        stage.change(
            silent.name,
            "migration",
            "Move the head-end to the new data centre",
            first,
            first + 2 * HOUR_US,
            directions=["to_dsp"],
            disruption="outage",
            expected={"effect": "silent"},
        ),
        stage.change(
            louder.name,
            "schedule",
            "Recreate all reading schedules",
            second,
            second + 2 * HOUR_US,
            directions=["to_dsp"],
            expected={"effect": "up", "factor": 3.0},
        ),
    )
    return Story(changes=changes, harmless=tuple(change.change_id for change in changes)) + harmless_changes(stage, 1)
