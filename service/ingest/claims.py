"""Claims: when a User's declaration counts as declared, by the monitor's own clock.

A User's own `declared_at` is not trusted: the change counts from its arrival. For a live stream that is the clock's time; for events of
another time (a replay into the service) it is the stream's time, because the clock has no relation to it.
"""

from changes.calendar import NEVER_LATE
from models.times import DAY_US
from service.ingest.journal import Entry

CLAIM = "claim"
"""Key of a journal entry with changes that a User declared."""


def claimed_at(entry: Entry, watermark_us: int | None) -> int | None:
    """When the changes of `entry` count as declared, in event time; None if their own `declared_at` counts."""
    if entry.key != CLAIM:
        return None
    if watermark_us is None:
        return NEVER_LATE
    return entry.arrived_us if abs(entry.arrived_us - watermark_us) <= DAY_US else watermark_us
