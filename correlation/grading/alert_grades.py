"""Alert grades: how grave each alert is and how it stands to what was declared, without wavering from window to window."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from correlation.attribution.cause_class import CauseClass
from correlation.evaluation_context import EvaluationContext
from correlation.grading.affected_users import affected_by, is_collateral
from correlation.grading.declared_effect import Envelope
from correlation.grading.declared_effect import envelope as declared_envelope
from correlation.grading.incident_category import Category
from correlation.grading.severity import SeverityInputs, in_sight, severity
from correlation.history.habit import is_habit
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.vocabulary import SEVERITIES, Severity

_DECAY = 0.8
_LEAST_NATS = 5.0
"""What shows less evidence is about to end: it is not abnormal enough to be beyond anything."""
_SURE, _SETTLED = 2, 3
"""Windows in a row that take an alert beyond its envelope, and that keep it there."""


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
    woke: bool = False
    """Whether it was more than `info` while it was no effect of another User's incident."""


class AlertGrades:
    """Of every open alert."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters
        self.stood: dict[str, AlertHysteresis] = {}

    def keep(self, alert_ids: Collection[str]) -> None:
        """Forgets all others."""
        self.stood = {alert_id: stood for alert_id, stood in self.stood.items() if alert_id in alert_ids}

    def envelope(self, episode: AlertSnapshot, known: EvaluationContext) -> Envelope:
        """Beyond is what one window shows and the last few together: a small User's counts are beyond any bound now and then."""
        lacks = episode.direction in ("down", "silent")
        stood = self.stood.setdefault(episode.alert_id, AlertHysteresis(within=lacks))
        if episode.at_us == known.at_us:
            stood.observed = _DECAY * stood.observed + episode.observed
            stood.expected = _DECAY * stood.expected + episode.expected
        keeps_to = declared_envelope(episode, known.view)
        if keeps_to.position == "beyond" and episode.kind != "backlog" and stood.expected > 0:
            lately = replace(episode, observed=stood.observed, expected=stood.expected, ratio=stood.observed / stood.expected)
            keeps_to = declared_envelope(lately, known.view)
        if keeps_to.position == "beyond" and episode.score < _LEAST_NATS and not stood.beyond:
            keeps_to = replace(keeps_to, position="within")
        stood.beyond_run = stood.beyond_run + 1 if keeps_to.position == "beyond" else 0
        stood.beyond |= stood.beyond_run >= _SETTLED
        if stood.beyond and keeps_to.position == "within":
            return replace(keeps_to, position="beyond")
        if stood.within and 0 < stood.beyond_run < _SURE:
            return replace(keeps_to, position="within")
        stood.within = keeps_to.position == "within"
        return keeps_to

    def severity(
        self, episode: AlertSnapshot, case: IncidentSnapshot, where: Envelope, nature: CauseClass | None, known: EvaluationContext
    ) -> Severity:
        """How grave an alert is; it does not become milder while it is open, unless a declaration explains it."""
        window_s = min(key.window_s for key in episode.series)
        bearing = SeverityInputs(
            envelope=where.position,
            declared_after_onset=where.declared_late,
            affected=len(affected_by(episode, case, where)),
            collateral=is_collateral(episode, case),
            weather=nature is not None and nature.code == "weather",
            habit=lambda: episode.open and episode.kind != "silence" and is_habit(episode, known.history),
            share=known.fleet.share(abs(episode.observed - episode.expected), window_s) if episode.kind != "backlog" else 0.0,
        )
        now, stood = severity(episode, bearing, self._parameters), self.stood[episode.alert_id]
        # It falls only where a declaration explains it; else it would waver with every noisy estimate.
        if where.position != "within":
            now = max(now, stood.severity, key=SEVERITIES.index) if episode.open else stood.severity
        stood.severity = now
        stood.woke |= now != "info" and (not bearing.collateral or in_sight(episode, self._parameters))
        return now

    def woke(self, episode: AlertSnapshot) -> bool:
        """Whether an alert ever was a reason to look at this very alert."""
        return self.stood[episode.alert_id].woke


def own_category(category: Category, grade: Severity, where: Envelope) -> Category:
    """What is `info` within a graver incident keeps its own low category."""
    if grade != "info" or category.number >= 4:
        return category
    if where.position == "within":
        return Category(4, "This traffic deviates as a change declared.")
    return Category(5, "For information: this alert itself is not known to harm a User.")
