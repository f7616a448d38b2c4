"""Planned maintenance: DCC takes part of the Data Service down in the evening, as the month's schedule announced."""

from models.times import HOUR_US
from simulator.effects import Scale
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """A dip of everyone's requests and responses, as deep and as long as declared; two harmless changes."""
    start = stage.at(float(stage.draw.integers(19, 21)))
    end = start + int(stage.draw.integers(1, 3)) * HOUR_US
    left = float(stage.draw.uniform(0.15, 0.6))
    change = stage.change(
        "DCC",
        "planned_maintenance",
        "Maintenance of the Data Service: one of two sites out of service",
        start,
        end,
        status="confirmed",
        systems=["Data Service"],
        disruption="outage",
        return_to_normal_risk="Medium: the site may need up to 30 minutes to take traffic again",
        expected={
            "effect": "down",
            "factor": round(left, 2),
            "message_classes": ["acknowledgement", "service_request", "service_response", "signed_pre_command"],
        },
    )
    touched = ~stage.world.select(message_class=frozenset({"device_alert", "dcc_alert"}))
    dip = Scale(touched, *stage.timeline.curve(start, end, factor=left, ramp_s=120))
    return Story((dip,), (change,), as_expected=(change.change_id,)) + harmless_changes(stage, 2)
