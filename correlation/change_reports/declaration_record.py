"""Declaration record: how accurate a User's declarations were, for that User and the DCC, never for others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from correlation.change_reports.effects import SeriesEffect
from correlation.change_reports.verdict import Verdict
from correlation.snapshots import IncidentSnapshot
from models.alert import Suspect
from models.change import Change


@dataclass(slots=True)
class DeclarationRecord:
    """Counts of one User's changes since the monitor began."""

    user: str
    declared: int = 0
    """Changes whose report was written."""
    on_time: int = 0
    """Those that were declared before they began."""
    kept_to_time: int = 0
    """Those that neither started early nor overran."""
    scope_right: int = 0
    """Those without an effect outside the declared one."""
    undeclared: int = 0
    """Incidents at this User that an undeclared change probably caused."""

    @property
    def declared_share(self) -> float | None:
        """Declared changes / all changes known or suspected; None while there is none."""
        total = self.declared + self.undeclared
        return self.declared / total if total else None


class Declarations:
    """Every User's record."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[str, bool, bool, bool]] = {}
        """Key of the change → owner and counts, so that a revised report counts once."""
        self._undeclared: dict[str, str] = {}
        """incident_id → User, so that an incident counts once, and no longer once a declared change explains it."""

    def take_over(self, before: "Declarations") -> None:
        """Counts on from another."""
        self._counted, self._undeclared = dict(before._counted), dict(before._undeclared)

    def of(self, user: str) -> DeclarationRecord:
        """One User's record; for that User and the DCC. May be called while another thread counts."""
        record = DeclarationRecord(user)
        for owner, on_time, kept, right in tuple(self._counted.values()):
            if owner == user:
                record.declared += 1
                record.on_time += on_time
                record.kept_to_time += kept
                record.scope_right += right
        record.undeclared = tuple(self._undeclared.values()).count(user)
        return record

    def users(self) -> tuple[str, ...]:
        """Users with a record, sorted."""
        return tuple(sorted({owner for owner, *_ in tuple(self._counted.values())} | set(self._undeclared.values())))

    def report(self, change: Change, verdict: Verdict, moved: Sequence[SeriesEffect]) -> None:
        """Counts one report of a User's change."""
        if change.source != "user":
            return
        kept = verdict.started_early_s == 0 and verdict.overran_s == 0
        right = verdict.verdict != "absent" and (change.expected is None or all(one.foreseen for one in moved))
        self._counted[change.key] = (change.owner, verdict.declared_late_s == 0, kept, right)

    def incident(self, case: IncidentSnapshot, suspects: Sequence[Suspect]) -> None:
        """Counts an incident as undeclared while that is its first and probable explanation."""
        first = suspects[0] if suspects else None
        if first is not None and first.basis == "undeclared" and first.verdict == "probable" and first.owner is not None:
            self._undeclared[case.incident_id] = first.owner
        else:
            self._undeclared.pop(case.incident_id, None)

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        return {
            "counted": {key: list(one) for key, one in sorted(self._counted.items())},
            "undeclared": dict(sorted(self._undeclared.items())),
        }

    @classmethod
    def unpack(cls, tree: dict[str, Any], keys_by_id: Mapping[str, str]) -> "Declarations":
        """Inverse of `pack`."""
        declarations = cls()
        declarations._counted = {
            keys_by_id.get(key, key): (owner, on_time, kept, right) for key, (owner, on_time, kept, right) in tree["counted"].items()
        }
        declarations._undeclared = dict(tree["undeclared"])
        return declarations
