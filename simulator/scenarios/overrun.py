"""Overrun: a User is silent as it declared, and is still silent when its window is over."""

from models.times import HOUR_US
from simulator.faults import falls_silent
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """Silence as declared, then one to two hours of undeclared silence; two harmless changes."""
    user = stage.choose("large supplier", "small supplier")
    start = stage.between(9, 12)
    planned_end = start + HOUR_US
    change = stage.change(
        user.name,
        "migration",
        "Move the head-end to the new data centre",
        start,
        planned_end,
        directions=["to_dsp", "to_user"],
        disruption="outage",
        expected={
            "effect": "silent",
            "message_classes": ["acknowledgement", "service_request", "service_response", "signed_pre_command"],
        },
    )
    ends = planned_end + stage.minutes(60, 120)
    planned = falls_silent(stage, user, (start, planned_end), change.change_id, "planned")
    beyond = falls_silent(stage, user, (planned_end, ends), change.change_id, "overrun")
    return Story(planned.effects, (change,)) + beyond + harmless_changes(stage, 2)
