"""Quiet: an ordinary day on which a few changes have no effect at all."""

from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """Three harmless changes."""
    return harmless_changes(stage, 3)
