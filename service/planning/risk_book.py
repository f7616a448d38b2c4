"""Risk book: what past reports say of each owner, and the risk of declared changes as the desk and their owners see it."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from changes.planning import risk
from changes.planning.overlaps import OVER
from changes.planning.risk import PastChanges
from changes.visibility import is_own
from models.change import Change
from models.clock import Clock
from service.access import DESK, DESK_ROLES, Principal
from service.store.database import Database
from service.store.records import REPORT

_FRESH_S = 20.0
_MOST = 200
"""Changes of one answer whose risk is said."""


@dataclass(frozen=True, slots=True)
class Risks:
    """What the reports say of each owner's past changes."""

    past: Mapping[str, PastChanges]

    def of(self, principal: Principal, change: Change, conflicts: int) -> dict[str, Any] | None:
        """The risk of a change for the desk and for its owner; None for anyone else."""
        if principal.role not in DESK_ROLES and not is_own(change, principal.user or ""):
            return None
        return risk.assess(change, self.past.get(change.owner, PastChanges()), conflicts).as_object

    def ahead(
        self, principal: Principal, changes: Iterable[Change], conflicts: Sequence[Mapping[str, Any]], now_us: int
    ) -> list[dict[str, Any]]:
        """Of those of `changes` that are still to come: owner, id, score, level and reasons."""
        count: dict[str, int] = {}
        for one in conflicts:
            for key in one["changes"]:
                count[key] = count.get(key, 0) + 1
        ahead = [one for one in changes if one.explains and one.status not in OVER and one.planned_start.timestamp() * 1e6 > now_us]
        judged = ((one, self.of(principal, one, count.get(one.key, 0))) for one in ahead)
        known = ((one, risk) for one, risk in judged if risk is not None)
        return [{"owner": one.owner, "change_id": one.change_id, **risk} for one, risk in islice(known, _MOST)]


class RiskBook:
    """Reads the reports again at most every few seconds."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._risks = Risks({})
        self._read_s: float | None = None

    def risks(self) -> Risks:
        """As the reports say now."""
        now_s = self._clock.steady_s()
        if self._read_s is None or now_s - self._read_s > _FRESH_S:
            self._risks, self._read_s = Risks(self._database.read(_past)), now_s
        return self._risks


def _past(connection: sqlite3.Connection) -> dict[str, PastChanges]:
    """Of each owner, its changes whose report says whether they did harm."""
    counted: dict[str, list[int]] = {}
    for key, verdict in connection.execute("SELECT id, topic FROM standing WHERE kind = ? AND audience = ?", (REPORT, DESK)):
        owner, slash, _ = key.partition("/")
        if slash and verdict in risk.JUDGED:
            numbers = counted.setdefault(owner, [0, 0])
            numbers[0] += 1
            numbers[1] += verdict in risk.HARMFUL
    return {owner: PastChanges(*numbers) for owner, numbers in counted.items()}
