"""Load: the total declared traffic of changes in each hour, against the capacity."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from changes.planning.overlaps import OVER, Conflict
from changes.planning.rates import UsualRates, hour_of_week
from changes.scope import scope_users
from changes.windows import declared_effect_us
from models.change import Change
from models.rounding import round_significant
from models.times import HOUR_US, format_time

PEAKS = 3.0
"""Without a given capacity: three times the usual total of the busiest hour (an assumption; the DCC publishes none)."""
_FACTOR_MAX = 1e9
"""Of rises that multiply: more is no traffic that a network carries, and the product stays finite."""
_RISE_HOURS_MAX = 24 * 31
"""A declared rise is judged for a month at most."""
_LISTED_OF_OWNER_MAX = 10
"""Rises of one owner that the load of an hour lists: the greatest. All of them count."""
_NAMED_MAX = 10
"""Changes that a sentence names: the greatest."""


def _unknown_process(service: str) -> str | None:
    del service
    return None


@dataclass(frozen=True, slots=True)
class Capacity:
    """The capacity."""

    rates: UsualRates = field(default_factory=UsualRates)
    """The usual traffic; without it the effect of a rise is unknown, and none is judged."""
    peaks: float = PEAKS
    """Multiple of the usual total of the busiest hour."""
    per_s: float | None = None
    """Messages a second; takes precedence over `peaks`."""
    process_of: Callable[[str], str | None] = _unknown_process
    """Service → business process, for rises that name services."""

    @property
    def limit_per_s(self) -> float:
        """The capacity in messages a second; 0 if unknown."""
        return self.per_s if self.per_s is not None else self.peaks * self.rates.peak


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part of the usual traffic that rises multiply."""

    cells: npt.NDArray[np.int64]
    """Their rows among all cells; one at least."""
    rates: npt.NDArray[np.float64]
    """Of all cells, by hour of the week."""
    known: dict[int, float] = field(default_factory=dict)

    def per_s(self, of_week: int) -> float:
        """Its usual messages a second in an hour of the week."""
        if of_week not in self.known:
            self.known[of_week] = math.fsum(self.rates[self.cells, of_week].tolist())
        return self.known[of_week]


@dataclass(frozen=True, slots=True)
class _Rise:
    change: Change
    factor: float
    part: _Part


@dataclass(slots=True)
class _Product:
    """The rises of one owner that multiply one part of the traffic in one hour."""

    factor: float = 1.0
    """Of all of them."""
    count: int = 0
    greatest: list[_Rise] = field(default_factory=list)

    def multiply(self, rise: _Rise) -> None:
        """Count one more rise; the greatest come first."""
        self.factor = min(self.factor * rise.factor, _FACTOR_MAX)
        self.count += 1
        if len(self.greatest) < _LISTED_OF_OWNER_MAX:
            self.greatest.append(rise)


_Products = dict[tuple[str, _Part], _Product]
"""Of one hour: by owner and part."""


@dataclass(frozen=True, slots=True)
class HourLoad:
    """An hour in which rises meet."""

    hour_us: int
    load_per_s: float
    """Of all rises."""
    changes: tuple[Change, ...]
    """Of each owner the ten that add the most traffic; the greatest first."""
    rises: int
    """All that touch the hour."""


def collisions(changes: Iterable[Change], capacity: Capacity, always: Change | None = None) -> tuple[Conflict, ...]:
    """The spans of hours in which declared rises together exceed the capacity, by time; one for each set of changes.

    A rise multiplies the usual traffic of its own Users, services and regions in the hours that it touches; rises of one User multiply,
    those of several Users add up.
    """
    limit = capacity.limit_per_s
    if limit <= 0:
        return ()
    spells: dict[tuple[str, ...], list[HourLoad]] = {}
    for hour in hourly(changes, capacity, always):
        if hour.load_per_s > limit:
            spells.setdefault(tuple(sorted(one.key for one in hour.changes)), []).append(hour)
    exceeded = [_conflict(keys, hours, limit) for keys, hours in spells.items()]
    return tuple(sorted(exceeded, key=lambda conflict: (conflict.from_us, conflict.change_ids)))


def hourly(changes: Iterable[Change], capacity: Capacity, always: Change | None = None) -> Iterable[HourLoad]:
    """The load of every hour that a rise touches, in order of time; the rise of `always` is listed whatever its size."""
    rises: list[_Rise] = []
    by_hour: dict[int, list[int]] = {}
    for rise, hours in sorted(_rises(changes, capacity), key=lambda one: (one[0].change is not always, -one[0].factor)):
        for hour_us in hours:
            by_hour.setdefault(hour_us, []).append(len(rises))
        rises.append(rise)
    # An hour differs from that of the week before only where other rises touch it.
    last: dict[int, tuple[list[int], HourLoad]] = {}
    for hour_us in sorted(by_hour):
        touching, of_week = by_hour[hour_us], hour_of_week(hour_us)
        if of_week not in last or last[of_week][0] != touching:
            last[of_week] = touching, _load([rises[index] for index in touching], hour_us, capacity.rates, always)
        yield replace(last[of_week][1], hour_us=hour_us)


