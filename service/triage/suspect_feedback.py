"""Suspect feedback: people's findings about suspects, compared with Highwater's verdicts."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from service.access import Principal, Role
from service.store import records, triage_actions
from service.store.records import INCIDENT

_DESK = Principal("", "", Role.TRIAGE)
NOT_SUSPECTED = "not_suspected"
"""Instead of a verdict: people named a cause that was not among the suspects."""


@dataclass(slots=True)
class SuspectFeedback:
    """Counts over all suspects that people judged, and their incidents."""

    verdicts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Highwater's verdict → people's finding → how often."""
    top1: int = 0
    """Incidents whose first suspect was confirmed."""
    confirmed: int = 0
    """Incidents with a confirmed suspect."""
    judged: list[dict[str, Any]] = field(default_factory=list)

    @property
    def attribution_top1(self) -> float | None:
        """Share of the incidents with a confirmed suspect in which it was the first one; None without any."""
        return self.top1 / self.confirmed if self.confirmed else None


def evaluate(connection: sqlite3.Connection, now_us: int) -> SuspectFeedback:
    """Every judgement in force (a later one on the same suspect replaces an earlier one), by incident."""
    found = SuspectFeedback()
    for incident_id, state in sorted(triage_actions.state(triage_actions.actions(connection, INCIDENT), now_us).items()):
        body = records.one(connection, _DESK, INCIDENT, incident_id)
        if body is None or not state["suspects"]:
            continue
        suspects = json.loads(body)["suspects"]
        places = [(said, _place(suspects, said)) for said in state["suspects"]]
        for said, place in places:
            verdict = NOT_SUSPECTED if place is None else suspects[place]["verdict"]
            counts = found.verdicts.setdefault(verdict, {"confirmed": 0, "refuted": 0})
            counts[said["verdict"]] += 1
            found.judged.append(_shown(incident_id, said, verdict, place))
        confirmed = [place for said, place in places if said["verdict"] == "confirmed"]
        found.confirmed += bool(confirmed)
        found.top1 += 0 in confirmed
    return found


def _place(suspects: list[dict[str, Any]], said: Mapping[str, Any]) -> int | None:
    """The rank of the judged suspect."""
    same = partial(_is, said)
    return next((place for place, suspect in enumerate(suspects) if same(suspect)), None)


def _is(said: Mapping[str, Any], suspect: Mapping[str, Any]) -> bool:
    if said.get("change_id") is not None:
        return bool(suspect["change_id"] == said["change_id"])
    return suspect["change_id"] is None and suspect["owner"] == said.get("owner")


def _shown(incident_id: str, said: Mapping[str, Any], verdict: str, place: int | None) -> dict[str, Any]:
    return {
        "incident_id": incident_id,
        "change_id": said.get("change_id"),
        "owner": said.get("owner"),
        "verdict": verdict,
        "rank": None if place is None else place + 1,
        "found": said["verdict"],
        "by": said["by"],
        "at": said["at"],
    }
