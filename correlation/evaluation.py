"""Desk: one reader's alerts and incidents, from findings to drafts; triage has one with everything, each User one with its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.alerts.assignment import NO_GROUPS, GroupAssignment
from correlation.alerts.finding_rows import FindingRow
from correlation.alerts.grouping import AlertGroup, AlertGroups, GroupKey
from correlation.attribution.alert_reasons import with_own_reasons
from correlation.attribution.reassessment import CachedCause, CauseCache
from correlation.attribution.suspects import suspects_of_alert
from correlation.grading.affected_users import (
    affected_by,
    affected_by_process,
    declared_load_backlog,
    is_collateral,
    processes_of_alert,
    record_declared_alerts,
    without_forewarned_users,
)
from correlation.grading.declared_cause import declared_cause
from correlation.grading.declared_effect import Envelope, declares_effect_on, envelope
from correlation.grading.incident_category import Category, CategoryInputs, categorise
from correlation.grading.missing_messages import missing_messages
from correlation.grading.severity import SeverityInputs, severity
from correlation.grading.threatened_changes import ThreatInputs, threatened
from correlation.history.fleet_totals import Fleet
from correlation.history.habit import is_habit
from correlation.history.traffic_history import FIVE_MINUTES_US, History
from correlation.incidents.incidents import Incidents, OpenIncident
from correlation.incidents.membership import MembershipRules, possible_causes
from correlation.incidents.missing_answers import MissingAnswers
from correlation.incidents.phase import follow
from correlation.incidents.recovery import Recovery, assess, ended_us, harms
from correlation.incidents.shared_loss import losing_users
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.alert import ThreatenedChange
from models.columns import SeriesKey
from models.state_tree import from_tree, to_plain
from models.times import MINUTE_US, SECOND_US
from models.vocabulary import SEVERITIES, Severity

_DECAY = 0.8
_MORE_THAN_ANY_DEPTH = 1e12
_LEAST_NATS = 5.0
"""What shows less evidence is about to end: it is not abnormal enough to be beyond anything."""
_SURE, _SETTLED = 2, 3
"""Windows in a row that take an alert beyond its envelope, and that keep it there."""


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What a reader may know in one window."""

    at_us: int
    view: CalendarView
    history: History
    fleet: Fleet


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


@dataclass(slots=True)
class AlertHysteresis:
    """How an alert stood before, so that it does not waver."""

    severity: Severity = "info"
    observed: float = 0.0
    """Fading sums of the last windows."""
    expected: float = 0.0
    within: bool = False
    """Whether it kept to its envelope; granted at first to too little traffic: one empty window is soon had by chance."""
    beyond_run: int = 0
    """Windows in a row beyond its envelope."""
    beyond: bool = False
    """Whether it went beyond for good."""


