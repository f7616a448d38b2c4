"""Alert traces: what change reports remember of alerts and their incidents until all changes of their time have a report."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from changes.calendar import CalendarView
from correlation.attribution.suspects import suspects_of_alert
from correlation.change_reports.verdict import AlertTrace, Touching
from correlation.grading.declared_effect import Envelope
from correlation.incidents.harm import HARM_OF_KIND
from correlation.snapshots import IncidentSnapshot
from models.alert import Suspect
from models.change import Change
from models.times import DAY_US, SECOND_US
from models.vocabulary import Severity

_KEPT_US = 8 * DAY_US
"""How long alerts and reports are remembered for changes that last, or are corrected afterwards."""
_WIDE_USERS = 3
"""Users of an incident from which on it disturbs the scope of a change that is about everyone."""
_EARLY_US = 30 * 60 * SECOND_US
_LEAST_SCORE, _MOST_UNSURE = 0.3, 0.5
"""Scores of suspects that are only possible: from which on they count, and the most that they count for."""


@dataclass(frozen=True, slots=True)
class IncidentWithSuspects:
    """One incident in this window with its suspects, as triage is shown them and as each alert's User is."""

    case: IncidentSnapshot
    suspects: tuple[Suspect, ...]
    own: Mapping[str, tuple[Suspect, ...]] = field(default_factory=dict)
    """alert_id → suspects of the User's own copy of that alert."""
    envelopes: Mapping[str, Envelope] = field(default_factory=dict)
    """alert_id → its position relative to the declared effects, for triage."""
    severity: Severity = "warning"
    resolved: bool = False
    """Whether it is over."""


@dataclass(slots=True)
class IncidentTrace:
    """The facts about an incident in a report."""

    origin_user: str | None
    users: int
    """That it is at, the origin included."""
    suffered: int
    """Users other than the origin."""
    severity: Severity
    resolved: bool
    last_us: int


