"""Actions of people at the triage desk, stored beside the records: acknowledged, snoozed, silenced, assigned, judged, merged, noted."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.times import format_time, parse_time
from service.access import DESK
from service.store.records import ALERT, INCIDENT


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a person."""

    at_us: int
    actor: str
    subject: str
    action: str
    detail: dict[str, Any]


def add(
    connection: sqlite3.Connection, *, kind: str, subject: str, action: str, actor: str, now_us: int, detail: Mapping[str, Any]
) -> None:
    """Stores one action; an action is never removed, only followed by another."""
    connection.execute(
        "INSERT INTO actions (at_us, actor, subject_kind, subject, action, detail) VALUES (?, ?, ?, ?, ?, ?)",
        (now_us, actor, kind, subject, action, json.dumps(detail, separators=(",", ":"), ensure_ascii=False)),
    )


def exists(connection: sqlite3.Connection, kind: str, subject: str) -> bool:
    """Whether such an alert or incident exists."""
    return (
        connection.execute("SELECT 1 FROM standing WHERE kind = ? AND audience = ? AND id = ?", (kind, DESK, subject)).fetchone()
        is not None
    )


def is_over(connection: sqlite3.Connection, incident_id: str) -> bool:
    """Whether the incident's record is resolved, whatever people did with it."""
    row = connection.execute(
        "SELECT status FROM standing WHERE kind = ? AND audience = ? AND id = ?", (INCIDENT, DESK, incident_id)
    ).fetchone()
    return row is not None and row[0] == "resolved"


def actions(connection: sqlite3.Connection, kind: str, subjects: Iterable[str] | None = None, since_us: int = 0) -> list[Action]:
    """In order; for these subjects, or for all."""
    wanted = None if subjects is None else json.dumps(sorted(set(subjects)))
    rows = connection.execute(
        "SELECT at_us, actor, subject, action, detail FROM actions WHERE subject_kind = ? AND at_us >= ?"
        " AND (? IS NULL OR subject IN (SELECT value FROM json_each(?))) ORDER BY seq",
        (kind, since_us, wanted, wanted),
    )
    return [Action(at_us, actor, subject, action, json.loads(detail)) for at_us, actor, subject, action, detail in rows]


def state(done: Iterable[Action], now_us: int) -> dict[str, dict[str, Any]]:
    """Subject → its present state, the sum of its actions."""
    by_subject: dict[str, dict[str, Any]] = {}
    for action in done:
        _apply(by_subject.setdefault(action.subject, _fresh()), action)
    for one in by_subject.values():
        until = one["snoozed_until"]
        if until is not None and parse_time(until) <= now_us:
            one["snoozed_until"] = None
        one["silences"] = [silence for silence in one["silences"] if parse_time(silence["until"]) > now_us]
    return by_subject


def merges(states: Mapping[str, Mapping[str, Any]], incident_id: str | None) -> list[str]:
    """An incident and those into which people merged it, one after the other; the last one speaks for all."""
    chain: list[str] = []
    while incident_id is not None and incident_id not in chain:
        chain.append(incident_id)
        incident_id = states.get(incident_id, {}).get("merged_into")
    return chain


def is_taken_up(states: Mapping[str, Mapping[str, Any]], subject: str | None) -> bool:
    """Whether somebody acknowledged, snoozed or closed this alert or incident, or an incident into which it is merged."""
    taken = (states.get(name, {}) for name in merges(states, subject))
    return any(one.get("acknowledged") or one.get("snoozed_until") or one.get("closed") for one in taken)


def _fresh() -> dict[str, Any]:
    return {
        "acknowledged": None,
        "snoozed_until": None,
        "silences": [],
        "assigned_to": None,
        "ticket": None,
        "escalated_at": None,
        "closed": None,
        "suspects": [],
        "merged_into": None,
        "alerts_added": [],
        "alerts_split_off": [],
        "notes": [],
        "post_mortem": None,
    }


def _apply(one: dict[str, Any], action: Action) -> None:
    record = {"by": action.actor, "at": format_time(action.at_us), **action.detail}
    match action.action:
        case "acknowledge":
            one["acknowledged"] = record
        case "unacknowledge":
            one["acknowledged"] = None
        case "snooze":
            one["snoozed_until"] = action.detail["until"]
        case "silence" | "unsilence":
            one["silences"] = [silence for silence in one["silences"] if silence["silence_id"] != action.detail["silence_id"]]
            one["silences"] += [record] if action.action == "silence" else []
        case "assign":
            one["assigned_to"] = action.detail["to"]
        case "ticket":
            one["ticket"] = action.detail["reference"]
        case "close":
            one["closed"] = record
        case "reopen":
            one["closed"] = None
        case "post_mortem":
            one["post_mortem"] = record
        case "escalate":
            one["escalated_at"] = record["at"]
        case "merge":
            one["merged_into"] = action.detail["into"]
        case "unmerge":
            one["merged_into"] = None
        case "split":
            one["alerts_split_off"] = sorted({*one["alerts_split_off"], *action.detail["alert_ids"]})
            one["alerts_added"] = sorted(set(one["alerts_added"]) - set(action.detail["alert_ids"]))
        case "add_alerts":
            one["alerts_added"] = sorted({*one["alerts_added"], *action.detail["alert_ids"]})
            one["alerts_split_off"] = sorted(set(one["alerts_split_off"]) - set(action.detail["alert_ids"]))
        case "judge":
            same = (action.detail.get("change_id"), action.detail.get("owner"))
            others = [other for other in one["suspects"] if (other.get("change_id"), other.get("owner")) != same]
            one["suspects"] = [*others, record]
    if action.detail.get("note"):
        one["notes"].append({"at": record["at"], "by": action.actor, "action": action.action, "text": action.detail["note"]})


def unattended(connection: sqlite3.Connection, before_us: int, now_us: int) -> list[tuple[str, bytes]]:
    """(id, body) of open alerts of `warning` or above, first written before then, that nobody took up and that are not escalated yet.

    An alert with a time after now was written before the clock was set back: its waiting time is unknown, so it counts.
    """
    rows = connection.execute(
        "SELECT id, incident_id FROM standing"
        " WHERE kind = ? AND audience = ? AND status <> 'resolved' AND severity IN ('warning', 'critical')"
        " AND (SELECT written_us < ? OR written_us > ? FROM records AS first WHERE first.seq = first_seq)"
        " AND NOT EXISTS (SELECT 1 FROM actions WHERE subject_kind = ? AND subject = id AND action = 'escalate')",
        (ALERT, DESK, before_us, now_us, ALERT),
    ).fetchall()
    if not rows:
        return []
    alerts = state(actions(connection, ALERT, [name for name, _ in rows]), now_us)
    incidents = state(actions(connection, INCIDENT), now_us)
    left = [name for name, incident_id in rows if not (is_taken_up(alerts, name) or is_taken_up(incidents, incident_id))]
    return connection.execute(
        "SELECT standing.id, body FROM standing JOIN records USING (seq) WHERE standing.kind = ? AND standing.audience = ?"
        " AND standing.id IN (SELECT value FROM json_each(?)) ORDER BY seq",
        (ALERT, DESK, json.dumps(left)),
    ).fetchall()
