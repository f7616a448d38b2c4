"""Affected Users: the Users that an incident harms beyond declared effects, and in which business processes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from changes.calendar import CalendarView
from changes.scope import scope_users
from correlation.alerts.assignment import Suffering
from correlation.alerts.grouping import AlertGroups
from correlation.grading.declared_effect import Envelope
from correlation.incidents.business_processes import CORE, processes
from correlation.incidents.incidents import Incidents
from correlation.incidents.membership import HARM_KINDS
from correlation.incidents.open_incident import OpenIncident
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.columns import SeriesKey
from models.times import MINUTE_US

_DRAIN_US = 15 * MINUTE_US
"""How long after a declared rise its queue may still grow."""


def record_declared_alerts(event: OpenIncident, envelopes: Mapping[str, Envelope]) -> None:
    """Stores in `event` which alerts are the effects that a change declared before it began."""
    for alert_id, where in envelopes.items():
        if where.position == "within" and not where.declared_late and where.change_key is not None:
            event.declared_alerts[alert_id] = where.change_key
        else:
            event.declared_alerts.pop(alert_id, None)


def declared_load_backlog(episode: AlertSnapshot, event: OpenIncident, view: CalendarView) -> Envelope | None:
    """The envelope of a queue that grows with a declared rise or drains after it, as long as everything else of its User is as declared."""
    others = [one for one in event.members.values() if one.user == episode.user and one.kind != "backlog"]
    change = view.by_key.get(event.declared_alerts.get(others[0].alert_id, "")) if others else None
    if change is None or not all(one.alert_id in event.declared_alerts for one in others):
        return None
    if episode.evidence.get("growth_per_s", 0.0) > 0 and episode.at_us > view.window(change)[1] + _DRAIN_US:
        return None
    return Envelope("within", change.key, f"The queue grows with the traffic that {change.change_id} declared.")


def without_forewarned_users(
    event: OpenIncident, case: IncidentSnapshot, envelopes: Mapping[str, Envelope], view: CalendarView
) -> IncidentSnapshot:
    """`case` without the affected Users whose traffic does what a change declared to them."""
    changes = [
        view.by_key[key] for where in envelopes.values() if where.position == "within" and (key := where.change_key or "") in view.by_key
    ]
    forewarned: set[str] = set()
    harms: dict[str | None, list[AlertSnapshot]] = {}
    for episode in case.episodes:
        if episode.kind in HARM_KINDS:
            harms.setdefault(episode.user, []).append(episode)
    for user in case.affected_users:
        if own := harms.get(user):
            kept = all(episode.alert_id in event.declared_alerts for episode in own)
        else:
            scopes = [scope_users(change) for change in changes]
            kept = any(users is None or user in users for users in scopes)
        forewarned |= {user} if kept else set()
    return replace(case, affected_users=tuple(user for user in case.affected_users if user not in forewarned)) if forewarned else case


def is_collateral(episode: AlertSnapshot, case: IncidentSnapshot) -> bool:
    """Whether it is an effect of another User's incident: its further victims are listed where the incident began."""
    return case.origin_user is not None and episode.user != case.origin_user


def affected_by(episode: AlertSnapshot, case: IncidentSnapshot, where: Envelope) -> tuple[str, ...]:
    """Other Users whose traffic suffers from this alert: none for an alert that is itself an effect, or that was declared to everyone."""
    is_declared = case.origin_user is None and where.position == "within"
    return () if is_collateral(episode, case) or is_declared else case.affected_users


def affected_by_process(case: IncidentSnapshot) -> dict[str, list[str]]:
    """Business process → other Users that can't carry it out as usual."""
    users: dict[str, set[str]] = {}
    for episode in case.episodes:
        if episode.user in case.affected_users and episode.user is not None and episode.kind in HARM_KINDS:
            for process in processes(episode.series):
                users.setdefault(process, set()).add(episode.user)
    return {process: sorted(users[process]) for process in sorted(users)}


def processes_of_alert(episode: AlertSnapshot, case: IncidentSnapshot, stopped: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Processes of its own series, and at the origin those of the Users that suffer; for a queue those of the User's other alerts."""
    keys: set[SeriesKey] = set(episode.series)
    queues = all(key.is_queue for key in keys)
    if queues:
        keys = {key for other in case.episodes if other.user == episode.user for key in other.series}
    own = set(processes(keys)) or (set(CORE) if queues else set())
    if not is_collateral(episode, case):
        own |= stopped.keys()
    return tuple(sorted(own))


def suffering(incidents: Incidents, ledger: AlertGroups) -> Suffering:
    """What Users suffer from another User's incident: by kind and User, the services that are in trouble there."""
    events = [event for _, event in sorted(incidents.events.items()) if event.origin_user is not None and event.affected]
    keys = {group.alert_id: key for key, group in ledger.groups.items()} if events else {}
    troubled: dict[tuple[str, str], frozenset[str]] = {}
    for event in events:
        others = [member.alert_id for member in event.members.values() if member.user not in (None, event.origin_user)]
        services = event.services
        for of in {keys[name][:2] for name in others if name in keys}:
            troubled[of] = troubled.get(of, frozenset()) | services
    return troubled
