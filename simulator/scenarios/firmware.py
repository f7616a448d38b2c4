"""Firmware: new firmware makes a group of meters raise more alerts than their User can receive."""

from models.times import HOUR_US
from simulator.faults import FAULTS
from simulator.harmless import harmless_changes
from simulator.story import Stage, Story


def build_story(stage: Stage) -> Story:
    """A storm of device alerts and the queue that it fills; two harmless changes."""
    fault = FAULTS["device-alerts"]
    user = stage.choose("small supplier", "electricity network")
    start = stage.between(9, 14)
    onset = start + stage.minutes(10, 50)
    change = stage.change(user.name, fault.category, fault.title, start, start + 4 * HOUR_US, directions=list(fault.directions))
    trouble = fault.happen(stage, user, (onset, onset + stage.minutes(40, 100)), change.change_id, "device-alerts")
    return trouble + Story(changes=(change,)) + harmless_changes(stage, 2)
