"""Desk: one reader's alerts and incidents, from findings to drafts; triage has one with everything, each User one with its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from changes.calendar import CalendarView
from correlation.alert_draft import Draft
from correlation.alerts.assignment import NOWHERE, Placing
from correlation.alerts.finding_rows import Sighting
from correlation.alerts.grouping import Group, GroupKey, Ledger
from correlation.attribution.reassessment import Judgement, Judgements
from correlation.grading.affected_users import at_stake, collateral, harmed, hurt, queue_of_load, remember, suffering
from correlation.grading.declared_effect import Envelope, envelope
from correlation.grading.incident_category import Category, Extent, categorise
from correlation.grading.severity import Bearing, severity
from correlation.grading.threatened_changes import Danger, threatened
from correlation.history.fleet_totals import Fleet
from correlation.history.traffic_history import History
from correlation.incidents.incidents import Event, Incidents
from correlation.incidents.membership import Joining
from correlation.parameters import CorrelationParameters
from correlation.snapshots import Case, Episode
from models.alert import ThreatenedChange
from models.state_tree import from_tree, to_tree
from models.vocabulary import Severity

_GRAVITY: tuple[Severity, ...] = ("info", "warning", "critical")
_FADES = 0.8
_LEAST_NATS = 5.0
"""What shows less evidence is about to end: it is not abnormal enough to be beyond anything."""
_SURE, _SETTLED = 2, 3
"""Windows in a row that take an alert beyond its envelope, and that keep it there."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a reader may know in one window."""

    at_us: int
    view: CalendarView
    history: History
    fleet: Fleet


@dataclass(frozen=True, slots=True)
class Situation:
    """One incident in one window with the drafts of its alerts, the leading one first."""

    event: Event
    case: Case
    judgement: Judgement
    category: Category
    threatened: tuple[ThreatenedChange, ...]
    drafts: tuple[Draft, ...]


@dataclass(slots=True)
class Stood:
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


