"""User alerts: each User's own alerts, judged from what it may know, with revisions of their own numbering."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.alerts.finding_rows import FindingRow
from correlation.alerts.grouping import AlertGroups
from correlation.evaluation import EvaluatedIncident, Evaluator
from correlation.evaluation_context import EvaluationContext
from correlation.history.fleet_totals import Fleet
from correlation.parameters import CorrelationParameters
from correlation.records.alert_record import due_alert
from correlation.records.revisions import LastRevision
from correlation.redaction.policy import CopyAllowance, allowance_for, lost_elsewhere, reader_calendar, redacted
from models.alert import Alert, Suspect
from models.state_tree import from_tree, to_plain
from models.times import DAY_US
from models.vocabulary import SEVERITIES


class UserAlerts:
    """One evaluation per User with anything open; `_allowances` stores the allowed facts of each of its alerts."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters
        self._desks: dict[str, Evaluator] = {}
        self._issued: dict[str, dict[str, LastRevision]] = {}
        self._allowances: dict[str, dict[str, CopyAllowance]] = {}
        self._sources: dict[str, dict[str, tuple[object, ...]]] = {}
        """The source of the suspects in `_allowances`, to recognise by identity whether they are still valid; empty after a restart."""
        self._views: dict[str, CalendarView] = {}
        self._viewed: CalendarView | None = None

    @property
    def busy(self) -> bool:
        """Whether any User has anything open."""
        return bool(self._desks)

    def step(
        self, known: EvaluationContext, findings: Sequence[FindingRow], triage: AlertGroups, situations: Sequence[EvaluatedIncident]
    ) -> tuple[list[tuple[str, Alert]], dict[str, tuple[Suspect, ...]]]:
        """The copies of one window, by User, then alert; and every open copy's suspects by `alert_id`."""
        drafts = {draft.episode.alert_id: draft for situation in situations for draft in situation.drafts}
        by_user: dict[str, list[FindingRow]] = {user: [] for user in self._desks}
        for finding in findings:
            by_user.setdefault(finding.key.user, []).append(finding)
        written: list[tuple[str, Alert]] = []
        suspects: dict[str, tuple[Suspect, ...]] = {}
        for user in sorted(by_user):
            for draft in self._drafts(user, by_user[user], known, triage, drafts):
                suspects[draft.episode.alert_id] = draft.suspects
                issued = self._issued[user].setdefault(draft.episode.alert_id, LastRevision())
                record = due_alert(draft, issued, self._view(user, known.view))
                if record is not None:
                    written.append((user, record))
        self._forget()
        return written, suspects

    def _drafts(
        self, user: str, findings: list[FindingRow], known: EvaluationContext, triage: AlertGroups, drafts: Mapping[str, Draft]
    ) -> list[Draft]:
        desk = self._desks.setdefault(user, Evaluator(self._parameters, user))
        self._issued.setdefault(user, {})
        allowances = self._allowances.setdefault(user, {})
        own = EvaluationContext(known.at_us, self._view(user, known.view), known.history.restricted_to(user), Fleet())
        mine = [draft for situation in desk.step(own, findings) for draft in situation.drafts]
        copies: list[Draft] = []
        for draft in sorted(mine, key=lambda draft: draft.episode.alert_id):
            alert_id = draft.episode.alert_id
            now = _triage_counterparts(draft, triage, drafts)
            if now:
                gravest = min(now, key=lambda twin: (-SEVERITIES.index(twin.severity), twin.category.number, twin.episode.alert_id))
                allowances[alert_id] = self._allowance(user, alert_id, gravest, known, allowances.get(alert_id))
            allowed = allowances.get(alert_id) or CopyAllowance(draft.severity, draft.category.number)
            copies.append(redacted(draft, allowed, user))
        return copies

    def _allowance(self, user: str, alert_id: str, draft: Draft, known: EvaluationContext, before: CopyAllowance | None) -> CopyAllowance:
        """The facts that `user` may know; its suspects are redacted once as long as they are the same."""
        sources, day = self._sources.setdefault(user, {}), known.at_us // DAY_US
        suspects, view, decided_on = sources.get(alert_id, (None, None, 0))
        if before is not None and suspects is draft.suspects and view is known.view and decided_on == day:
            return CopyAllowance(draft.severity, draft.category.number, before.others, before.own, lost_elsewhere(draft))
        sources[alert_id] = (draft.suspects, known.view, day)
        return allowance_for(draft, user, known.view)

    def _view(self, user: str, view: CalendarView) -> CalendarView:
        """The calendar for `user`; created once while nothing changes."""
        if view is not self._viewed:
            self._viewed, self._views = view, {}
        if user not in self._views:
            self._views[user] = reader_calendar(user, view)
        return self._views[user]

    def _forget(self) -> None:
        for user in [user for user, desk in self._desks.items() if not desk.busy]:
            del self._desks[user], self._issued[user], self._allowances[user]
            self._sources.pop(user, None)
        for user, desk in self._desks.items():
            live = {group.alert_id for group in desk.ledger.groups.values()}
            self._issued[user] = {key: one for key, one in self._issued[user].items() if key in live}
            self._allowances[user] = {key: one for key, one in self._allowances[user].items() if key in live}
            self._sources[user] = {key: one for key, one in self._sources.get(user, {}).items() if key in live}

    def pack(self) -> Any:
        """State as a tree for `models.state_bytes`."""
        return [
            [user, self._desks[user].pack(), to_plain(self._issued[user]), to_plain(self._allowances[user])] for user in sorted(self._desks)
        ]

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: Any) -> Self:
        """Inverse of `pack`."""
        copies = cls(parameters)
        for user, desk, issued, allowances in tree:
            copies._desks[user] = Evaluator.unpack(parameters, desk, user)
            copies._issued[user] = from_tree(dict[str, LastRevision], issued)
            copies._allowances[user] = from_tree(dict[str, CopyAllowance], allowances)
        return copies


def _triage_counterparts(own: Draft, triage: AlertGroups, drafts: Mapping[str, Draft]) -> list[Draft]:
    """Triage's drafts of the same findings: the same alert, or the region's alert that includes them."""
    kind, user = own.episode.kind, own.episode.user or ""
    keys = {key for series in own.episode.active if (key := triage.group_of((kind, series))) is not None} or {(kind, user, "")}
    ids = [triage.groups[key].alert_id for key in sorted(keys) if key in triage.groups]
    return [drafts[alert_id] for alert_id in ids if alert_id in drafts]
