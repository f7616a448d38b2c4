"""Reassessment: when an open incident's cause is judged again, and the judgement in force."""

from dataclasses import dataclass, field
from typing import Any, Self

from changes.calendar import CalendarView
from correlation.attribution.cause_class import CauseClass
from correlation.attribution.suspects import assess_cause
from correlation.history.traffic_history import History
from correlation.parameters import CorrelationParameters
from correlation.snapshots import IncidentSnapshot
from models.alert import Suspect
from models.state_tree import from_tree, to_plain
from models.times import HOUR_US, MINUTE_US
from models.vocabulary import SUSPECTED

_SELDOM_US = 30 * MINUTE_US
_SHARE = 3
_BEFORE_US, _AFTER_US = 2 * HOUR_US, 15 * MINUTE_US
"""How long before the onset a change may have begun, and how long after it, to be worth another look at an incident that is over."""


@dataclass(slots=True)
class CachedCause:
    """The last judgement of one incident."""

    judged_us: int
    version: int
    """Version of the calendar view."""
    active: tuple[str, ...]
    """Changes whose windows were open."""
    suspects: tuple[Suspect, ...] = ()
    nature: CauseClass | None = None

    def was_declared_since(self, before: "CachedCause | None") -> bool:
        """Whether a change leads that was no suspect before."""
        first = self.suspects[0] if self.suspects else None
        if before is None or first is None or first.key is None or first.verdict not in SUSPECTED:
            return False
        return all(suspect.key != first.key for suspect in before.suspects)


@dataclass(slots=True)
class CauseCache:
    """Reassessed when members or calendar change, at its end, else after a third of its age."""

    parameters: CorrelationParameters
    standing: dict[str, CachedCause] = field(default_factory=dict)

    def judge(self, case: IncidentSnapshot, changed_us: int, view: CalendarView, history: History, *, over: bool = False) -> CachedCause:
        """The judgement in force for `case` in this window; `changed_us`: when its members last changed.

        Of what is `over`, and was judged since, it stands unless a change leads the list that was declared later.
        """
        active = tuple(change.key for change in view.active(case.at_us))
        before = self.standing.get(case.incident_id)
        if over and before is not None and changed_us != case.at_us:
            return self._judge_again(case, before, view, history)
        if before is not None and not _due(before, case, changed_us, view.version, active):
            return before
        cause = assess_cause(case, view, history, self.parameters)
        suspects = before.suspects if before is not None and _reordered(before.suspects, cause.suspects) else cause.suspects
        self.standing[case.incident_id] = CachedCause(case.at_us, view.version, active, suspects, cause.nature)
        return self.standing[case.incident_id]

    def may_know_more(self, case: IncidentSnapshot, view: CalendarView) -> bool:
        """Whether the calendar has changed since an incident that is over was judged, and holds a change of its time that may be new."""
        before = self.standing.get(case.incident_id)
        if before is None or before.version == view.version:
            return False
        known = {suspect.key for suspect in before.suspects}
        around = view.between(case.onset_us - _BEFORE_US, case.onset_us + _AFTER_US)
        new = any(change.key not in known and (change.source != "user" or change.owner == case.origin_user) for change in around)
        if not new:
            before.version = view.version
        return new

    def _judge_again(self, case: IncidentSnapshot, before: CachedCause, view: CalendarView, history: History) -> CachedCause:
        if not self.may_know_more(case, view):
            return before
        cause = assess_cause(case, view, history, self.parameters)
        now = CachedCause(case.at_us, view.version, before.active, cause.suspects, cause.nature)
        if not now.was_declared_since(before):
            now.suspects, now.nature = before.suspects, before.nature
        self.standing[case.incident_id] = now
        return now

    def forget(self, incident_ids: set[str]) -> None:
        """Removes all other incidents."""
        self.standing = {key: one for key, one in self.standing.items() if key in incident_ids}

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return to_plain(self.standing)

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: Any) -> Self:
        """Inverse of `pack`."""
        return cls(parameters, from_tree(dict[str, CachedCause], tree))


def _due(before: CachedCause, case: IncidentSnapshot, changed_us: int, version: int, active: tuple[str, ...]) -> bool:
    if changed_us == case.at_us or before.version != version or before.active != active:
        return True
    if case.ended_us is not None and before.judged_us < case.ended_us:
        return True
    age_us = case.at_us - case.detected_us
    return case.at_us - before.judged_us >= min(age_us // _SHARE, _SELDOM_US)


def _reordered(before: tuple[Suspect, ...], now: tuple[Suspect, ...]) -> bool:
    """Whether only the order after the first one changed: that is not news, so the previous judgement stays in force."""
    one, other = _named(before), _named(now)
    return one != other and one[:1] == other[:1] and set(one) == set(other)


def _named(suspects: tuple[Suspect, ...]) -> list[tuple[object, ...]]:
    return [(suspect.change_id, suspect.owner, suspect.basis, suspect.verdict) for suspect in suspects]
