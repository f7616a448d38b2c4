"""Planning: the information for the desk and the Users about a change in advance; a User never learns whose work is in the way."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from heapq import nsmallest
from typing import Any

from changes.parameters import ChangesParameters
from changes.planning import sec_completeness
from changes.planning.conflicts import Capacity, PlanningRules, as_object, conflicts_of, described, slots_for
from changes.planning.free_slots import Slot
from changes.planning.load import hourly, rise_hours
from changes.planning.overlaps import OVER, conflict_between, reach_us
from changes.planning.rates import UsualRates
from changes.planning.sec_limits import SecParameters
from changes.planning.systems import SystemMap
from changes.planning.working_days import Holidays
from changes.visibility import is_visible, visible_to
from changes.windows import effect_us
from correlation.incidents.business_processes import process_of
from correlation.parameters import CorrelationParameters
from models.change import Change
from models.times import HOUR_US, format_time, us
from service.access import Principal, Role
from service.charts.usual_rates import learned_rates
from service.planning.risk_book import Risks
from service.store.database import Database

LEARN_EVERY_S = 10.0
_LEARN_FIRST_S, _LEARN_LAST_S = 20.0, 3600.0
MOST_COMPARED = 5_000
"""Changes that one is compared with where no setting says it."""
_NIGHT = (18, 6)
"""Hours of UTC in which a window counts as a night."""


def planning_rules(changes: ChangesParameters, correlation: CorrelationParameters, rates: UsualRates | None = None) -> PlanningRules:
    """The settings and the usual rates for conflict checks."""
    capacity = Capacity(rates or UsualRates(), changes.capacity_peaks, changes.capacity_per_s, process_of)
    return PlanningRules(SystemMap(correlation.systems), changes.freezes, capacity)


@dataclass(frozen=True, slots=True)
class Plans:
    """All that is declared at one moment, and the rules that it is held against."""

    changes: Sequence[Change]
    rules: PlanningRules
    sec: SecParameters
    holidays: Holidays
    risks: Risks
    now_us: int
    most_compared: int


class Planning:
    """The rules in force: the settings, and the usual rates that the monitor learns."""

    def __init__(self, database: Database, rules: PlanningRules, sec: SecParameters, holidays: Holidays) -> None:
        self._database, self._rules = database, rules
        self.sec, self.holidays = sec, holidays
        """What the SEC asks of the published month, and the days on which nobody works."""
        self._pause_s, self._rest_s = _LEARN_FIRST_S, 0.0

    @property
    def rules(self) -> PlanningRules:
        """What can happen together, as far as it is known now."""
        return self._rules

    def between(self, change: Change, own: Iterable[Change]) -> list[dict[str, Any]]:
        """What `change` meets among a User's `own` changes, in words that the User may read; no load, no figure."""
        return described(change, own, PlanningRules(self._rules.systems))

    async def learn_when_due(self) -> None:
        """Called every `LEARN_EVERY_S`: reads the usual rates, soon after the start and then ever less often, up to once an hour."""
        self._rest_s -= LEARN_EVERY_S
        if self._rest_s > 0:
            return
        await asyncio.to_thread(self.learn)
        self._rest_s, self._pause_s = self._pause_s, min(2 * self._pause_s, _LEARN_LAST_S)

    def learn(self) -> None:
        """Read the usual rates from the charts."""
        capacity = self._rules.capacity
        rates = self._database.read(partial(learned_rates, process_of=capacity.process_of))
        if rates.cells:
            self._rules = replace(self._rules, capacity=replace(capacity, rates=rates))


def preview(
    known: Iterable[Change], principal: Principal, change: Change, rules: PlanningRules, now: datetime | None, most: int = MOST_COMPARED
) -> dict[str, Any]:
    """Conflicts, up to three free times after `now` (None: none are looked for), and what is missing.

    It is compared with the `most` changes that are nearest in time.
    """
    others = _nearest([other for other in known if other.key != change.key and other.explains], change, most)
    meeting = _for_user(others, principal, change, rules) if principal.role is Role.USER else _for_desk(others, change, rules)
    slots = slots_for(change, others, us(now.astimezone(UTC)), rules) if meeting and now is not None else ()
    return {"conflicts": meeting, "free_slots": [_as_object(slot) for slot in slots], "missing": sec_completeness.described(change)}


