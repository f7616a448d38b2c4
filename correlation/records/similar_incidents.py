"""Similar incidents: past incidents, so that a new one shows similar ones and the reason why they ended."""

from dataclasses import dataclass
from typing import Any, Self

from changes.calendar import CalendarView
from correlation.phrases import span
from correlation.snapshots import IncidentSnapshot
from models.alert import Suspect
from models.change import Change
from models.incident import SimilarIncident
from models.rounding import round_significant
from models.state_tree import from_tree, to_plain
from models.times import SECOND_US, instant

_MOST = 3
_LEAST = 0.5
_KIND, _ORIGIN, _PROCESS, _CAUSE = 0.4, 0.2, 0.2, 0.2
"""The weight of each part of the similarity; they add up to 1."""
_SOON_S = 1800
"""An incident that ends within this time after its change is assumed to have ended with it."""


@dataclass(frozen=True, slots=True)
class PastIncident:
    """The stored facts of an incident."""

    incident_id: str
    opened_us: int
    kinds: tuple[str, ...]
    origin_user: str | None
    processes: tuple[str, ...]
    cause: str
    """Category of the change that probably caused it, `undeclared`, or empty."""
    change_id: str | None
    ended: str = ""


class PastIncidents:
    """The latest incidents, a limited number; one that opens again is stored again when it is over."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._past: dict[str, PastIncident] = {}

    def keep(self, past: PastIncident) -> None:
        """Stores an incident that has just ended."""
        self._past.pop(past.incident_id, None)
        self._past[past.incident_id] = past
        while len(self._past) > self._most:
            del self._past[next(iter(self._past))]

    def like(self, now: PastIncident) -> tuple[SimilarIncident, ...]:
        """The most similar earlier ones, the latest first if they are equal."""
        candidates = [(likeness(now, past), past) for past in self._past.values() if past.incident_id != now.incident_id]
        candidates = [(share, past) for share, past in candidates if share >= _LEAST]
        candidates.sort(key=lambda pair: (-pair[0], -pair[1].opened_us, pair[1].incident_id))
        return tuple(
            SimilarIncident(
                incident_id=past.incident_id,
                opened_at=instant(past.opened_us),
                origin_user=past.origin_user,
                change_id=past.change_id,
                likeness=share,
                ended=past.ended,
            )
            for share, past in candidates[:_MOST]
        )

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return to_plain(list(self._past.values()))

    @classmethod
    def unpack(cls, most: int, tree: Any) -> Self:
        """Inverse of `pack`."""
        memory = cls(most)
        for past in from_tree(list[PastIncident], tree):
            memory.keep(past)
        return memory


def likeness(one: PastIncident, other: PastIncident) -> float:
    """0 to 1: common kinds and processes, the same origin, the same sort of cause."""
    shared = _KIND * _overlap(one.kinds, other.kinds) + _PROCESS * _overlap(one.processes, other.processes)
    same_origin = one.origin_user is not None and one.origin_user == other.origin_user
    same_cause = one.cause != "" and one.cause == other.cause
    return float(round_significant(shared + _ORIGIN * same_origin + _CAUSE * same_cause))


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    union = set(one) | set(other)
    return len(set(one) & set(other)) / len(union) if union else 0.0


def past(case: IncidentSnapshot, processes: tuple[str, ...], suspects: tuple[Suspect, ...], view: CalendarView) -> PastIncident:
    """The facts of an incident to store, and the reason of its end."""
    first = suspects[0] if suspects and suspects[0].verdict == "probable" else None
    change = view.by_key.get(first.key or "") if first is not None else None
    cause = change.category if change is not None else "undeclared" if first is not None and first.basis == "undeclared" else ""
    kinds = tuple(sorted({episode.kind for episode in case.origin_alerts}))
    change_id = change.change_id if change is not None else None
    opened_us = case.detected_us
    return PastIncident(case.incident_id, opened_us, kinds, case.origin_user, processes, cause, change_id, _ended(case, change, view))


def _ended(case: IncidentSnapshot, change: Change | None, view: CalendarView) -> str:
    if case.ended_us is None:
        return ""
    lasted = span((case.ended_us - case.onset_us) / SECOND_US)
    if change is not None:
        after_s = (case.ended_us - view.window(change)[1]) / SECOND_US
        if change.status == "rolled_back":
            return f"It ended after {lasted}, once {change.change_id} was rolled back."
        if 0 <= after_s <= _SOON_S:
            return f"It ended after {lasted}, {span(after_s)} after the end of {change.change_id}."
        if after_s < 0:
            return f"It ended after {lasted}, while {change.change_id} still ran."
    return f"It ended after {lasted}."
