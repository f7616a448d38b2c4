"""First weekend: the first Saturday in the data, with severe trouble that must be found nevertheless."""

from simulator.faults import FAULTS
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """One User is silent for an hour, another floods the DSP; nothing is declared; three harmless changes."""
    story = Story()
    for name in ("falls-silent", "flood"):
        user = stage.choose(busiest=1)
        start = stage.between(9, 17)
        story += FAULTS[name].happen(stage, user, (start, start + stage.minutes(60, 60)), None, name)
    return story + harmless_changes(stage, 3)
