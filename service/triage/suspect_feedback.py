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
    feedback = SuspectFeedback()
    for incident_id, state in sorted(triage_actions.state(triage_actions.actions(connection, INCIDENT), now_us).items()):
        body = records.one(connection, _DESK, INCIDENT, incident_id)
        if body is None or not state["suspects"]:
            continue
        suspects = json.loads(body)["suspects"]
        ranked = [(judgement, _rank(suspects, judgement)) for judgement in state["suspects"]]
        for judgement, rank in ranked:
            verdict = NOT_SUSPECTED if rank is None else suspects[rank]["verdict"]
            counts = feedback.verdicts.setdefault(verdict, {"confirmed": 0, "refuted": 0})
            counts[judgement["verdict"]] += 1
            feedback.judged.append(_shown(incident_id, judgement, verdict, rank))
        confirmed = [rank for judgement, rank in ranked if judgement["verdict"] == "confirmed"]
        feedback.confirmed += bool(confirmed)
        feedback.top1 += 0 in confirmed
    return feedback


def _rank(suspects: list[dict[str, Any]], judgement: Mapping[str, Any]) -> int | None:
    """The rank of the judged suspect."""
    same = partial(_is, judgement)
    return next((rank for rank, suspect in enumerate(suspects) if same(suspect)), None)


def _is(judgement: Mapping[str, Any], suspect: Mapping[str, Any]) -> bool:
    if judgement.get("change_id") is not None:
        return bool(suspect["change_id"] == judgement["change_id"])
    return suspect["change_id"] is None and suspect["owner"] == judgement.get("owner")


def _shown(incident_id: str, judgement: Mapping[str, Any], verdict: str, rank: int | None) -> dict[str, Any]:
    return {
        "incident_id": incident_id,
        "change_id": judgement.get("change_id"),
        "owner": judgement.get("owner"),
        "verdict": verdict,
        "rank": None if rank is None else rank + 1,
        "found": judgement["verdict"],
        "by": judgement["by"],
        "at": judgement["at"],
    }
