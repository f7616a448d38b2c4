"""Undeclared: a fault at one User of the kind that a change causes, but nobody declared a change."""

from simulator.faults import some_fault
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """One of the faults, with four harmless changes of others that must not be suspected."""
    name, fault = some_fault(stage)
    user = stage.choose("large supplier", "small supplier")
    onset = stage.between(9, 14)
    span = (onset, onset + stage.minutes(45, 150))
    return fault.happen(stage, user, span, None, name) + harmless_changes(stage, 4, earliest=7, latest=15)