def _load(rises: Sequence[_Rise], hour_us: int, rates: UsualRates, always: Change | None) -> HourLoad:
    """The load of one hour."""
    products: _Products = {}
    for rise in rises:
        products.setdefault((rise.change.owner, rise.part), _Product()).multiply(rise)
    of_week = hour_of_week(hour_us)
    load_per_s = rates.total(hour_us) + _added(products, of_week, rates)
    return HourLoad(hour_us, load_per_s, _listed(products, of_week, always), len(rises))


def _listed(products: _Products, of_week: int, always: Change | None) -> tuple[Change, ...]:
    """Of each owner the changes that add the most traffic."""
    of_owner: dict[str, list[tuple[float, Change]]] = {}
    for (owner, part), product in products.items():
        usual = part.per_s(of_week)
        of_owner.setdefault(owner, []).extend(((rise.factor - 1.0) * usual, rise.change) for rise in product.greatest)
    kept = [
        one
        for ranked in of_owner.values()
        for one in sorted(ranked, key=lambda one: (one[1] is not always, -one[0], one[1].change_id))[:_LISTED_OF_OWNER_MAX]
    ]
    return tuple(change for _, change in sorted(kept, key=lambda one: (-one[0], one[1].change_id)))


def rise_hours(change: Change) -> range:
    """The hours that its declared rise touches; empty without one."""
    effect = change.expected
    if change.status in OVER or effect is None or effect.effect != "up" or effect.factor is None or effect.factor <= 1:
        return range(0)
    start_us, end_us = declared_effect_us(change)
    first = start_us // HOUR_US * HOUR_US
    return range(first, min(max(end_us, start_us + 1), first + _RISE_HOURS_MAX * HOUR_US), HOUR_US)


def _added(products: _Products, of_week: int, rates: UsualRates) -> float:
    """Messages a second in addition to the usual ones."""
    factors = np.ones(len(rates.cells))
    for (_, part), product in products.items():
        factors[part.cells] = np.minimum(factors[part.cells] * product.factor, _FACTOR_MAX)
    return math.fsum(((factors - 1.0) * rates.by_hour[:, of_week]).tolist())


def _rises(changes: Iterable[Change], capacity: Capacity) -> Iterable[tuple[_Rise, range]]:
    """The rises that multiply some usual traffic; those of the same traffic share their part."""
    index_of = {id(cell): index for index, cell in enumerate(capacity.rates.cells)}
    parts: dict[tuple[int, ...], _Part] = {}
    for change in changes:
        effect, hours = change.expected, rise_hours(change)
        if effect is None or effect.factor is None or not hours:
            continue
        services = effect.services or change.services
        processes = {process for one in services if (process := capacity.process_of(one)) is not None}
        cells = tuple(
            index_of[id(cell)]
            for cell in capacity.rates.of(scope_users(change))
            if (not cell.region or not change.regions or cell.region in change.regions)
            and (not cell.process or not processes or cell.process in processes)
        )
        if cells not in parts:
            parts[cells] = _Part(np.array(cells, np.int64), capacity.rates.by_hour)
        if cells:
            yield _Rise(change, effect.factor, parts[cells]), hours


def _conflict(keys: tuple[str, ...], hours: list[HourLoad], limit: float) -> Conflict:
    worst = max(hours, key=lambda hour: (hour.load_per_s, -hour.hour_us))
    rises = [
        f"{one.change_id} (×{round_significant(one.expected.factor)} at {one.owner})"
        for one in worst.changes[:_NAMED_MAX]
        if one.expected is not None and one.expected.factor is not None
    ]
    named = ", ".join(rises) + (f" and {worst.rises - len(rises)} more" if worst.rises > len(rises) else "")
    headroom = round_significant((limit - worst.load_per_s) / limit * 100)
    text = (
        f"{named} load the hour of {format_time(worst.hour_us)} with {_figure(worst.load_per_s)} messages a second; "
        f"the capacity is {_figure(limit)} (headroom {headroom:g} %)"
    )
    from_us, to_us = hours[0].hour_us, hours[-1].hour_us + HOUR_US
    return Conflict("load", keys, from_us, to_us, f"{text}, {format_time(from_us)} to {format_time(to_us)}")


def _figure(per_s: float) -> str:
    return f"{round_significant(per_s):,g}" if per_s < 1e15 else f"{per_s:.3g}"
