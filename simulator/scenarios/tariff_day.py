"""Tariff day: on a price-cap day suppliers send new prices to every meter, as much as they declared."""

from models.change import Change
from models.times import HOUR_US
from simulator.effects import Effect, Scale
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """Several suppliers' tariff runs, each 5 to 20 times its usual price updates and declared accordingly; two harmless changes."""
    suppliers = [user for user in stage.world.users if "supplier" in user.role.name and "agent" not in user.role.name]
    count = min(len(suppliers), int(stage.draw.integers(2, 6)))
    effects: list[Effect] = []
    changes: list[Change] = []
    for index in sorted(stage.draw.choice(len(suppliers), count, replace=False).tolist()):
        user = suppliers[index]
        stage.cast.add(user.name)
        start = stage.between(6, 11)
        end = start + int(stage.draw.integers(2, 6)) * HOUR_US
        factor = float(stage.draw.uniform(5, 20))
        prices = stage.world.select(user=user.name, service="1.1.1")
        effects.append(Scale(prices, *stage.timeline.curve(start, end, factor=factor, ramp_s=600)))
        effects.append(
            Scale(
                stage.world.select(user=user.name, message_class="acknowledgement"),
                *stage.timeline.curve(start, end, factor=1 + factor / 10, ramp_s=600),
            )
        )
        envelope = {
            "effect": "up",
            "factor": round(factor * float(stage.draw.uniform(0.9, 1.2)), 1),
            "message_classes": ["acknowledgement", "signed_pre_command"],
        }
        changes.append(stage.change(user.name, "tariff", "New prices for all meters", start, end, disruption="none", expected=envelope))
    declared = Story(tuple(effects), tuple(changes), as_expected=tuple(change.change_id for change in changes))
    return declared + harmless_changes(stage, 2)