class AlertTraces:
    """Every alert and incident of the last days, with the changes that each was attributed to."""

    def __init__(self, settling_s: int) -> None:
        self._settling_us = settling_s * SECOND_US
        self.alerts: dict[str, AlertTrace] = {}
        self.incidents: dict[str, IncidentTrace] = {}

    def record(self, one: IncidentWithSuspects, view: CalendarView) -> set[str]:
        """One incident in one window; the ids of what was over with it: of alerts, and its own."""
        before = self.incidents.get(one.case.incident_id)
        over: set[str] = set()
        for episode in one.case.episodes:
            trace = self.alerts.get(episode.alert_id)
            if trace is None:
                trace = AlertTrace(episode.alert_id, episode.kind, episode.user or "", episode.onset_us, None, one.case.at_us)
                self.alerts[episode.alert_id] = trace
            own = one.own.get(episode.alert_id, ())
            if episode.ended_us is not None and trace.ended_us is None:
                over.add(episode.alert_id)
            trace.onset_us, trace.ended_us, trace.last_us = episode.onset_us, episode.ended_us, one.case.at_us
            suspects = suspects_of_alert(one.suspects, episode.user, one.case.origin_user, view)
            blaming = not episode.habit
            trace.blamed, trace.own_blamed = (_blamed(several) if blaming else {} for several in (suspects, own))
            trace.incident_id = one.case.incident_id
            trace.at_origin = one.case.origin_user is None or episode.user == one.case.origin_user
            trace.window_s = max(key.window_s for key in episode.series)
            if len(trace.series) != len(episode.series):
                trace.series = list(episode.series)
            _assign(trace, one.envelopes.get(episode.alert_id))
        self.incidents[one.case.incident_id] = IncidentTrace(
            one.case.origin_user,
            len({*one.case.users, *one.case.affected_users, *one.case.earlier_users}),
            len({*one.case.affected_users, *one.case.earlier_users}),
            one.severity,
            one.resolved,
            one.case.at_us,
        )
        return over | ({one.case.incident_id} if one.resolved and before is not None and not before.resolved else set())

    def attributed(self, change: Change, start_us: int, end_us: int, reader: str | None) -> tuple[AlertTrace, ...]:
        """Alerts that are attributed to the change, or that its declared effect covers."""
        until_us = end_us + self._settling_us
        traces = []
        for _, trace in sorted(self.alerts.items()):
            blamed = trace.blamed if reader is None else trace.own_blamed
            if reader is not None and trace.user != reader:
                continue
            covered = change.key in trace.within or change.key in trace.beyond
            if start_us - _EARLY_US <= trace.onset_us <= until_us and (covered or change.key in blamed):
                traces.append(trace)
        return tuple(traces)

    def touching(
        self, change: Change, window: tuple[int, int], caused: tuple[str, ...], view: CalendarView, reader: str | None
    ) -> tuple[Touching, ...]:
        """Incidents of another cause that disturbed traffic in the change's own scope in its time."""
        by_incident: dict[str, Touching] = {}
        everyone = view.scope_users(change) is None
        for _, trace in sorted(self.alerts.items()):
            if trace.incident_id in by_incident or trace.incident_id in caused or (reader is not None and trace.user != reader):
                continue
            known = self.incidents.get(trace.incident_id)
            if (
                known is None
                or known.severity == "info"
                or (everyone and known.users < _WIDE_USERS and known.severity != "critical")
                or trace.kind not in HARM_OF_KIND
            ):
                continue
            meets = trace.onset_us < window[1] and (trace.ended_us or trace.last_us) > window[0]
            if meets and any(view.matches(change, key) for key in trace.series):
                text = f"{trace.incident_id} at {known.origin_user or 'several Users'}" if reader is None else "other trouble"
                by_incident[trace.incident_id] = Touching(trace.incident_id, text)
        touching = tuple(by_incident[key] for key in sorted(by_incident))
        return touching if reader is None else touching[:1]

    def users_explained_otherwise(self, change: Change, start_us: int, end_us: int, reader: str | None) -> frozenset[str]:
        """Users with an alert at the time of the change that is not attributed to it."""
        theirs = {trace.alert_id for trace in self.attributed(change, start_us, end_us, reader)}
        return frozenset(
            trace.user
            for trace in self.alerts.values()
            if trace.user and trace.alert_id not in theirs and trace.onset_us <= end_us and (trace.ended_us or trace.last_us) >= start_us
        )

    def goes_on(self, incident_id: str) -> bool:
        """Whether a known incident is not over."""
        known = self.incidents.get(incident_id)
        return known is not None and not known.resolved

    def suffered(self, incident_ids: Iterable[str]) -> int:
        """Users other than the origin that the widest of some incidents hurt."""
        return max((self.incidents[one].suffered for one in incident_ids if one in self.incidents), default=0)

    def forget(self, at_us: int) -> None:
        """Removes everything that no later report can need."""
        old_us = at_us - _KEPT_US
        if any(trace.last_us < old_us for trace in self.alerts.values()):
            self.alerts = {key: trace for key, trace in self.alerts.items() if trace.last_us >= old_us}
            named = {trace.incident_id for trace in self.alerts.values()}
            self.incidents = {key: one for key, one in self.incidents.items() if key in named}


def _assign(trace: AlertTrace, where: Envelope | None) -> None:
    known = None if where is None else {"within": trace.within, "beyond": trace.beyond}.get(where.position)
    if known is not None and where is not None and where.change_key is not None and where.change_key not in known:
        known.append(where.change_key)


def _blamed(suspects: Iterable[Suspect]) -> dict[str, float]:
    """Key of the change → score; whatever its score, what is only possible does not make a report say that it is likely."""
    scores: dict[str, float] = {}
    for suspect in suspects:
        if suspect.key is not None and suspect.verdict == "probable":
            scores[suspect.key] = suspect.score
        elif suspect.key is not None and suspect.verdict == "possible" and suspect.score >= _LEAST_SCORE:
            scores[suspect.key] = min(suspect.score, _MOST_UNSURE)
    return scores
