"""Firewall: a User's declared firewall change shuts the route to it, 1,500,000 messages pile up and everyone feels it (DP083)."""

from models.times import HOUR_US
from simulator.harmless import bcdr_test, harmless_changes
from simulator.overload import cut_off, shut_route
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """The shut route with the disaster recovery test that it threatens, and two harmless changes."""
    return firewall_change(stage) + harmless_changes(stage, 2)


def firewall_change(stage: Stage) -> Story:
    """A large supplier's route shut until 1,500,000 messages wait for it; DCC planned a disaster recovery test for that day."""
    user = stage.choose("large supplier", busiest=1)
    start = stage.between(8, 9.5)
    onset = start + stage.minutes(2, 20)
    change = stage.change(
        user.name,
        "firewall",
        "Replace the perimeter firewall and its rules",
        start,
        start + 2 * HOUR_US,
        directions=["to_user"],
        return_to_normal_risk="Low: the old rules can be put back within the hour",
    )
    outage = cut_off(stage, user, onset)
    opens = stage.timeline.starts_us(outage.opens)
    test_starts = min(max(onset + 3 * HOUR_US, opens - HOUR_US), stage.at(19)) // HOUR_US * HOUR_US
    recovery_test = bcdr_test(stage, test_starts)
    route = shut_route(stage, outage, cause=change.change_id, name="firewall", threatens=recovery_test.harmless)
    return route + Story(changes=(change,)) + recovery_test
