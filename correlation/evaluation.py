"""Desk: one reader's alerts and incidents, from findings to drafts; triage has one with everything, each User one with its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from changes.calendar import CalendarView
from correlation.alert_draft import Draft, display_order, messenger_of
from correlation.alerts.assignment import NO_GROUPS, GroupAssignment
from correlation.alerts.finding_rows import FindingRow
from correlation.alerts.grouping import AlertGroup, AlertGroups, GroupKey
from correlation.attribution.alert_reasons import OwnReasons
from correlation.attribution.reassessment import CachedCause, CauseCache
from correlation.attribution.suspects import suspects_of_alert
from correlation.evaluation_context import EvaluationContext
from correlation.grading.affected_users import (
    affected_by,
    affected_by_process,
    declared_load_backlog,
    is_collateral,
    processes_of_alert,
    record_declared_alerts,
    suffering,
    without_forewarned_users,
)
from correlation.grading.alert_grades import AlertGrades, AlertHysteresis, own_category
from correlation.grading.declared_cause import declared_cause
from correlation.grading.declared_effect import Envelope
from correlation.grading.incident_category import Category, CategoryInputs, categorise, never_milder
from correlation.grading.losing_with import losing_with
from correlation.grading.missing_messages import missing_messages
from correlation.grading.threatened_changes import ThreatInputs, threatened
from correlation.history.resolution_history import FIVE_MINUTES_US
from correlation.incidents.harm import harms
from correlation.incidents.incidents import Incidents
from correlation.incidents.membership import MembershipRules
from correlation.incidents.missing_answers import MissingAnswers
from correlation.incidents.open_incident import OpenIncident
from correlation.incidents.phase import follow
from correlation.incidents.recovery import Recovery, assess, ended_us, storms_on
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.alert import ThreatenedChange
from models.state_tree import from_tree, to_plain
from models.times import MINUTE_US, SECOND_US
from models.vocabulary import SEVERITIES, Severity


@dataclass(frozen=True, slots=True)
class EvaluatedIncident:
    """One incident in one window with the drafts of its alerts, the leading one first."""

    event: OpenIncident
    case: IncidentSnapshot
    judgement: CachedCause
    category: Category
    threatened: tuple[ThreatenedChange, ...]
    severity: Severity
    """The gravest of its alerts in this window; what it was last where none is looked at."""
    could_be_affected: int
    """Users other than the origin."""
    drafts: tuple[Draft, ...]
    missing: Callable[[], Mapping[str, MissingAnswers]] = dict
    """Messages that did not come, by process; measured only when a revision is written."""


class Evaluator:
    """Evaluates each window's findings; it writes no records itself."""

    def __init__(self, parameters: CorrelationParameters, reader: str | None = None) -> None:
        self._parameters = parameters
        self._reader = reader
        self.ledger = AlertGroups(parameters)
        self.incidents = Incidents(parameters)
        self.judgements = CauseCache(parameters)
        self.grades = AlertGrades(parameters)

    @property
    def busy(self) -> bool:
        """Whether anything is open or may come back."""
        return bool(self.ledger) or bool(self.incidents)

    def step(self, known: EvaluationContext, rows: Sequence[FindingRow], wide: frozenset[GroupKey] = NO_GROUPS) -> list[EvaluatedIncident]:
        """One window: every incident that is open, or changed in it; of what is over, what a change explains that was declared since."""
        at_us = known.at_us
        suffered = {} if self._reader else suffering(self.incidents, self.ledger)
        placing = GroupAssignment(at_us, rows, self.ledger, self._parameters, wide, suffered)
        self.ledger.apply(at_us, rows, placing.group_for, lambda group: storms_on(self.ledger.episode(group, at_us), known.history))
        groups = [self.ledger.groups[key] for key in sorted(self.ledger.groups)]
        looked_at = self._alerts_due(known, groups)
        for group in groups:
            if group.ended_us == at_us and group.over_us is None and not group.lasting:
                group.over_us = self._over_us(group, known)
        episodes = [self.ledger.episode(group, at_us) for group in groups if group.touched_us == at_us and group.alert_id in looked_at]
        alerts = {group.alert_id: not group.resolved for group in groups}
        before = {key: (event.resolved_us, event.ended_us) for key, event in self.incidents.events.items()}
        joining = MembershipRules(known.history, self._parameters, lambda episode: _declared_cause(episode, known.view))
        self.incidents.apply(at_us, episodes, alerts, joining)
        if self._reader is None:
            self._release(at_us, looked_at, joining)
        self._recover(known, looked_at, groups)
        open_now = {group.alert_id for group in groups if not group.resolved}
        for key, (resolved_us, over_us) in before.items():
            # What comes back and is seen to be no more than the tail changes nothing of when it was over.
            event = self.incidents.events.get(key)
            if event is None or resolved_us is None:
                continue
            if event.resolved_us == at_us or open_now.isdisjoint(event.members):
                event.resolved_us, event.ended_us = resolved_us, over_us
            elif event.resolved_us is None and event.course.back_since_us is None:
                event.comes_back(at_us)
        resolved = {group.alert_id for group in groups if group.resolved}
        current = {group.alert_id for group in groups if not group.resolved or group.touched_us == at_us}
        self.grades.keep(alerts)
        self.judgements.forget(set(self.incidents.events))
        return [
            self._situation(event, known, current, resolved)
            for _, event in sorted(self.incidents.events.items())
            if event.changed_us == at_us
            or (event.merged_into is None and not looked_at.isdisjoint(event.members))
            or (event.is_over and self.judgements.may_know_more(event.case(at_us), known.view))
        ]

    def _release(self, at_us: int, looked_at: set[str], joining: MembershipRules) -> None:
        """Once a minute, of each incident that is looked at: what joined it and turns out to be of another cause leaves it."""
        if at_us % MINUTE_US:
            return
        for _, event in sorted(self.incidents.events.items()):
            if event.merged_into is None and event.resolved_us is None and not looked_at.isdisjoint(event.members):
                self.incidents.release(at_us, event, joining)

    def _over_us(self, group: AlertGroup, known: EvaluationContext) -> int | None:
        """When the trouble of an alert ended that has just fallen quiet: its detectors waited to be sure."""
        episode = self.ledger.episode(group, known.at_us)
        end_us = ended_us(episode, known.history)
        least_us = episode.onset_us + min(key.window_s for key in episode.series) * SECOND_US
        return None if end_us is None else min(max(end_us, least_us), known.at_us)

    def _recover(self, known: EvaluationContext, looked_at: set[str], groups: Sequence[AlertGroup]) -> None:
        """Decides of every incident that is due whether it is over, or has come back."""
        by_id = {group.alert_id: group for group in groups}
        for _, event in sorted(self.incidents.events.items()):
            own = [by_id[alert_id] for alert_id in sorted(event.members) if alert_id in by_id]
            lingers = any(group.closed for group in own)
            due = not looked_at.isdisjoint(event.members) if event.resolved_us is None else lingers and known.at_us % MINUTE_US == 0
            if event.merged_into is not None or not due:
                continue
            recovery = self._recovery(event, known)
            if event.resolved_us is None and self._reader is None and not recovery.back:
                self._spread(event, known)
            if event.resolved_us is None and recovery.over:
                self._close(event, own, known, recovery.ended_us)
            elif event.resolved_us is not None and recovery.relapsed and self.incidents.may_return(known.at_us, event):
                self._reopen(event, [group for group in own if group.closed], known.at_us)

    def _recovery(self, event: OpenIncident, known: EvaluationContext) -> Recovery:
        members = [event.members[alert_id] for alert_id in sorted(event.members)]
        elsewhere = self.incidents.hit_by_others(event)
        losses = harms(event.course.usual, members, event.origin_user, elsewhere, event.opened_us, known.history)
        recovery = assess(event.course, losses, known.at_us, shared=bool(elsewhere.users))
        follow(event.course, losses, known.at_us, back=recovery.back, over=recovery.over or event.resolved_us is not None)
        return recovery

    def _spread(self, event: OpenIncident, known: EvaluationContext) -> None:
        """Once in five minutes: who loses with it though no single series shows that."""
        window_us = min(key.window_s for one in event.members.values() for key in one.series) * SECOND_US
        if known.at_us // FIVE_MINUTES_US == (known.at_us - window_us) // FIVE_MINUTES_US:
            return
        losing = losing_with(event, self.incidents, known)
        if not losing <= event.affected:
            event.affected |= losing
            event.changed_us = known.at_us

    def _close(self, event: OpenIncident, own: Sequence[AlertGroup], known: EvaluationContext, end_us: int | None) -> None:
        end_us = known.at_us if end_us is None else end_us
        event.resolved_us, event.ended_us, event.changed_us = known.at_us, end_us, known.at_us
        elsewhere = self.incidents.hit_by_others(event)
        for group in own:
            if group.resolved:
                continue
            member = event.members[group.alert_id]
            home = None if event.began_with(member) else elsewhere.home(member)
            if home is not None and member.open and len(event.members) > 1:
                self.incidents.move(known.at_us, event, group.alert_id, home)
                continue
            self.ledger.close(group, known.at_us, max(end_us, group.onset_us))
            event.members[group.alert_id] = self.ledger.episode(group, known.at_us)

    def _reopen(self, event: OpenIncident, own: Sequence[AlertGroup], at_us: int) -> None:
        event.resolved_us, event.ended_us, event.changed_us, event.course.back_since_us = None, None, at_us, None
        for group in own:
            self.ledger.reopen(group, at_us)
            event.members[group.alert_id] = self.ledger.episode(group, at_us)

    def _alerts_due(self, known: EvaluationContext, groups: Sequence[AlertGroup]) -> set[str]:
        """Alerts whose incidents are judged in this window: of a long incident not every short window brings news."""
        open_now = {group.alert_id for group in groups if not group.resolved}
        due = {group.alert_id for group in groups if group.is_due(known.at_us)}
        chosen = set(due)
        for event in self.incidents.events.values():
            mine = event.members.keys()
            standing = self.judgements.standing.get(event.incident_id)
            if not due.isdisjoint(mine) or standing is None or standing.version != known.view.version:
                chosen |= open_now & mine
        return chosen

    def _situation(self, event: OpenIncident, known: EvaluationContext, current: set[str], resolved: set[str]) -> EvaluatedIncident:
        case = event.case(known.at_us)
        before = self.judgements.standing.get(event.incident_id)
        judgement = self.judgements.judge(case, event.changed_us, known.view, known.history, over=event.is_over)
        shown = current | resolved if judgement.was_declared_since(before) else current
        episodes = [] if event.merged_into else [episode for episode in case.episodes if episode.alert_id in shown]
        envelopes = self._envelopes(event, episodes, known)
        case = without_forewarned_users(event, case, envelopes, known.view)
        grades = {
            episode.alert_id: self.grades.severity(episode, case, envelopes[episode.alert_id], judgement.nature, known)
            for episode in episodes
        }
        gravest = max(grades.values(), key=SEVERITIES.index) if grades else "info"
        within = bool(envelopes) and all(one.position == "within" for one in envelopes.values())
        stopped = affected_by_process(case)
        phase = event.course.phase
        category = categorise(CategoryInputs(case, known.fleet.users, gravest, within, stopped, phase), self._parameters.categories)
        category = never_milder(event, category)
        danger = ThreatInputs(case, gravest, category.number, judgement.suspects, phase)
        at_risk = threatened(danger, known.view, self._parameters)
        own = OwnReasons(case, known.view)
        messenger = messenger_of(case)
        drafts = [
            Draft(
                episode=episode,
                case=case,
                resolved=episode.alert_id in resolved,
                incident_id=event.incident_id,
                severity=grades[episode.alert_id],
                category=own_category(category, grades[episode.alert_id], envelopes[episode.alert_id]),
                processes=processes_of_alert(episode, case, stopped),
                suspects=own.of(suspects_of_alert(judgement.suspects, episode.user, case.origin_user, known.view), episode),
                envelope=envelopes[episode.alert_id],
                affected=affected_by(episode, case, envelopes[episode.alert_id]),
                threatened=() if is_collateral(episode, case) else at_risk,
                nature=judgement.nature,
                reader=self._reader,
                phase=phase,
                carries_news=episode.alert_id == messenger,
                woke=self.grades.woke(episode),
            )
            for episode in episodes
        ]
        drafts.sort(key=lambda draft: display_order(draft))
        if grades:
            event.severity = max(event.severity, gravest, key=SEVERITIES.index)
        others = max(known.fleet.users - (event.origin_user is not None), 0)
        missing = partial(missing_messages, event, tuple(self.incidents.events.values()), known.at_us, known.view, known.history)
        return EvaluatedIncident(event, case, judgement, category, at_risk, event.severity, others, tuple(drafts), missing)

    def _envelopes(self, event: OpenIncident, episodes: Sequence[AlertSnapshot], known: EvaluationContext) -> dict[str, Envelope]:
        envelopes = {episode.alert_id: self.grades.envelope(episode, known) for episode in episodes}
        record_declared_alerts(event, envelopes)
        for episode in episodes:
            if episode.kind == "backlog" and envelopes[episode.alert_id].position != "within":
                envelopes[episode.alert_id] = declared_load_backlog(episode, event, known.view) or envelopes[episode.alert_id]
        return envelopes

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        return {
            "ledger": self.ledger.pack(),
            "incidents": self.incidents.pack(),
            "judgements": self.judgements.pack(),
            "stood": to_plain(self.grades.stood),
        }

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: Mapping[str, Any], reader: str | None = None) -> "Evaluator":
        """The desk that `pack` was called on."""
        desk = cls(parameters, reader)
        desk.ledger = AlertGroups.unpack(parameters, tree["ledger"])
        desk.incidents = Incidents.unpack(parameters, tree["incidents"])
        desk.judgements = CauseCache.unpack(parameters, tree["judgements"])
        desk.grades.stood = from_tree(dict[str, AlertHysteresis], tree["stood"])
        for (_, fields), stood in zip(tree["stood"], desk.grades.stood.values(), strict=True):
            # An earlier release wrote no `woke`: what was more than `info` stays so.
            stood.woke |= len(fields) < len(AlertHysteresis.__dataclass_fields__) and stood.severity != "info"
        return desk


def _declared_cause(episode: AlertSnapshot, view: CalendarView) -> str | None:
    change = declared_cause(episode, view)
    return None if change is None else change.key
