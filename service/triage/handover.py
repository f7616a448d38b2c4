"""Hand-over and post-mortem: the current state and the actions so far, for people who were not present."""

import json
import sqlite3
from collections.abc import Container, Mapping, Sequence
from functools import partial
from typing import Any

from changes.windows import window_us
from models.change import Change
from models.times import HOUR_US, format_time
from service.access import Principal, Role
from service.store import records, triage_actions
from service.store.records import ALERT, INCIDENT
from service.triage.handover_text import story_text, summary_text

_AHEAD_US = 12 * HOUR_US
_MOST_OVER = 100
_DESK = Principal("", "", Role.TRIAGE)


def summary(connection: sqlite3.Connection, since_us: int, now_us: int, changes: Sequence[Change], at_us: int) -> dict[str, Any]:
    """The information for the next shift; `at_us` is event time, with which the windows of changes are compared."""
    incidents = [json.loads(body) for *_, body in records.standing_open(connection, INCIDENT)]
    standing = {one["incident_id"]: one for one in incidents}
    alerts = [json.loads(body) for *_, body in records.standing_open(connection, ALERT)]
    done = {kind: triage_actions.state(triage_actions.actions(connection, kind), now_us) for kind in (ALERT, INCIDENT)}
    actions = [
        {"at": format_time(action.at_us), "by": action.actor, "kind": kind, "id": action.subject, "action": action.action, **action.detail}
        for kind in (INCIDENT, ALERT)
        for action in triage_actions.actions(connection, kind, since_us=since_us)
    ]
    over, more = _over(connection, at_us - (now_us - since_us))
    facts: dict[str, Any] = {
        "since": format_time(since_us),
        "open_incidents": [
            {"incident": one, "triage": done[INCIDENT].get(name), "standing": _standing(name, done[INCIDENT], standing)}
            for name, one in standing.items()
        ],
        "incidents_over": [
            {name: one[name] for name in ("incident_id", "summary", "opened_at", "ended_at", "resolved_at")} for one in over
        ],
        "more_are_over": more,
        "unacknowledged_alerts": [one for one in alerts if one["severity"] != "info" and not _taken_up(one, done)],
        "actions": sorted(actions, key=lambda action: action["at"]),
        "changes_ahead": [_ahead(change) for change in _soon(changes, at_us)],
    }
    return {**facts, "text": summary_text(facts)}


def _over(connection: sqlite3.Connection, since_us: int) -> tuple[list[dict[str, Any]], bool]:
    """Incidents that ended since an event time, newest first, and whether there are more than the most that are named."""
    wanted = records.Wanted(INCIDENT, since_us=since_us, limit=_MOST_OVER, equal=(("status", "resolved"),))
    bodies, following = records.page(connection, _DESK, wanted)
    incidents = [one for one in map(json.loads, bodies) if not one["summary"].startswith("Merged into ")]
    return incidents, following is not None


def _taken_up(alert: dict[str, Any], done: dict[str, dict[str, dict[str, Any]]]) -> bool:
    return any(triage_actions.is_taken_up(done[kind], alert[field]) for kind, field in ((ALERT, "alert_id"), (INCIDENT, "incident_id")))


def _standing(incident_id: str, states: Mapping[str, dict[str, Any]], open_ids: Container[str]) -> str:
    """`closed` by people, `merged` into one that is on the list of open ones, or `open`: on that list itself."""
    chain = triage_actions.merges(states, incident_id)
    if any(states.get(name, {}).get("closed") for name in chain):
        return "closed"
    return "merged" if len(chain) > 1 and chain[-1] in open_ids else "open"


def _soon(changes: Sequence[Change], at_us: int) -> list[Change]:
    def wanted(change: Change) -> bool:
        start_us, end_us = window_us(change)
        return change.explains and start_us <= at_us + _AHEAD_US and end_us >= at_us

    return sorted(filter(wanted, changes), key=lambda change: (window_us(change), change.change_id))


def _ahead(change: Change) -> dict[str, Any]:
    start_us, end_us = window_us(change)
    return {
        "change_id": change.change_id,
        "owner": change.owner,
        "title": change.title,
        "from": format_time(start_us),
        "to": format_time(end_us),
    }


def story(connection: sqlite3.Connection, incident_id: str, now_us: int) -> dict[str, Any] | None:
    """One incident with everything about it; None if there is none of this id."""
    body = records.one(connection, _DESK, INCIDENT, incident_id)
    if body is None:
        return None
    incident = json.loads(body)
    state = triage_actions.state(triage_actions.actions(connection, INCIDENT, [incident_id]), now_us).get(incident_id)
    ids = set(incident["alert_ids"])
    if state:
        ids = (ids | set(state["alerts_added"])) - set(state["alerts_split_off"])
    one = partial(records.one, connection, _DESK, ALERT)
    alerts = [json.loads(alert) for name in sorted(ids) if (alert := one(name)) is not None]
    actions = [
        {"at": format_time(action.at_us), "by": action.actor, "id": action.subject, "action": action.action, **action.detail}
        for kind, names in ((INCIDENT, {incident_id}), (ALERT, ids))
        for action in triage_actions.actions(connection, kind, names)
    ]
    facts = {"incident": incident, "triage": state, "alerts": alerts, "actions": sorted(actions, key=lambda action: action["at"])}
    return {**facts, "markdown": story_text(facts)}
