"""Absent: changes declare an effect that never comes, so that one asks whether they happened at all."""

from models.times import HOUR_US
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def tell(stage: Stage) -> Story:
    """One User announces silence and another three times its traffic; neither shows. One harmless change besides."""
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
            "Create all reading schedules anew",
            second,
            second + 2 * HOUR_US,
            directions=["to_dsp"],
            expected={"effect": "up", "factor": 3.0},
        ),
    )
    return Story(changes=changes, harmless=tuple(change.change_id for change in changes)) + harmless_changes(stage, 1)
