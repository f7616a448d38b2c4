"""DCC fault: a change of DCC harms many Users at once while other Users' batch jobs run as usual."""

from simulator.realities import bursts
from simulator.scenarios import retry_storm
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """Bursts as on any day, and on the last day a release of DCC that refuses all requests for minutes."""
    return bursts.build_story(stage) + retry_storm.build_story(stage)