def _nearest(others: list[Change], change: Change, most: int) -> list[Change]:
    """Of very many changes those whose windows are nearest, in the order in which they came."""
    if len(others) <= most:
        return others
    start, end = change.planned_start, change.planned_end

    def distance_s(index: int) -> float:
        other = others[index]
        return max((other.planned_start - end).total_seconds(), (start - other.planned_end).total_seconds(), 0.0)

    return [others[index] for index in sorted(nsmallest(most, range(len(others)), key=distance_s))]


def _for_desk(others: list[Change], change: Change, rules: PlanningRules) -> list[dict[str, Any]]:
    return [as_object(conflict) for conflict in conflicts_of(change, others, rules)]


def _for_user(others: list[Change], principal: Principal, change: Change, rules: PlanningRules) -> list[dict[str, Any]]:
    """The details that the User may see; everything else becomes one sentence without owner, time or figure."""
    seen = [shown for other in others if (shown := visible_to(other, principal.user)) is not None]
    open_rules = PlanningRules(rules.systems, rules.freezes)
    conflicts = [as_object(conflict) for conflict in conflicts_of(change, seen, open_rules)]
    hidden = [other for other in others if not is_visible(other, principal.user)]
    load = any(conflict.kind == "load" for conflict in conflicts_of(change, others, rules))
    if load or any(conflict.kind != "freeze" for conflict in conflicts_of(change, hidden, open_rules)):
        conflicts.append(_busy(change, rules))
    return conflicts


def busy(
    known: Iterable[Change], principal: Principal, own: Iterable[Change], rules: PlanningRules, most: int = MOST_COMPARED
) -> list[dict[str, Any]]:
    """For each of the User's `own` changes that hidden ones or the load are in the way of: that its night is busy.

    Each is compared with the `most` changes that are nearest in time.
    """
    planned = [change for change in own if change.status not in OVER]
    if not planned:
        return []
    first_us, last_us = min(_span_us(change)[0] for change in planned), max(_span_us(change)[1] for change in planned)
    spans = [(*_span_us(other), other) for other in known if other.explains and other.status not in OVER]
    near = [other for start, end, other in spans if start < last_us + HOUR_US and first_us - HOUR_US < end]
    loaded = _loaded(near, planned, rules, most)
    hidden = [(*reach_us(other), other) for other in near if not is_visible(other, principal.user)]
    return [_busy(change, rules) for change in planned if change.key in loaded or _in_the_way(hidden, change, rules, most)]


def _span_us(change: Change) -> tuple[int, int]:
    """All the time that a change plays a part in."""
    (start, end), (first, last) = reach_us(change), effect_us(change)
    return min(start, first), max(end, last)


def _loaded(near: list[Change], planned: Sequence[Change], rules: PlanningRules, most: int) -> set[str]:
    """The keys of the changes that play a part in an hour beyond the capacity."""
    limit = rules.capacity.limit_per_s
    if limit <= 0 or not any(change.expected is not None and change.expected.effect == "up" for change in planned):
        return set()
    own = {change.key: change for change in planned}
    rising = [other for other in near if other.key not in own and other.expected is not None and other.expected.effect == "up"]
    rises = [*own.values(), *_nearest(rising, planned[0], most)]
    beyond = {hour.hour_us for hour in hourly(rises, rules.capacity) if hour.load_per_s > limit}
    return {key for key, one in own.items() if not beyond.isdisjoint(rise_hours(one))}


def _in_the_way(hidden: list[tuple[int, int, Change]], change: Change, rules: PlanningRules, most: int) -> bool:
    start, end = reach_us(change)
    meeting = [other for begins, ends, other in hidden if begins < end and start < ends]
    return any(conflict_between(change, other, rules.systems) is not None for other in _nearest(meeting, change, most))


def _busy(change: Change, rules: PlanningRules) -> dict[str, Any]:
    """One sentence without owner, time of another change or figure; another time helps only if the change alone is not too much."""
    start = change.planned_start
    night = start.hour >= _NIGHT[0] or start.hour < _NIGHT[1]
    alone = any(conflict.kind == "load" for conflict in conflicts_of(change, (), PlanningRules(capacity=rules.capacity)))
    why = "the declared rise alone is more than can be carried: spread it over more time"
    if not alone:
        why = f"this {'night' if night else 'day'} is busy: choose another time"
    return {
        "kind": "busy",
        "change_ids": [change.change_id],
        "changes": [change.key],
        "from": format_time(us(start)),
        "to": format_time(us(change.planned_end)),
        "text": f"{why}, or ask the triage desk",
    }


def _as_object(slot: Slot) -> dict[str, str]:
    return {"start": format_time(slot.start_us), "end": format_time(slot.end_us)}
