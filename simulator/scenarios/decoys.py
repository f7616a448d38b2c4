"""Decoys: one incident among many changes without effect that are close in time, in scope or in kind."""

from collections.abc import Callable

from models.change import Change
from models.times import HOUR_US, MINUTE_US
from simulator.faults import some_fault
from simulator.harmless import harmless_changes, routine
from simulator.scenarios.region_outage import lose_region, some_region
from simulator.scenarios.weather import build_story as weather
from simulator.story import Stage, Story

CAUSES = ("declared", "declared", "declared", "undeclared", "region", "weather")


def build_story(stage: Stage) -> Story:
    """At random: a declared or undeclared change that goes wrong, a region's outage or weather; with eight to twenty decoys around it."""
    cause = CAUSES[int(stage.draw.integers(len(CAUSES)))]
    if cause == "weather":
        return weather(stage) + harmless_changes(stage, 10, earliest=5, latest=20)
    onset = stage.between(10, 14)
    span = (onset, onset + stage.minutes(45, 120))
    if cause == "region":
        outage = lose_region(stage, some_region(stage), span, cause=None, name="region-outage")
        return outage + _around(stage, onset, [user.name for user in stage.world.users])
    name, fault = some_fault(stage)
    user = stage.choose("large supplier", "small supplier", "electricity network", "other User")
    changes: tuple[Change, ...] = ()
    if cause == "declared":
        start = onset - stage.minutes(0, 25)
        changes = (stage.change(user.name, fault.category, fault.title, start, start + 2 * HOUR_US, directions=list(fault.directions)),)
    trouble = fault.happen(stage, user, span, changes[0].change_id if changes else None, name)
    others = [other.name for other in stage.world.users if other is not user]
    return trouble + Story(changes=changes) + _around(stage, onset, others or ["DCC"]) + _of_the_same_user(stage, user.name, span)


def _around(stage: Stage, onset_us: int, owners: list[str]) -> Story:
    """Changes of other owners that begin at the same time, just before, just after, or hours away."""
    starts: tuple[Callable[[], int], ...] = (
        lambda: onset_us - stage.minutes(0, 10),
        lambda: onset_us - stage.minutes(15, 60),
        lambda: onset_us + stage.minutes(1, 30),
        lambda: onset_us - stage.minutes(180, 400),
        lambda: onset_us + stage.minutes(120, 300),
    )
    story = Story()
    for number in range(int(stage.draw.integers(8, 17))):
        category, title = routine(stage)
        start = starts[number % len(starts)]()
        owner = "DCC" if number % 6 == 5 else owners[int(stage.draw.integers(len(owners)))]
        moved = stage.change(owner, category, title, start, start + int(stage.draw.integers(1, 4)) * HOUR_US)
        story += Story(changes=(moved,), harmless=(moved.change_id,))
    return story


def _of_the_same_user(stage: Stage, owner: str, span: tuple[int, int]) -> Story:
    """Its own changes that can't be the cause: finished long before, begun long after the onset, or in another service."""
    onset, ends = span
    over, late = onset - stage.minutes(360, 480), min(onset + 40 * MINUTE_US, ends)
    changes = (
        stage.change(owner, "release", "Reporting portal release", over, over + HOUR_US),
        stage.change(owner, "network", "Replace an access switch in the second data centre", late, late + 2 * HOUR_US),
        stage.change(owner, "schedule", "Read the reactive profile of one customer", onset - 5 * MINUTE_US, ends, services=["4.8.2"]),
    )
    return Story(changes=changes, harmless=tuple(change.change_id for change in changes))
