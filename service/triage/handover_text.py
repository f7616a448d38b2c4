"""Hand-over and post-mortem as texts, for people to edit and send on."""

from collections.abc import Sequence
from typing import Any

from correlation.phrases import process_names


def summary_text(facts: dict[str, Any]) -> str:
    """The hand-over as Markdown."""
    going_on = [one for one in facts["open_incidents"] if one["standing"] != "closed"]
    closed = [one for one in facts["open_incidents"] if one["standing"] == "closed"]
    lines = [f"# Hand-over, since {facts['since']}", "", f"## Open incidents: {len(going_on)}", *_open(going_on)]
    if closed:
        lines += ["", f"## Closed by the desk, and not over yet: {len(closed)}", *_open(closed)]
    lines += ["", f"## Incidents that ended: {'the newest ' if facts['more_are_over'] else ''}{len(facts['incidents_over'])}"]
    lines += [f"- {one['incident_id']}: {one['summary']}" for one in facts["incidents_over"]]
    lines += ["", f"## Alerts that nobody acknowledged: {len(facts['unacknowledged_alerts'])}"]
    lines += _by_incident(facts["unacknowledged_alerts"])
    lines += ["", "## What was done"]
    lines += _done(facts["actions"])
    lines += ["", "## Changes of the next twelve hours"]
    lines += [f"- {one['from']} to {one['to']}: {one['title']} ({one['owner']}, {one['change_id']})" for one in facts["changes_ahead"]]
    return "\n".join(lines) + "\n"


def _open(incidents: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for one in incidents:
        incident = one["incident"]
        lines.append(f"- {incident['incident_id']}: {incident['summary']}")
        lines.append(f"  {'. '.join(_standing(one['triage']))}.")
        lines += [f"  At risk: {one['change_id']}. {one['why']}" for one in incident["threatened_changes"]]
        lines += [f"  Next step: {incident['next_step']}"] if incident.get("next_step") else []
    return lines


def _standing(state: dict[str, Any] | None) -> list[str]:
    """What people did with an incident, in short sentences."""
    if state is None:
        return ["Nobody acknowledged it"]
    sentences = [f"Acknowledged by {state['acknowledged']['by']}" if state["acknowledged"] else "Nobody acknowledged it"]
    named = {"assigned_to": "Assigned to {}", "ticket": "Ticket {}", "snoozed_until": "Snoozed until {}", "merged_into": "Merged into {}"}
    sentences += [text.format(state[name]) for name, text in named.items() if state.get(name)]
    sentences += [f"Closed by {state['closed']['by']}"] if state.get("closed") else []
    sentences += [f"{one.get('change_id') or one.get('owner')} {one['verdict']} by {one['by']}" for one in state["suspects"]]
    sentences += [f"Silenced in Alertmanager by {one['by']} until {one['until']}" for one in state["silences"]]
    return sentences


def _by_incident(alerts: Sequence[dict[str, Any]]) -> list[str]:
    """One line per incident, because a night has many alerts and few incidents."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        grouped.setdefault(alert["incident_id"] or "", []).append(alert)
    lines = []
    for incident_id, members in sorted(grouped.items()):
        kinds = ", ".join(sorted({alert["kind"] for alert in members}))
        users = sorted({alert["user"] for alert in members if alert["user"]})
        whose = ", ".join(users[:3]) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
        lines.append(f"- {incident_id or 'no incident'}: {len(members)} ({kinds}) at {whose or 'no single User'}")
    return lines


def _done(actions: Sequence[dict[str, Any]]) -> list[str]:
    """The same action of one person on many subjects is one line."""
    lines: dict[tuple[str, str, str], tuple[str, list[str]]] = {}
    for one in actions:
        lines.setdefault((one["by"], one["action"], one.get("note") or ""), (one["at"], []))[1].append(one["id"])
    sentences = []
    for (by, action, note), (at, ids) in lines.items():
        what = ids[0] if len(ids) == 1 else f"{len(ids)} alerts and incidents"
        sentences.append(f"- {at} {by}: {action.replace('_', ' ')} {what}{': ' + note if note else ''}")
    return sentences


def _who_suffered(incident: dict[str, Any]) -> list[str]:
    lines = []
    if incident["affected_users"]:
        lines += ["", f"Affected besides {incident['origin_user'] or 'those named'}: {', '.join(incident['affected_users'])}."]
    for process, lost in sorted((incident.get("missing") or {}).items()):
        lines.append(f"Missing in {process_names([process])}: {lost['messages']:,} messages ({lost['low']:,} to {lost['high']:,}).")
    lines += [f"At risk: {one['change_id']}. {one['why']}" for one in incident["threatened_changes"]]
    return lines


def story_text(facts: dict[str, Any]) -> str:
    """An incident's story as Markdown, with all actions of people."""
    incident = facts["incident"]
    lines = [
        f"# Incident {incident['incident_id']}",
        "",
        incident["summary"],
        "",
        f"Category {incident['category']}: {incident['category_reason']}",
    ]
    lines += [
        f"Opened {incident['opened_at']}, ended {incident.get('ended_at') or 'not yet'}, resolved {incident['resolved_at'] or 'not yet'}."
    ]
    lines += _who_suffered(incident)
    lines += ["", "## What people did", *(f"- {text}" for text in _standing(facts["triage"])), "", "## Timeline"]
    entries = [(entry["at"], entry["text"]) for entry in incident["timeline"]]
    entries += [(one["at"], f"{one['by']}: {one['action']}{' – ' + one['note'] if one.get('note') else ''}") for one in facts["actions"]]
    lines += [f"- {at} {text}" for at, text in sorted(entries)]
    lines += ["", "## Suspects"]
    for suspect in incident["suspects"]:
        reasons = "; ".join(reason["text"] for reason in suspect["reasons"])
        named = suspect["change_id"] or "an undeclared change"
        lines.append(f"- {named} of {suspect['owner']}: {suspect['verdict']} ({suspect['score']}). {reasons}")
    lines += ["", "## Alerts"]
    lines += [f"- {alert['alert_id']} ({alert['severity']}): {alert['summary']}" for alert in facts["alerts"]]
    return "\n".join(lines) + "\n"
