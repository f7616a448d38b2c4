"""Correlator: findings of all Users and the calendar in; alerts, incidents, Users' copies and change reports out."""

from collections.abc import Mapping, Sequence
from typing import Any

from changes.calendar import CalendarView
from correlation.alerts.finding_rows import finding_rows
from correlation.alerts.region_alerts import RegionAlerts
from correlation.change_reports.alert_traces import IncidentWithSuspects
from correlation.change_reports.declaration_record import Declarations
from correlation.change_reports.reporter import Reporter
from correlation.evaluation import EvaluatedIncident, Evaluator
from correlation.evaluation_context import EvaluationContext
from correlation.history.fleet_totals import Fleet
from correlation.history.traffic_history import History
from correlation.parameters import CorrelationParameters
from correlation.records.alert_record import due_alert
from correlation.records.incident_record import IncidentRecorder
from correlation.records.revisions import LastRevision
from correlation.redaction.user_alerts import UserAlerts
from models.alert import Alert, Suspect
from models.columns import Detected
from models.decisions import Decisions
from models.state_tree import from_tree, to_plain


class Correlator:
    """The whole state of correlation; the same findings give the same decisions, however they are split.

    `for_users` False: only triage reads, and no User's copies and reports are made; triage's are the same.
    """

    def __init__(self, parameters: CorrelationParameters, *, for_users: bool = True) -> None:
        self._parameters = parameters
        self._history = History()
        self._fleet = Fleet()
        self._wide = RegionAlerts(parameters)
        self._desk = Evaluator(parameters)
        self._issued: dict[str, LastRevision] = {}
        self._chronicle = IncidentRecorder(parameters.remembered_incidents)
        self._copies = UserAlerts(parameters)
        self._reporter = Reporter(parameters)
        self._for_users = for_users

    @property
    def declarations(self) -> Declarations:
        """Every User's declaration record."""
        return self._reporter.declarations

    def step(self, at_us: int, detected: Sequence[Detected], view: CalendarView) -> Decisions:
        """Processes one window end with every resolution that closed in it, in any order and split; none if only the calendar changed."""
        parts = sorted(detected, key=lambda part: (part.window_s, part.pulse.groups[:1], part.queue_pulse.queues[:1]))
        if parts:
            self._history.add_parts(parts)
        self._fleet.update(parts)
        findings = finding_rows(parts)
        if not findings and not self._desk.busy and not self._copies.busy:
            reported = self._reporter.step(at_us, view, self._history, ())
            return Decisions(reports=reported.reports, user_reports=reported.user_reports if self._for_users else ())
        known = EvaluationContext(at_us, view, self._history, self._fleet)
        situations = self._desk.step(known, findings, self._wide.scopes(findings, parts, self._desk.ledger))
        user_alerts, own = self._copies.step(known, findings, self._desk.ledger, situations) if self._for_users else ([], {})
        alerts = self._alerts(situations, view)
        incidents = [record for situation in situations if (record := self._chronicle.record(situation, view)) is not None]
        reported = self._reporter.step(at_us, view, self._history, _judged(situations, own))
        self._forget()
        return Decisions(
            alerts=tuple(alerts),
            user_alerts=tuple(user_alerts),
            incidents=tuple(sorted(incidents, key=lambda incident: incident.incident_id)),
            reports=reported.reports,
            user_reports=reported.user_reports if self._for_users else (),
        )

    def _alerts(self, situations: Sequence[EvaluatedIncident], view: CalendarView) -> list[Alert]:
        drafts = sorted((draft for situation in situations for draft in situation.drafts), key=lambda draft: draft.episode.alert_id)
        due = (due_alert(draft, self._issued.setdefault(draft.episode.alert_id, LastRevision()), view) for draft in drafts)
        return [alert for alert in due if alert is not None]

    def _forget(self) -> None:
        live = {group.alert_id for group in self._desk.ledger.groups.values()}
        self._issued = {alert_id: issued for alert_id, issued in self._issued.items() if alert_id in live}
        self._chronicle.forget(set(self._desk.incidents.events))

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        return {
            "history": self._history.pack(),
            "fleet": self._fleet.pack(),
            "desk": self._desk.pack(),
            "issued": to_plain(self._issued),
            "chronicle": self._chronicle.pack(),
            "copies": self._copies.pack(),
            "reporter": self._reporter.pack(),
        }

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: dict[str, Any], keys_by_id: Mapping[str, str] | None = None) -> "Correlator":
        """Inverse of `pack`; `keys_by_id` as in `Reporter.unpack`."""
        correlator = cls(parameters)
        correlator._history = History.unpack(tree["history"])
        correlator._fleet = Fleet.unpack(tree["fleet"])
        correlator._desk = Evaluator.unpack(parameters, tree["desk"])
        correlator._issued = from_tree(dict[str, LastRevision], tree["issued"])
        correlator._chronicle = IncidentRecorder.unpack(parameters.remembered_incidents, tree["chronicle"])
        correlator._copies = UserAlerts.unpack(parameters, tree["copies"])
        correlator._reporter = Reporter.unpack(parameters, tree["reporter"], keys_by_id)
        return correlator


def _judged(situations: Sequence[EvaluatedIncident], own: dict[str, tuple[Suspect, ...]]) -> list[IncidentWithSuspects]:
    return [
        IncidentWithSuspects(
            situation.case,
            situation.judgement.suspects,
            {episode.alert_id: own[episode.alert_id] for episode in situation.case.episodes if episode.alert_id in own},
            {draft.episode.alert_id: draft.envelope for draft in situation.drafts},
            situation.severity,
            situation.event.resolved_us is not None,
        )
        for situation in situations
        if situation.event.merged_into is None
    ]
