"""Panel: one part of the traffic of everyone, unit by unit, over a sequence of bins, for one question."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from correlation.history.difference_in_differences import CumulativeSums, running
from correlation.history.ring_buffer import EXPECTED, FAILED, OBSERVED, RingBuffer
from models.columns import Flags, Floats, Ints, SeriesKey


class Unit(NamedTuple):
    """One User in one region: the unit of comparison."""

    user: str
    region: str


class Units(tuple[Unit, ...]):
    """The units of one part of the traffic, sorted; repeated queries for the same Users need not search all of them."""

    @cached_property
    def _users(self) -> dict[str, int]:
        return {user: number for number, user in enumerate(dict.fromkeys(unit.user for unit in self))}

    @cached_property
    def _number(self) -> Ints:
        return np.array([self._users[unit.user] for unit in self], np.int64)

    @cached_property
    def _region(self) -> dict[str, Flags]:
        regions = [unit.region for unit in self]
        return {region: np.array([one == region for one in regions], np.bool_) for region in sorted(set(regions))}

    def of(self, users: Iterable[str]) -> Flags:
        """(units,) the User of each."""
        wanted = np.zeros(len(self._users) + 1, np.bool_)
        wanted[[self._users[user] for user in users if user in self._users]] = True
        return wanted[self._number]

    def only(self, regions: Iterable[str]) -> Flags:
        """(units,) in one of `regions`."""
        chosen = np.zeros(len(self), np.bool_)
        for region in regions:
            if region in self._region:
                chosen |= self._region[region]
        return chosen

    def within(self, regions: Collection[str]) -> Flags:
        """(units,) in one of `regions`, or in none: a unit without a region is in every region; without `regions` all of them."""
        return self.only(("", *regions)) if regions else np.ones(len(self), np.bool_)

    def users(self, chosen: Flags) -> tuple[str, ...]:
        """Sorted; the Users of the `chosen` (units,)."""
        names = tuple(self._users)
        return tuple(sorted(names[number] for number in np.unique(self._number[chosen]).tolist()))


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """The part of everyone's traffic that a question is about."""

    window_s: int
    classes: frozenset[tuple[str, str, str, str]]
    """(direction, message_class, service, queue); the queue is empty for traffic and the other way round."""

    @classmethod
    def of(cls, keys: Iterable[SeriesKey], window_s: int) -> "TrafficSelector":
        """The same directions, classes, services and queues as `keys`, for every User and region."""
        return cls(
            window_s, frozenset((key.direction, key.message_class, key.service, key.queue) for key in keys if key.window_s == window_s)
        )


@dataclass(frozen=True)
class Panel:
    """One part of the traffic by unit over a sequence of bins; the matrices have shape (bins, units)."""

    units: Units
    bin_us: int
    ends_us: Ints
    observed: Floats
    """Messages, or the sum of a queue's depths."""
    expected: Floats
    """Messages, or for a queue the number of windows."""
    failed: Floats

    @cached_property
    def traffic(self) -> CumulativeSums:
        """Observed against expected."""
        return running(self.observed, self.expected)

    @cached_property
    def failing(self) -> CumulativeSums:
        """Failed against observed."""
        return running(self.failed, self.observed)


@dataclass(frozen=True, slots=True)
class ColumnSelection:
    """The columns of one part of the traffic, by unit: `firsts` (units,) are the first columns of the units."""

    units: Units
    columns: Ints
    firsts: Ints

    @classmethod
    def of(cls, keys: Sequence[SeriesKey], part: TrafficSelector, only: str | None) -> "ColumnSelection | None":
        """Of `part` among `keys`, of one User alone if `only` names it; None where there is none."""
        members = sorted(
            (Unit(key.user, key.region), index)
            for index, key in enumerate(keys)
            if (key.direction, key.message_class, key.service, key.queue) in part.classes and (only is None or key.user == only)
        )
        if not members:
            return None
        firsts = [row for row, (unit, _) in enumerate(members) if row == 0 or unit != members[row - 1][0]]
        columns = np.array([index for _, index in members], np.int64)
        return cls(Units(members[row][0] for row in firsts), columns, np.array(firsts, np.int64))

    def panel(self, buffer: RingBuffer) -> Panel:
        """Sums by unit over the bins of `buffer`."""
        order = buffer.order()
        cells = buffer.cells[:, order[:, None], self.columns].astype(np.float64)
        sums = cells if len(self.firsts) == len(self.columns) else np.add.reduceat(cells, self.firsts, axis=2)
        return Panel(self.units, buffer.bin_us, buffer.ends_us[order], sums[OBSERVED], sums[EXPECTED], sums[FAILED])