class Evaluator:
    """Evaluates each window's findings; it writes no records itself."""

    def __init__(self, parameters: CorrelationParameters, reader: str | None = None) -> None:
        self._parameters = parameters
        self._reader = reader
        self.ledger = AlertGroups(parameters)
        self.incidents = Incidents(parameters)
        self.judgements = CauseCache(parameters)
        self._stood: dict[str, AlertHysteresis] = {}

    @property
    def busy(self) -> bool:
        """Whether anything is open or may come back."""
        return bool(self.ledger) or bool(self.incidents)

    def step(self, known: EvaluationContext, found: Sequence[FindingRow], wide: frozenset[GroupKey] = NO_GROUPS) -> list[EvaluatedIncident]:
        """One window: every incident that is open, or changed in it."""
        at_us = known.at_us
        placing = GroupAssignment(at_us, found, self.ledger, self._parameters, wide)
        self.ledger.apply(at_us, found, placing.group_for)
        groups = [self.ledger.groups[key] for key in sorted(self.ledger.groups)]
        looked_at = self._alerts_due(known, groups)
        for group in groups:
            if group.ended_us == at_us and group.over_us is None:
                group.over_us = self._over_us(group, known)
        episodes = [self.ledger.episode(group, at_us) for group in groups if group.touched_us == at_us and group.alert_id in looked_at]
        alerts = {group.alert_id: not group.resolved for group in groups}
        before = {key: (event.resolved_us, event.ended_us) for key, event in self.incidents.events.items()}
        joining = MembershipRules(known.history, self._parameters, lambda episode: _declared_cause(episode, known.view))
        self.incidents.apply(at_us, episodes, alerts, joining)
        if self._reader is None:
            self._release(at_us, looked_at, joining)
        self._recover(known, looked_at, groups)
        for key, (resolved_us, over_us) in before.items():
            # What comes back and is seen to be no more than the tail changes nothing of when it was over.
            event = self.incidents.events.get(key)
            if event is not None and resolved_us is not None and event.resolved_us == at_us:
                event.resolved_us, event.ended_us = resolved_us, over_us
        resolved = {group.alert_id for group in groups if group.resolved}
        current = {group.alert_id for group in groups if not group.resolved or group.touched_us == at_us}
        self._stood = {alert_id: stood for alert_id, stood in self._stood.items() if alert_id in alerts}
        self.judgements.forget(set(self.incidents.events))
        return [
            self._situation(event, known, current, resolved)
            for _, event in sorted(self.incidents.events.items())
            if event.changed_us == at_us or (event.merged_into is None and not looked_at.isdisjoint(event.members))
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
            elif event.resolved_us is not None and recovery.relapsed:
                self._reopen(event, [group for group in own if group.closed], known.at_us)

    def _recovery(self, event: OpenIncident, known: EvaluationContext) -> Recovery:
        members = [event.members[alert_id] for alert_id in sorted(event.members)]
        elsewhere = self.incidents.hit_by_others(event)
        found = harms(event.course, members, event.origin_user, elsewhere, event.opened_us, known.history)
        recovery = assess(event.course, found, known.at_us, shared=bool(elsewhere.users))
        follow(event.course, found, back=recovery.back or event.resolved_us is not None)
        return recovery

    def _spread(self, event: OpenIncident, known: EvaluationContext) -> None:
        """Once in five minutes: who loses with it though no single series shows that."""
        members = tuple(event.members.values())
        window_us = min(key.window_s for one in members for key in one.series) * SECOND_US
        if known.at_us // FIVE_MINUTES_US == (known.at_us - window_us) // FIVE_MINUTES_US:
            return
        causes = [one for one in possible_causes(members, event.origin_user) if one.open]
        if not causes or self.incidents.is_overlaid(event, known.at_us):
            return
        elsewhere = self.incidents.hit_by_others(event, younger=True)
        waiting = {one.user for one in members if one.kind == "backlog"}
        since_us = event.case(known.at_us).onset_us
        declared = [
            change for change in known.view.between(since_us, known.at_us) if change.source == "dcc" and change.expected is not None
        ]

        def explained(key: SeriesKey) -> bool:
            if key.user in waiting or elsewhere.explains("drop", key):
                return True
            return any(declares_effect_on(change, key) for change in declared)

        alone = not self.incidents.is_overlaid(event, known.at_us, by_older=True)
        losing = losing_users(event.origin_user, since_us, known.at_us, explained, known.history, alone=alone)
        if not set(losing) <= event.affected:
            event.affected |= set(losing)
            event.changed_us = known.at_us

    def _close(self, event: OpenIncident, own: Sequence[AlertGroup], known: EvaluationContext, end_us: int | None) -> None:
        end_us = known.at_us if end_us is None else end_us
        event.resolved_us, event.ended_us, event.changed_us = known.at_us, end_us, known.at_us
        elsewhere = self.incidents.hit_by_others(event)
        for group in own:
            if group.resolved:
                continue
            member = event.members[group.alert_id]
            home = elsewhere.home(member)
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
        judgement = self.judgements.judge(case, event.changed_us, known.view, known.history)
        episodes = [] if event.merged_into else [episode for episode in case.episodes if episode.alert_id in current]
        envelopes = {episode.alert_id: self._envelope(episode, known) for episode in episodes}
        record_declared_alerts(event, envelopes)
        for episode in episodes:
            if episode.kind == "backlog" and envelopes[episode.alert_id].position != "within":
                envelopes[episode.alert_id] = declared_load_backlog(episode, event, known.view) or envelopes[episode.alert_id]
        case = without_forewarned_users(event, case, envelopes, known.view)
        grades = {episode.alert_id: self._grade(episode, case, envelopes[episode.alert_id], judgement, known) for episode in episodes}
        gravest = max(grades.values(), key=SEVERITIES.index) if grades else "info"
        within = bool(envelopes) and all(one.position == "within" for one in envelopes.values())
        stopped = affected_by_process(case)
        category = categorise(CategoryInputs(case, known.fleet.users, gravest, within, stopped), self._parameters.categories)
        category = _never_milder(event, category)
        at_risk = threatened(ThreatInputs(case, gravest, category.number, judgement.suspects), known.view, self._parameters)
        drafts = [
            Draft(
                episode=episode,
                case=case,
                resolved=episode.alert_id in resolved,
                incident_id=event.incident_id,
                severity=grades[episode.alert_id],
                category=_own_category(category, grades[episode.alert_id], envelopes[episode.alert_id]),
                processes=processes_of_alert(episode, case, stopped),
                suspects=with_own_reasons(
                    suspects_of_alert(judgement.suspects, episode.user, case.origin_user, known.view), episode, case, known.view
                ),
                envelope=envelopes[episode.alert_id],
                affected=affected_by(episode, case, envelopes[episode.alert_id]),
                threatened=() if is_collateral(episode, case) else at_risk,
                nature=judgement.nature,
                reader=self._reader,
            )
            for episode in episodes
        ]
        drafts.sort(key=lambda draft: _display_order(draft, case))
        if grades:
            event.severity = max(event.severity, gravest, key=SEVERITIES.index)
        others = max(known.fleet.users - (event.origin_user is not None), 0)
        missing = partial(missing_messages, event, tuple(self.incidents.events.values()), known.at_us, known.view, known.history)
        return EvaluatedIncident(event, case, judgement, category, at_risk, event.severity, others, tuple(drafts), missing)

    def _envelope(self, episode: AlertSnapshot, known: EvaluationContext) -> Envelope:
        """Beyond is what one window shows and the last few together: a small User's counts are beyond any bound now and then."""
        lacks = episode.direction in ("down", "silent")
        stood = self._stood.setdefault(episode.alert_id, AlertHysteresis(within=lacks))
        if episode.at_us == known.at_us:
            stood.observed = _DECAY * stood.observed + episode.observed
            stood.expected = _DECAY * stood.expected + episode.expected
        found = envelope(episode, known.view)
        if found.position == "beyond" and episode.kind != "backlog" and stood.expected > 0:
            lately = replace(episode, observed=stood.observed, expected=stood.expected, ratio=stood.observed / stood.expected)
            found = envelope(lately, known.view)
        if found.position == "beyond" and episode.score < _LEAST_NATS and not stood.beyond:
            found = replace(found, position="within")
        stood.beyond_run = stood.beyond_run + 1 if found.position == "beyond" else 0
        stood.beyond |= stood.beyond_run >= _SETTLED
        if stood.beyond and found.position == "within":
            return replace(found, position="beyond")
        if stood.within and 0 < stood.beyond_run < _SURE:
            return replace(found, position="within")
        stood.within = found.position == "within"
        return found

    def _grade(
        self, episode: AlertSnapshot, case: IncidentSnapshot, where: Envelope, judgement: CachedCause, known: EvaluationContext
    ) -> Severity:
        window_s = min(key.window_s for key in episode.series)
        bearing = SeverityInputs(
            envelope=where.position,
            declared_after_onset=where.declared_late,
            affected=len(affected_by(episode, case, where)),
            collateral=is_collateral(episode, case),
            weather=judgement.nature is not None and judgement.nature.code == "weather",
            habit=episode.open and episode.kind != "silence" and is_habit(episode, known.history),
            share=known.fleet.share(abs(episode.observed - episode.expected), window_s) if episode.kind != "backlog" else 0.0,
        )
        now, stood = severity(episode, bearing, self._parameters), self._stood[episode.alert_id]
        # It falls only where a declaration explains it; else it would waver with every noisy estimate.
        if where.position != "within":
            now = max(now, stood.severity, key=SEVERITIES.index) if episode.open else stood.severity
        stood.severity = now
        return now

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        return {
            "ledger": self.ledger.pack(),
            "incidents": self.incidents.pack(),
            "judgements": self.judgements.pack(),
            "stood": to_plain(self._stood),
        }

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: Mapping[str, Any], reader: str | None = None) -> "Evaluator":
        """The desk that `pack` was called on."""
        desk = cls(parameters, reader)
        desk.ledger = AlertGroups.unpack(parameters, tree["ledger"])
        desk.incidents = Incidents.unpack(parameters, tree["incidents"])
        desk.judgements = CauseCache.unpack(parameters, tree["judgements"])
        desk._stood = from_tree(dict[str, AlertHysteresis], tree["stood"])
        return desk


