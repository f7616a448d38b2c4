"""Window: when a change is at work, from plan and reality together.

Actual times take precedence over the plan. Without an actual end:
- `completed` and `rolled_back` end when that status became known, if that is within the plan, else as planned;
- `in_progress` and `extended` end as planned. If such a revision is made after the planned end, the change overruns, and the window
  continues from there for the planned length again, at most a day: nobody mutes a series for good by forgetting to close a change;
- a change that began after its planned end takes as long as was planned.
"""

from models.change import Change
from models.times import DAY_US, us

ENDED = ("completed", "rolled_back")
GOING_ON = ("in_progress", "extended")


def window_us(change: Change) -> tuple[int, int]:
    """Start and end in microseconds since the epoch; equal for a change that is a point in time."""
    start = us(change.starts_at)
    end = _end_us(change, start)
    return min(start, end), end


def effect_us(change: Change) -> tuple[int, int]:
    """The window, extended to the declared end of the effect."""
    start, end = window_us(change)
    return start, effect_end_us(change, end)


def effect_end_us(change: Change, end_us: int) -> int:
    """The end of the declared effect of a change whose window ends at `end_us`."""
    until = change.expected.until if change.expected is not None else None
    return end_us if until is None else max(end_us, us(until))


def declared_effect_us(change: Change) -> tuple[int, int]:
    """When the declared effect begins and ends: `until` takes precedence over the window's end, and an actual end over both."""
    start_us, end_us = effect_us(change)
    until = change.expected.until if change.expected is not None else None
    if until is not None and change.actual_end is None:
        return start_us, max(us(until), start_us)
    return start_us, end_us


def _end_us(change: Change, start: int) -> int:
    if change.actual_end is not None:
        return us(change.actual_end)
    planned_end = us(change.planned_end)
    planned_for = planned_end - us(change.planned_start)
    if start >= planned_end:
        planned_end = start + planned_for
    if change.updated_at is None:
        return planned_end
    known = us(change.updated_at)
    if change.status in ENDED and start < known < planned_end:
        return known
    if change.status in GOING_ON and known > planned_end:
        return known + min(planned_for, DAY_US)
    return planned_end
