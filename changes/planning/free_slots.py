"""Free slot: a later time at which a change would have no conflict."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.change import Change
from models.times import DAY_US, HOUR_US, instant, us

SLOTS = 3
_AHEAD_DAYS = 28
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Slot:
    """Start and end."""

    start_us: int
    end_us: int


def free_slots(change: Change, meets_nothing: Callable[[Change], bool], earliest_us: int, wanted: int = SLOTS) -> tuple[Slot, ...]:
    """Up to `wanted` times within four weeks from the planned start (not before `earliest_us`), in order of time.

    The planned time of day is tried first on the following days, then every other hour; `meets_nothing` checks the change moved there.
    """
    slots: list[Slot] = []
    for start_us in _starts(change, earliest_us):
        moved = moved_to(change, start_us)
        if all(slot.end_us <= start_us or moved_end(moved) <= slot.start_us for slot in slots) and meets_nothing(moved):
            slots.append(Slot(start_us, moved_end(moved)))
            if len(slots) == wanted:
                break
    return tuple(sorted(slots, key=lambda slot: slot.start_us))


def moved_to(change: Change, start_us: int) -> Change:
    """The change, planned for another time; its actual times are not moved."""
    start = instant(start_us)
    end = _later(change.planned_end, start - change.planned_start)
    update: dict[str, object] = {"planned_start": start, "planned_end": end, "actual_start": None, "actual_end": None}
    effect = change.expected
    if effect is not None and effect.until is not None:
        update["expected"] = effect.model_copy(update={"until": _later(effect.until, start - change.planned_start)})
    return change.model_copy(update=update)


def _later(at: datetime, by: timedelta) -> datetime:
    """A time beyond the last one that there is becomes that one."""
    return min(at, _LAST - max(by, timedelta(0))) + by


def moved_end(change: Change) -> int:
    """Its planned end in microseconds."""
    return us(change.planned_end)


def _starts(change: Change, earliest_us: int) -> Iterable[int]:
    planned = us(change.planned_start)
    same_hour: Sequence[int] = [planned + day * DAY_US for day in range(_AHEAD_DAYS)]
    first_hour = -(-max(planned, earliest_us) // HOUR_US) * HOUR_US
    other_hours = (first_hour + hour * HOUR_US for hour in range(_AHEAD_DAYS * 24))
    last = us(_LAST)
    yield from (start for start in same_hour if earliest_us <= start <= last)
    yield from (start for start in other_hours if (start - planned) % DAY_US and start <= last)
