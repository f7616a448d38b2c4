"""Records that name only the values that matter to a test."""

import json
from typing import Any

TRAFFIC: dict[str, Any] = {
    "kind": "traffic",
    "observed_at": "2026-01-05T00:10:00Z",
    "user": "SUP-01",
    "direction": "to_dsp",
    "message_class": "service_request",
    "messages": 5,
}
QUEUE: dict[str, Any] = {"kind": "queue", "observed_at": "2026-01-05T00:10:00Z", "user": "SUP-01", "queue": "to_user", "depth": 7}
CHANGE: dict[str, Any] = {
    "change_id": "CHG-1",
    "owner": "SUP-01",
    "title": "Replace the firewall",
    "planned_start": "2026-01-05T22:00:00Z",
    "planned_end": "2026-01-06T00:00:00Z",
}
SERIES: dict[str, Any] = {"user": "SUP-01", "queue": "to_user", "window_s": 60}
ALERT: dict[str, Any] = {
    "alert_id": "a1",
    "revision": 1,
    "as_of": "2026-01-05T00:10:00Z",
    "status": "open",
    "incident_id": "i1",
    "kind": "backlog",
    "user": "SUP-01",
    "series": SERIES,
    "onset_at": "2026-01-05T00:05:00Z",
    "detected_at": "2026-01-05T00:10:00Z",
    "severity": "critical",
    "category": 2,
    "category_reason": "many messages wait",
    "observed": 250000,
    "expected": 40,
    "score": 88.5,
    "evidence": {"depth": 250000, "growth_per_s": 300},
    "next_step": "Ask the owner.",
    "summary": "Messages to SUP-01 pile up.",
}


def text(record: dict[str, Any], **changed: Any) -> str:
    """`record` as JSON with some fields changed; `...` takes a field away."""
    return json.dumps({name: value for name, value in (record | changed).items() if value is not ...})
