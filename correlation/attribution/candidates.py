"""Candidates: the declared changes that may be related to an incident, as columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from changes.calendar import CalendarView
from changes.scope import Words, admits, scope_words
from correlation.attribution.scoring import ELSEWHERE, OWN, OWN_SERVICE, SHARED
from correlation.history.difference_in_differences import Membership
from correlation.history.onset_comparison import asked_of, main_episode
from correlation.history.panel import Units
from correlation.snapshots import IncidentSnapshot
from models.change import Change
from models.columns import Flags, Floats, Ints, SeriesKey
from models.times import HOUR_US

LOOK_BACK_US = 24 * HOUR_US
"""Changes that ended longer ago are not considered."""
_LEAST_COVERED = 0.2
"""Minimum share of the incident's series: a change that names fewer of them is not about this incident."""
LOOK_AHEAD_US = 2 * HOUR_US
"""Changes that start up to this long after the onset are shown as excluded, because a reader would ask about them."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Changes around one incident's onset, with the part of it that they affect; arrays of shape (candidates,)."""

    changes: tuple[Change, ...]
    start_us: Ints
    end_us: Ints
    exact: Flags
    """Whether the start is the actual one."""
    tier: Ints
    coverage: Floats
    scope_row: Ints
    """Index into the rows of `scopes`: many changes share a scope."""
    scopes: tuple[tuple[frozenset[str] | None, tuple[str, ...]], ...]
    """Users (None: everyone) and regions (empty: all)."""


def gather(case: IncidentSnapshot, view: CalendarView, settle_us: int) -> Candidates:
    """The candidates of `case`; changes that have nothing in common with it are left out."""
    location = _Location.of(case)
    rows: dict[tuple[frozenset[str] | None, tuple[str, ...]], int] = {}
    kept: list[tuple[Change, int, int, int, float, int]] = []
    for change in view.between(case.onset_us - max(LOOK_BACK_US, settle_us), case.onset_us + LOOK_AHEAD_US):
        if case.origin_user is not None and change.source == "user" and change.owner != case.origin_user:
            continue  # A User-led change may be suspected only of incidents that begin at its owner.
        users = view.scope_users(change)
        tier, covered = location.tier(change, users)
        if tier != ELSEWHERE:
            kept.append((change, *view.window(change), tier, covered, rows.setdefault((users, change.regions), len(rows))))
    changes, starts, ends, tiers, coverage, scope_row = zip(*kept, strict=True) if kept else ((),) * 6
    return Candidates(
        changes=tuple(changes),
        start_us=np.array(starts, np.int64),
        end_us=np.array(ends, np.int64),
        exact=np.array([change.actual_start is not None for change in changes], np.bool_),
        tier=np.array(tiers, np.int64),
        coverage=np.array(coverage, np.float64),
        scope_row=np.array(scope_row, np.int64),
        scopes=tuple(rows),
    )


def membership(scopes: tuple[tuple[frozenset[str] | None, tuple[str, ...]], ...], units: Units) -> Membership:
    """(scopes, units) 1 where the unit is in the scope; a unit without a region is in every region."""
    matrix = np.zeros((len(scopes), len(units)), np.float32)
    for row, (users, regions) in enumerate(scopes):
        matrix[row] = units.within(regions) if users is None else units.of(users) & units.within(regions)
    return matrix


@dataclass(frozen=True, slots=True)
class _Location:
    """The place of an incident: its User, and the series on which it began. Later effects do not widen the required scope of a change."""

    users: frozenset[str]
    others: frozenset[str]
    one_user: bool
    series: Mapping[str, tuple[SeriesKey, ...]]
    """By User."""
    size: int
    seen: dict[Words, Mapping[str, float]]
    """How many series of each User a scope without Users affects; changes with the same scope share the answer."""

    @classmethod
    def of(cls, case: IncidentSnapshot) -> "_Location":
        keys = asked_of(case, main_episode(case))
        series: dict[str, list[SeriesKey]] = {}
        for key in keys:
            series.setdefault(key.user, []).append(key)
        users = frozenset(series) | ({case.origin_user} if case.origin_user else frozenset())
        others = frozenset(case.users) - users
        return cls(users, others, case.origin_user is not None, {user: tuple(of) for user, of in series.items()}, max(len(keys), 1), {})

    def tier(self, change: Change, users: frozenset[str] | None) -> tuple[int, float]:
        """Scope tier and the share of the incident's series in the change's scope."""
        words = scope_words(change)
        if words not in self.seen:
            self.seen[words] = {user: _covered(words, keys) for user, keys in self.series.items()}
        touched = self.seen[words]
        common = self.users if users is None else self.users & users
        covered = sum(touched.get(user, 0.0) for user in common) / self.size
        named = not self.one_user if users is None else 2 * len(common) >= len(self.users) > 0
        if named and covered >= _LEAST_COVERED:
            explicit = any((change.services, change.directions, change.queues)) and 2 * covered > 1
            return (OWN_SERVICE if explicit else OWN), covered
        if common and (covered > 0 or named):
            return SHARED, covered
        if users is not None and users & self.others:
            return SHARED, 0.0
        return ELSEWHERE, 0.0


def _covered(words: Words, keys: tuple[SeriesKey, ...]) -> float:
    """How many of a User's series a scope affects.

    Answers follow requests: series of a direction that it does not name count by half. If it names services and the User has none of them,
    series without a service count by half.
    """
    services, regions, _, queues = words
    either = [key for key in keys if admits((services, regions, (), queues), key)]
    if services and not any(key.service in services for key in either):
        return 0.0 if any(key.service for key in keys) else 0.5 * len(either)
    return 0.5 * (len(either) + sum(admits(words, key) for key in keys))
