"""Claims: when what a User declared counts as declared, by the monitor's own reckoning.

A User's word on `declared_at` is not believed: it counts from its arrival. Where the stream is live that is the clock's time; where events
of another time are told (a replay into the service) it is the stream's, since the clock knows nothing of that.
"""

from changes.calendar import NEVER_LATE
from models.times import DAY_US
from service.ingest.journal import Entry

CLAIM = "claim"
"""Key of a journal entry with changes that a User declared."""


def claimed_at(entry: Entry, watermark_us: int | None) -> int | None:
    """When the changes of `entry` count as declared, in event time; None where their own `declared_at` is believed."""
    if entry.key != CLAIM:
        return None
    if watermark_us is None:
        return NEVER_LATE
    return entry.arrived_us if abs(entry.arrived_us - watermark_us) <= DAY_US else watermark_us
