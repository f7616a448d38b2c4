"""Load: what the traffic that changes declare adds up to, against what can be carried."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from changes.planning.overlaps import OVER, Conflict
from changes.scope import scope_users
from changes.windows import window_us
from models.change import Change
from models.errors import UnreadableInput
from models.rounding import round_significant
from models.times import format_time, us

TIMES_USUAL = 3.0
"""Where nobody gives a capacity: three times the usual traffic (an assumption; the DCC publishes none)."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What can be carried, and what usually is."""

    limit: float | None = None
    """Times the usual total; None: TIMES_USUAL, and only changes that meet are judged."""
    usual_rates: Mapping[str, float] = field(default_factory=dict)
    """User → usual messages a second; without it every owner weighs the same."""


@dataclass(frozen=True, slots=True)
class _Rise:
    change: Change
    start_us: int
    end_us: int
    factor: float


def collisions(changes: Iterable[Change], capacity: Capacity) -> tuple[Conflict, ...]:
    """The spells in which declared rises together go beyond the capacity, by time; one for each set of changes.

    With `usual` given a User's rise weighs by its share of the usual total; else by itself, so that rises of ×3 and ×4 at once make ×6.
    Rises of one User at one time multiply, those of several add up.
    """
    rises = sorted(_rises(changes), key=lambda rise: rise.change.change_id)
    edges = sorted({rise.start_us for rise in rises} | {rise.end_us for rise in rises})
    found: dict[tuple[str, ...], Conflict] = {}
    for start_us, end_us in pairwise(edges):
        together = [rise for rise in rises if rise.start_us <= start_us and end_us <= rise.end_us]
        conflict = _judged(together, capacity, start_us, end_us)
        if conflict is None:
            continue
        before = found.get(conflict.change_ids)
        found[conflict.change_ids] = conflict if before is None else _joined(before, conflict)
    return tuple(sorted(found.values(), key=lambda conflict: (conflict.from_us, conflict.change_ids)))


def _rises(changes: Iterable[Change]) -> Iterable[_Rise]:
    for change in changes:
        effect = change.expected
        if change.status in OVER or effect is None or effect.effect != "up" or effect.factor is None or effect.factor <= 1:
            continue
        start, end = window_us(change)
        yield _Rise(change, start, end if effect.until is None else max(start, us(effect.until)), effect.factor)


def _judged(together: list[_Rise], capacity: Capacity, start_us: int, end_us: int) -> Conflict | None:
    limit = TIMES_USUAL if capacity.limit is None else capacity.limit
    if not together or (capacity.limit is None and len(together) < 2):
        return None
    load = _load(together, capacity.usual_rates)
    if load <= limit:
        return None
    named = ", ".join(f"{rise.change.change_id} (×{round_significant(rise.factor)} at {rise.change.owner})" for rise in together)
    what = f"{named} declare ×{round_significant(load)} of the usual traffic, more than the ×{round_significant(limit)} that can be carried"
    text = f"{what}, {format_time(start_us)} to {format_time(end_us)}"
    return Conflict("load", tuple(rise.change.change_id for rise in together), start_us, end_us, text)


def _load(together: list[_Rise], usual: Mapping[str, float]) -> float:
    """Times the usual total."""
    factors: dict[str, float] = {}
    for rise in together:
        users = scope_users(rise.change) if usual else frozenset((rise.change.owner,))
        for user in sorted(usual if users is None else users):
            factors[user] = factors.get(user, 1.0) * rise.factor
    total = sum(usual[user] for user in sorted(usual))
    if total <= 0:
        return 1.0 + sum(factor - 1.0 for _, factor in sorted(factors.items()))
    return 1.0 + sum(usual.get(user, 0.0) / total * (factor - 1.0) for user, factor in sorted(factors.items()))


def _joined(before: Conflict, after: Conflict) -> Conflict:
    text = before.text.rpartition(", ")[0]
    return Conflict(
        "load", before.change_ids, before.from_us, after.to_us, f"{text}, {format_time(before.from_us)} to {format_time(after.to_us)}"
    )


def read_usual(path: Path) -> dict[str, float]:
    """User → usual messages a second from a JSON object. Raises UnreadableInput for anything else."""
    try:
        rates = json.loads(path.read_bytes())
    except OSError as fault:
        raise UnreadableInput(f"{path} can't be read: {fault.strerror}") from None
    except (ValueError, RecursionError) as fault:
        raise UnreadableInput(f"{path} is no JSON: {fault}") from None
    if not isinstance(rates, dict) or not all(type(rate) in (int, float) and 0 <= rate < math.inf for rate in rates.values()):
        raise UnreadableInput(f'{path} must be an object of User and messages a second, such as {{"SUP-01": 120.5}}')
    return {user: float(rate) for user, rate in rates.items()}