def _declared_cause(episode: AlertSnapshot, view: CalendarView) -> str | None:
    change = declared_cause(episode, view)
    return None if change is None else change.key


def _never_milder(event: OpenIncident, category: Category) -> Category:
    """A category is never milder than the worst so far, even at the end; an earlier one states its reason as past."""
    size = len(event.affected) * _MORE_THAN_ANY_DEPTH + (event.course.depth or 0.0)
    number, _ = event.worst
    if category.number < number or (category.number == number and size >= event.worst_size and event.resolved_us is None):
        event.worst, event.worst_size = (category.number, category.reason), size
        return category
    if category.number == number and event.resolved_us is None:
        return category
    return Category(event.worst[0], f"At its worst: {event.worst[1]}")


def _own_category(category: Category, grade: Severity, where: Envelope) -> Category:
    """What is `info` within a graver incident keeps its own low category."""
    if grade != "info" or category.number >= 4:
        return category
    if where.position == "within":
        return Category(4, "This traffic deviates as a change declared.")
    return Category(5, "For information: no User is known to suffer.")


def _display_order(draft: Draft, case: IncidentSnapshot) -> tuple[object, ...]:
    """The origin's gravest first, a backlog before the silence that goes with it."""
    ranks = {"backlog": 0, "storm": 1, "silence": 2, "failures": 3, "drop": 4, "drift": 5, "stale": 6}
    episode = draft.episode
    return (
        is_collateral(episode, case),
        episode.ended_us is not None,
        -SEVERITIES.index(draft.severity),
        ranks[episode.kind],
        episode.onset_us,
        episode.alert_id,
    )
