"""Records and events of which a test names only what matters to it."""

import json
from typing import Any

from models.alert import Alert, AlertSeries, Evidence, Reason, Suspect
from models.change import Change
from models.change_report import ChangeReport
from models.decisions import Decisions
from models.incident import Incident, TimelineEntry
from models.times import instant, parse_time
from service.store.record_rows import change_rows, rows
from service.store.records import Row

MONDAY = parse_time("2026-01-05T00:00:00Z")


def alert(alert_id: str = "A-1", *, revision: int = 1, user: str | None = "ACME", minute: int = 10, **more: Any) -> Alert:
    at = instant(MONDAY + minute * 60_000_000)
    fields: dict[str, Any] = {
        "alert_id": alert_id,
        "revision": revision,
        "as_of": at,
        "status": "open" if revision == 1 else "updated",
        "incident_id": "I-1",
        "kind": "backlog",
        "user": user,
        "series": AlertSeries(user=user, queue="to_user", window_s=10),
        "onset_at": at,
        "detected_at": at,
        "severity": "warning",
        "category": 3,
        "category_reason": "one User is cut off",
        "observed": 420.0,
        "expected": 3.0,
        "score": 25.0,
        "evidence": Evidence(depth=420.0),
        "processes": ("prepayment",),
        "suspects": (
            Suspect(
                change_id="C-1", owner=user, basis="declared", verdict="probable", score=0.9, reasons=(Reason(code="t", text="It fits."),)
            ),
        ),
        "next_step": "Ask the owner.",
        "summary": f"{user}: 420 messages wait",
    }
    return Alert(**{**fields, **more})


def incident(incident_id: str = "I-1", *, revision: int = 1, **more: Any) -> Incident:
    at = instant(MONDAY + 600_000_000)
    fields: dict[str, Any] = {
        "incident_id": incident_id,
        "revision": revision,
        "as_of": at,
        "status": "open",
        "phase": "holding",
        "severity": "warning",
        "opened_at": at,
        "kinds": ("backlog",),
        "origin_user": "ACME",
        "alert_ids": ("A-1",),
        "suspects": (),
        "category": 3,
        "category_reason": "one User is cut off",
        "summary": "ACME: 420 messages wait",
        "timeline": (TimelineEntry(at=at, text="The queue began to grow."),),
    }
    return Incident(**{**fields, **more})


def report(change_id: str = "C-1", **more: Any) -> ChangeReport:
    fields: dict[str, Any] = {
        "change_id": change_id,
        "revision": 1,
        "as_of": instant(MONDAY + 3_600_000_000),
        "verdict": "impact",
        "score": 0.9,
        "overran_s": 0.0,
        "started_early_s": 0.0,
        "declared_late_s": 0.0,
        "summary": f"{change_id} did harm",
    }
    return ChangeReport(**{**fields, **more})


def change(change_id: str = "C-1", owner: str = "ACME", **more: Any) -> Change:
    return Change.model_validate(change_json(change_id, owner, **more))


def change_json(change_id: str = "C-1", owner: str = "ACME", **more: Any) -> dict[str, Any]:
    given = {
        "change_id": change_id,
        "owner": owner,
        "title": f"{owner}'s work",
        "planned_start": "2026-01-05T00:00:00Z",
        "planned_end": "2026-01-05T02:00:00Z",
    }
    return {**given, **more}


def desk(*records: Alert | Incident | ChangeReport) -> list[Row]:
    """Rows of the triage desk."""
    return rows(
        Decisions(
            alerts=tuple(record for record in records if isinstance(record, Alert)),
            incidents=tuple(record for record in records if isinstance(record, Incident)),
            reports=tuple(record for record in records if isinstance(record, ChangeReport)),
        )
    )


def own(user: str, *records: Alert | ChangeReport) -> list[Row]:
    """Rows of one User's own copies."""
    return rows(
        Decisions(
            user_alerts=tuple((user, record) for record in records if isinstance(record, Alert)),
            user_reports=tuple((user, record) for record in records if isinstance(record, ChangeReport)),
        )
    )


def declared(*changes: Change) -> list[Row]:
    """Rows of changes, for everyone who may see them."""
    return [row for one in changes for row in change_rows(one, MONDAY)]


def traffic(second: int, user: str = "ACME", **more: Any) -> dict[str, Any]:
    at = instant(MONDAY + second * 1_000_000).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {"kind": "traffic", "observed_at": at, "user": user, "direction": "to_dsp", "message_class": "service_request", "messages": 100}
    return {**given, **more}


def queue(second: int, user: str = "ACME", **more: Any) -> dict[str, Any]:
    at = instant(MONDAY + second * 1_000_000).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"kind": "queue", "observed_at": at, "user": user, "queue": "to_user", "depth": 5, **more}


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)
