"""Day: two ordinary days to learn from, then a day with both incidents of the problem statement and four harmless changes."""

from simulator.harmless import harmless_changes
from simulator.scenarios.firewall import firewall_change
from simulator.scenarios.message_storm import launch_storm
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """A shut route, a message storm at another User, a disaster recovery test and three more changes that do nothing."""
    incidents = firewall_change(stage) + launch_storm(stage, earliest=9.5, latest=13)
    return incidents + harmless_changes(stage, 3)
