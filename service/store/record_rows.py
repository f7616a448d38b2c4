"""Record rows: turns decisions into rows to store, each with the audience that may see it."""

from collections.abc import Iterator

from changes.visibility import is_public, summary_json
from models.alert import Alert
from models.canonical_json import to_json
from models.change import Change
from models.change_report import ChangeReport
from models.decisions import Decisions
from models.incident import Incident
from models.times import us
from service.access import DESK, EVERYONE, is_user
from service.store.records import ALERT, CHANGE, INCIDENT, REPORT, Row


def rows(decisions: Decisions) -> list[Row]:
    """Every record; a User's copies under that User only."""
    return [
        *(_alert(DESK, alert) for alert in decisions.alerts),
        *(_alert(user, alert) for user, alert in decisions.user_alerts),
        *(_incident(incident) for incident in decisions.incidents),
        *(_report(DESK, report) for report in decisions.reports),
        *(_report(user, report) for user, report in decisions.user_reports),
    ]


def _alert(audience: str, alert: Alert) -> Row:
    return Row(
        ALERT,
        audience,
        alert.alert_id,
        alert.revision,
        us(alert.as_of),
        to_json(alert),
        status=alert.status,
        topic=alert.kind,
        user=alert.user or "",
        severity=alert.severity,
        incident_id=alert.incident_id or "",
    )


def _incident(incident: Incident) -> Row:
    return Row(
        INCIDENT,
        DESK,
        incident.incident_id,
        incident.revision,
        us(incident.as_of),
        to_json(incident),
        status=incident.status,
        topic=str(incident.category),
        user=incident.origin_user or "",
        incident_id=incident.incident_id,
    )


def _report(audience: str, report: ChangeReport) -> Row:
    return Row(REPORT, audience, report.key, report.revision, us(report.as_of), to_json(report), topic=report.verdict)


def change_rows(change: Change, arrived_us: int) -> Iterator[Row]:
    """A declared revision for the desk, its owner and everyone else, as far as each may see it."""
    as_of_us = us(change.updated_at) if change.updated_at else arrived_us
    whole = to_json(change)
    yield _change(change, whole, DESK, as_of_us)
    if change.source == "user" and is_user(change.owner):
        yield _change(change, whole, change.owner, as_of_us)
    if is_public(change):
        yield _change(change, summary_json(change), EVERYONE, as_of_us)


def _change(change: Change, body: bytes, audience: str, as_of_us: int) -> Row:
    return Row(
        CHANGE,
        audience,
        change.key,
        change.revision,
        as_of_us,
        body,
        owner=change.owner,
        status=change.status,
        topic=change.category,
    )
