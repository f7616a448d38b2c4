"""Calendar view: the changes that are known in one window."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from changes import learning_stops, scope, visibility, windows
from models.change import Change
from models.columns import Flags, Ints, SeriesKey
from models.times import SECOND_US


class ScopeTables:
    """Scope tables of the latest series tables: computed once, shared by consecutive views."""

    def __init__(self) -> None:
        self._tables: list[scope.ScopeTable] = []

    def table(self, keys: tuple[SeriesKey, ...]) -> scope.ScopeTable:
        """The table of exactly this tuple, by identity."""
        for table in self._tables:
            if table.keys is keys:
                return table
        table = scope.ScopeTable(keys)
        self._tables = [table, *self._tables[:7]]
        return table


@dataclass(frozen=True)
class CalendarView:
    """All changes known in a window; the same object as long as nothing changes."""

    version: int
    """Grows when content differs."""
    changes: tuple[Change, ...]
    """The highest known revision of each change, in order of `change_id`, then owner; drafts and cancelled ones are included."""
    declarations: ScopeTables = field(default_factory=ScopeTables, compare=False, repr=False)
    earlier: Mapping[str, tuple[tuple[int, Change], ...]] = field(default_factory=dict, compare=False, repr=False)
    """Key of a revised User's change → (arrival, revision), the one that counts last."""

    @cached_property
    def explaining(self) -> tuple[Change, ...]:
        """Changes that may explain something: neither drafts nor cancelled."""
        return tuple(change for change in self.changes if change.explains)

    @cached_property
    def expecting(self) -> tuple[Change, ...]:
        """Changes of `explaining` that declare an effect on traffic."""
        return tuple(change for change in self.explaining if change.expected is not None)

    @cached_property
    def by_key(self) -> dict[str, Change]:
        """Every change by its key, `owner/change_id`."""
        return {change.key: change for change in self.changes}

    def window(self, change: Change) -> tuple[int, int]:
        """Start and end in microseconds; see `changes.windows`."""
        known = self._windows.get(change.key)
        return known[1] if known is not None and known[0] is change else windows.window_us(change)

    def scope_users(self, change: Change) -> frozenset[str] | None:
        """The Users that `change` affects; None for everyone."""
        return scope.scope_users(change)

    def matches(self, change: Change, key: SeriesKey) -> bool:
        """Whether a series lies in the change's scope."""
        return scope.matches(change, key)

    def active(self, at_us: int) -> tuple[Change, ...]:
        """Explaining changes whose window holds `at_us`, both ends included, in order of `change_id`, then owner."""
        starts, ends, _ = self._edges
        return self._chosen((starts <= at_us) & (at_us <= ends))

    def between(self, from_us: int, to_us: int) -> tuple[Change, ...]:
        """Explaining changes whose window meets [from_us, to_us], in order of `change_id`, then owner."""
        starts, ends, _ = self._edges
        return self._chosen((starts <= to_us) & (from_us <= ends))

    def declared(self, keys: tuple[SeriesKey, ...], at_us: int) -> Flags:
        """(series,) whether a declared change, or its declared effect, prevents learning from the window that ends at `at_us`.

        `keys` are of one window length. The result is cached for this very tuple; the caller must not write into it.
        """
        if not keys:
            return np.zeros(0, np.bool_)
        starts, _, effects = self._edges
        if not len(starts):
            return self._marked(keys, ())
        began_us = at_us - keys[0].window_s * SECOND_US
        meets = (starts < at_us) & ((began_us < effects) | (began_us <= starts))
        chosen = tuple(index for index in np.flatnonzero(meets).tolist() if self._stops(self.explaining[index], began_us, at_us))
        return self._marked(keys, chosen)

    def _marked(self, keys: tuple[SeriesKey, ...], chosen: tuple[int, ...]) -> Flags:
        known = self._flags.get(chosen)
        if known is None or known[0] is not keys:
            known = self._flags[chosen] = (keys, self._union(keys, chosen))
        return known[1]

    def _stops(self, change: Change, began_us: int, at_us: int) -> bool:
        """Whether the change still prevents learning in a window; see `changes.learning_stops`."""
        stops = self._user_stops(change.owner) if change.source == "user" else (learning_stops.other_stop(change),)
        return any(start_us < at_us and (began_us < end_us or began_us <= start_us) for start_us, end_us in stops)

    def _user_stops(self, owner: str) -> tuple[learning_stops.Span, ...]:
        if owner not in self._stops_by_owner:
            own = (change for change in self.explaining if visibility.is_own(change, owner))
            self._stops_by_owner[owner] = learning_stops.user_stops(own)
        return self._stops_by_owner[owner]

    def fully_visible_to(self, user: str, version: int) -> "CalendarView":
        """The same view with only the changes that `user` may see in full, under its own version."""
        changes = visibility.fully_visible(self.changes, user)
        keys = {change.key for change in changes}
        return CalendarView(version, changes, earlier={key: revisions for key, revisions in self.earlier.items() if key in keys})

    def _union(self, keys: tuple[SeriesKey, ...], chosen: tuple[int, ...]) -> Flags:
        flags = np.zeros(len(keys), np.bool_)
        if chosen:
            table = self.declarations.table(keys)
            for index in chosen:
                flags |= table.mask(self.explaining[index])
        flags.flags.writeable = False
        return flags

    def _chosen(self, flags: Flags) -> tuple[Change, ...]:
        return tuple(self.explaining[index] for index in np.flatnonzero(flags).tolist())

    @cached_property
    def _windows(self) -> dict[str, tuple[Change, tuple[int, int]]]:
        """The window of each explaining change, by its key."""
        return {change.key: (change, windows.window_us(change)) for change in self.explaining}

    @cached_property
    def _edges(self) -> tuple[Ints, Ints, Ints]:
        """Start, end, and end of the effect of each explaining change."""
        spans = ((change, *self._windows[change.key][1]) for change in self.explaining)
        edges = [(start_us, end_us, windows.effect_end_us(change, end_us)) for change, start_us, end_us in spans]
        starts, ends, effects = np.array(edges, np.int64).reshape(-1, 3).T
        return starts, ends, effects

    @cached_property
    def _flags(self) -> dict[tuple[int, ...], tuple[tuple[SeriesKey, ...], Flags]]:
        return {}

    @cached_property
    def _stops_by_owner(self) -> dict[str, tuple[learning_stops.Span, ...]]:
        return {}