class Desk:
    """Takes each window's findings and says what stands; writes nothing itself."""

    def __init__(self, parameters: CorrelationParameters, reader: str | None = None) -> None:
        self._parameters = parameters
        self._reader = reader
        self.ledger = Ledger(parameters)
        self.incidents = Incidents(parameters)
        self.judgements = Judgements(parameters)
        self._stood: dict[str, Stood] = {}

    @property
    def busy(self) -> bool:
        """Whether anything is open or may come back."""
        return bool(self.ledger) or bool(self.incidents)

    def step(self, known: Knowledge, found: Sequence[Sighting], wide: frozenset[GroupKey] = NOWHERE) -> list[Situation]:
        """One window: every incident that is open, or changed in it."""
        at_us = known.at_us
        placing = Placing(at_us, found, self.ledger, self._parameters, wide)
        self.ledger.apply(at_us, found, placing.place)
        groups = [self.ledger.groups[key] for key in sorted(self.ledger.groups)]
        looked_at = self._looked_at(known, groups)
        episodes = [self.ledger.episode(group, at_us) for group in groups if group.touched_us == at_us and group.alert_id in looked_at]
        alerts = {group.alert_id: not group.resolved for group in groups}
        resolved = {group.alert_id for group in groups if group.resolved}
        current = {group.alert_id for group in groups if not group.resolved or group.touched_us == at_us}
        self.incidents.apply(at_us, episodes, alerts, Joining(known.history, self._parameters))
        self._stood = {alert_id: stood for alert_id, stood in self._stood.items() if alert_id in alerts}
        self.judgements.forget(set(self.incidents.events))
        return [
            self._situation(event, known, current, resolved)
            for _, event in sorted(self.incidents.events.items())
            if event.changed_us == at_us or (event.merged_into is None and not looked_at.isdisjoint(event.members))
        ]

    def _looked_at(self, known: Knowledge, groups: Sequence[Group]) -> set[str]:
        """Alerts whose incidents are judged in this window: of a long incident not every short window brings news."""
        open_now = {group.alert_id for group in groups if not group.resolved}
        due = {group.alert_id for group in groups if group.looked_at(known.at_us)}
        chosen = set(due)
        for event in self.incidents.events.values():
            mine = event.members.keys()
            standing = self.judgements.standing.get(event.incident_id)
            if not due.isdisjoint(mine) or standing is None or standing.version != known.view.version:
                chosen |= open_now & mine
        return chosen

    def _situation(self, event: Event, known: Knowledge, current: set[str], resolved: set[str]) -> Situation:
        case = event.case(known.at_us)
        judgement = self.judgements.judge(case, event.changed_us, known.view, known.history)
        episodes = [] if event.merged_into else [episode for episode in case.episodes if episode.alert_id in current]
        envelopes = {episode.alert_id: self._envelope(episode, known) for episode in episodes}
        remember(event, envelopes)
        for episode in episodes:
            if episode.kind == "backlog" and envelopes[episode.alert_id].position != "within":
                envelopes[episode.alert_id] = queue_of_load(episode, event, known.view) or envelopes[episode.alert_id]
        case = suffering(event, case, envelopes, known.view)
        grades = {episode.alert_id: self._grade(episode, case, envelopes[episode.alert_id], judgement, known) for episode in episodes}
        gravest = max(grades.values(), key=_GRAVITY.index) if grades else "info"
        within = bool(envelopes) and all(one.position == "within" for one in envelopes.values())
        stopped = harmed(case)
        category = categorise(Extent(case, known.fleet.users, gravest, within, stopped), self._parameters.categories, event.worst)
        event.worst = min(event.worst, (category.number, category.reason))
        at_risk = threatened(Danger(case, gravest, category.number, judgement.suspects), known.view, self._parameters)
        drafts = [
            Draft(
                episode=episode,
                case=case,
                resolved=episode.alert_id in resolved,
                incident_id=event.incident_id,
                severity=grades[episode.alert_id],
                category=_own_category(category, grades[episode.alert_id], envelopes[episode.alert_id]),
                processes=at_stake(episode, case, stopped),
                suspects=judgement.suspects,
                envelope=envelopes[episode.alert_id],
                affected=hurt(episode, case, envelopes[episode.alert_id]),
                threatened=() if collateral(episode, case) else at_risk,
                nature=judgement.nature,
                reader=self._reader,
            )
            for episode in episodes
        ]
        drafts.sort(key=lambda draft: _leading(draft, case))
        return Situation(event, case, judgement, category, at_risk, tuple(drafts))

    def _envelope(self, episode: Episode, known: Knowledge) -> Envelope:
        """Beyond is what one window shows and the last few together: a small User's counts are beyond any bound now and then."""
        lacks = episode.direction in ("down", "silent")
        stood = self._stood.setdefault(episode.alert_id, Stood(within=lacks))
        if episode.at_us == known.at_us:
            stood.observed = _FADES * stood.observed + episode.observed
            stood.expected = _FADES * stood.expected + episode.expected
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

    def _grade(self, episode: Episode, case: Case, where: Envelope, judgement: Judgement, known: Knowledge) -> Severity:
        window_s = min(key.window_s for key in episode.series)
        bearing = Bearing(
            envelope=where.position,
            declared_after_onset=where.declared_late,
            affected=len(hurt(episode, case, where)),
            collateral=collateral(episode, case),
            weather=judgement.nature is not None and judgement.nature.code == "weather",
            share=known.fleet.share(abs(episode.observed - episode.expected), window_s) if episode.kind != "backlog" else 0.0,
        )
        now, stood = severity(episode, bearing, self._parameters), self._stood[episode.alert_id]
        # It falls only where a declaration explains it; else it would waver with every noisy estimate.
        if where.position != "within":
            now = max(now, stood.severity, key=_GRAVITY.index) if episode.open else stood.severity
        stood.severity = now
        return now

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        return {
            "ledger": self.ledger.pack(),
            "incidents": self.incidents.pack(),
            "judgements": self.judgements.pack(),
            "stood": to_tree(self._stood),
        }

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: Mapping[str, Any], reader: str | None = None) -> "Desk":
        """The desk that `pack` was called on."""
        desk = cls(parameters, reader)
        desk.ledger = Ledger.unpack(parameters, tree["ledger"])
        desk.incidents = Incidents.unpack(parameters, tree["incidents"])
        desk.judgements = Judgements.unpack(parameters, tree["judgements"])
        desk._stood = from_tree(dict[str, Stood], tree["stood"])
        return desk


def _own_category(category: Category, grade: Severity, where: Envelope) -> Category:
    """What is `info` within a graver incident keeps its own low category."""
    if grade != "info" or category.number >= 4:
        return category
    if where.position == "within":
        return Category(4, "This traffic deviates as its declared change said.")
    return Category(5, "It is told for information: nobody is known to suffer.")


def _leading(draft: Draft, case: Case) -> tuple[object, ...]:
    """The origin's gravest first, a backlog before the silence that goes with it."""
    ranks = {"backlog": 0, "storm": 1, "silence": 2, "failures": 3, "drop": 4, "drift": 5, "stale": 6}
    episode = draft.episode
    return (
        collateral(episode, case),
        episode.ended_us is not None,
        -_GRAVITY.index(draft.severity),
        ranks[episode.kind],
        episode.onset_us,
        episode.alert_id,
    )
