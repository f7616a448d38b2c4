"""Storm beside habits: a User sends as much more as it declared, while others dip as they do on every evening."""

from models.times import DAY_US, HOUR_US, MINUTE_US
from simulator.effects import Effect, Scale
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story
from simulator.world import User


def build_story(stage: Stage) -> Story:
    """A tariff run within its envelope, and two or three Users that carry less at that hour of each day; two harmless changes."""
    user = stage.choose("large supplier", "small supplier")
    start = stage.between(17, 20)
    factor = float(stage.draw.uniform(5, 15))
    change = stage.change(
        user.name,
        "tariff",
        "New prices for all meters",
        start,
        start + int(stage.draw.integers(1, 3)) * HOUR_US,
        disruption="none",
        expected={
            "effect": "up",
            "factor": round(factor * float(stage.draw.uniform(0.9, 1.2)), 1),
            "message_classes": ["acknowledgement", "signed_pre_command"],
        },
    )
    span = start, start + round((change.planned_end - change.planned_start).total_seconds()) * 1_000_000
    run = (
        Scale(stage.world.select(user=user.name, service="1.1.1"), *stage.timeline.curve(*span, factor=factor, ramp_s=600)),
        Scale(
            stage.world.select(user=user.name, message_class="acknowledgement"),
            *stage.timeline.curve(*span, factor=1 + factor / 10, ramp_s=600),
        ),
    )
    dips: list[Effect] = []
    for _ in range(int(stage.draw.integers(2, 4))):
        dips += _dips(stage, stage.choose(), start + stage.minutes(2, 15))
    declared = Story((*run, *dips), (change,), as_expected=(change.change_id,))
    return declared + harmless_changes(stage, 2)


def _dips(stage: Stage, user: User, last_us: int) -> list[Effect]:
    """A quarter to a half of the User's usual traffic for some 20 to 40 minutes of every day, to some minutes."""
    own = stage.world.select(user=user.name)
    left, lasts = float(stage.draw.uniform(0.25, 0.5)), stage.minutes(20, 40)
    days = (stage.timeline.last_day_us - stage.timeline.start_us) // DAY_US
    starts = [last_us - day * DAY_US + stage.minutes(0, 6) - 3 * MINUTE_US for day in range(1, days + 1)]
    return [Scale(own, *stage.timeline.curve(start, start + lasts, factor=left)) for start in (*starts, last_us)]
