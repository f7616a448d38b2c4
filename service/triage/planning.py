"""Planning: what the desk and the Users are told of a change before the night; a User never learns whose work is in its way."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from changes.parameters import ChangesParameters
from changes.planning import sec_completeness
from changes.planning.conflicts import Capacity, PlanningRules, as_object, conflicts_of, slots_for
from changes.planning.free_slots import Slot
from changes.planning.rates import UsualRates
from changes.planning.systems import SystemMap
from changes.visibility import visible_to
from correlation.incidents.business_processes import process_of
from correlation.parameters import CorrelationParameters
from models.change import Change
from models.times import format_time, us
from service.access import Principal, Role

_NIGHT = (18, 6)
"""Hours of UTC between which a window is called a night."""


def planning_rules(changes: ChangesParameters, correlation: CorrelationParameters, rates: UsualRates | None = None) -> PlanningRules:
    """What can happen together, by the settings and the usual rates."""
    capacity = Capacity(rates or UsualRates(), changes.capacity_peaks, changes.capacity_per_s, process_of)
    return PlanningRules(SystemMap(correlation.systems), changes.freezes, capacity)


def preview(known: Iterable[Change], principal: Principal, change: Change, rules: PlanningRules, now: datetime) -> dict[str, Any]:
    """Conflicts, up to three free times, and what is missing."""
    others = [other for other in known if other.key != change.key and other.explains]
    found = _for_user(others, principal, change, rules) if principal.role is Role.USER else _for_desk(others, change, rules)
    slots = slots_for(change, others, us(now.astimezone(UTC)), rules) if found else ()
    return {"conflicts": found, "free_slots": [_as_object(slot) for slot in slots], "missing": sec_completeness.described(change)}


def _for_desk(others: list[Change], change: Change, rules: PlanningRules) -> list[dict[str, Any]]:
    return [as_object(conflict) for conflict in conflicts_of(change, others, rules)]


def _for_user(others: list[Change], principal: Principal, change: Change, rules: PlanningRules) -> list[dict[str, Any]]:
    """What the User may see in the words of the plan; all else is one sentence without owner, time or figure."""
    seen = [shown for other in others if (shown := visible_to(other, principal.user)) is not None]
    open_rules = PlanningRules(rules.systems, rules.freezes)
    told = [as_object(conflict) for conflict in conflicts_of(change, seen, open_rules)]
    hidden = [other for other in others if visible_to(other, principal.user) is None]
    load = any(conflict.kind == "load" for conflict in conflicts_of(change, others, rules))
    if load or any(conflict.kind != "freeze" for conflict in conflicts_of(change, hidden, open_rules)):
        told.append(_busy(change))
    return told


def _busy(change: Change) -> dict[str, Any]:
    start = change.planned_start
    night = start.hour >= _NIGHT[0] or start.hour < _NIGHT[1]
    return {
        "kind": "busy",
        "change_ids": [change.change_id],
        "from": format_time(us(start)),
        "to": format_time(us(change.planned_end)),
        "text": f"this {'night' if night else 'day'} is busy: choose another time, or ask the triage desk",
    }


def _as_object(slot: Slot) -> dict[str, str]:
    return {"start": format_time(slot.start_us), "end": format_time(slot.end_us)}
