"""Change reports: what a change did to traffic, once its window and settling time are over."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from changes.calendar import CalendarView
from changes.windows import effect_us
from correlation.attribution.suspects import suspects_of_alert
from correlation.change_reports.declaration_record import Declarations
from correlation.change_reports.effects import SeriesEffect, measure
from correlation.change_reports.verdict import AlertTrace, ReportInputs, Touching, Verdict, decide
from correlation.grading.declared_effect import Envelope
from correlation.history.traffic_history import History
from correlation.incidents.recovery import HARM_OF_KIND
from correlation.parameters import CorrelationParameters
from correlation.snapshots import IncidentSnapshot
from models.alert import AlertSeries, Suspect
from models.change import Change
from models.change_report import ChangeReport, Effect
from models.columns import SeriesKey
from models.decisions import Decisions
from models.state_tree import from_tree, to_plain
from models.times import DAY_US, SECOND_US, instant
from models.vocabulary import Severity

_KEPT_US = 8 * DAY_US
"""How long alerts and reports are remembered for changes that last, or are corrected afterwards."""
_MOST_EFFECTS = 20
_WIDE_USERS = 3
"""Users of an incident from which on it disturbs the scope of a change that is about everyone."""
_EARLY_US = 30 * 60 * SECOND_US


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
class _LastReport:
    """The last published content about a change, to detect new content."""

    change_revision: int = 0
    due_us: int = 0
    revision: int = 0
    digest: str = ""
    """Digest of the report for triage; `own_digest` is that of the owner's report, empty if there is none."""
    own_revision: int = 0
    own_digest: str = ""
    incident_ids: list[str] = field(default_factory=list)
    """Open incidents in the report: it is written again when they end."""


@dataclass(slots=True)
class _Incident:
    """The facts about an incident in a report."""

    origin_user: str | None
    users: int
    """That it is at, the origin included."""
    suffered: int
    """Users other than the origin."""
    severity: Severity
    resolved: bool
    last_us: int


class Reporter:
    """Writes each change's report when it is due, and a revision when the calendar changes later."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters
        self._since_us: int | None = None
        self._traces: dict[str, AlertTrace] = {}
        self._incidents: dict[str, _Incident] = {}
        self._written: dict[str, _LastReport] = {}
        self._view: CalendarView | None = None
        self._due: list[tuple[int, str, str]] = []
        """When, `change_id` and key of each report that is due, in order."""
        self.declarations = Declarations()

    def step(self, at_us: int, view: CalendarView, history: History, judged: Sequence[IncidentWithSuspects]) -> Decisions:
        """The reports that one window brought: `judged` holds all open incidents, and those that ended within this window."""
        if self._since_us is None:
            self._since_us = at_us
        ended: set[str] = set()
        for one in judged:
            before = self._incidents.get(one.case.incident_id)
            self._trace(one, view)
            if one.resolved and before is not None and not before.resolved:
                ended.add(one.case.incident_id)
        if view is not self._view:
            self._view, self._due = view, self._plan(view)
        reports: list[ChangeReport] = []
        user_reports: list[tuple[str, ChangeReport]] = []
        while self._due and self._due[0][0] <= at_us:
            due_us, _, key = self._due.pop(0)
            self._write(view.by_key[key], due_us, at_us, view, history, reports, user_reports)
        for key in sorted(key for key, written in self._written.items() if not ended.isdisjoint(written.incident_ids)):
            change = view.by_key.get(key)
            if change is not None:
                self._write(change, self._written[key].due_us, at_us, view, history, reports, user_reports)
        self._forget(at_us)
        return Decisions(reports=tuple(reports), user_reports=tuple(user_reports))

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        traces = [
            {name: getattr(trace, name) for name in AlertTrace.__slots__} | {"series": [list(key) for key in trace.series]}
            for _, trace in sorted(self._traces.items())
        ]
        written = {key: {name: getattr(one, name) for name in _LastReport.__slots__} for key, one in sorted(self._written.items())}
        return {
            "since_us": self._since_us,
            "traces": traces,
            "incidents": to_plain(self._incidents),
            "written": written,
            "declarations": self.declarations.pack(),
        }

    @classmethod
    def unpack(cls, parameters: CorrelationParameters, tree: dict[str, Any], keys_by_id: Mapping[str, str] | None = None) -> "Reporter":
        """The reporter that `pack` was called on. `keys_by_id`: keys of changes, since earlier releases knew them by `change_id` alone."""
        keys = keys_by_id or {}
        reporter = cls(parameters)
        reporter._since_us = tree["since_us"]
        for trace in tree["traces"]:
            series = [SeriesKey(*key) for key in trace.get("series", ())]
            reporter._traces[trace["alert_id"]] = AlertTrace(**{**trace, "series": series}).with_keys(keys)
        reporter._incidents = from_tree(dict[str, _Incident], tree.get("incidents", []))
        reporter._written = {keys.get(key, key): _LastReport(**one) for key, one in tree["written"].items()}
        reporter.declarations = Declarations.unpack(tree["declarations"], keys)
        return reporter

    def _plan(self, view: CalendarView) -> list[tuple[int, str, str]]:
        """When each change's report is due, of those that were not written, or whose revision is a later one."""
        settle_us = self._parameters.settling_s * SECOND_US
        due = [(effect_us(change)[1] + settle_us, change) for change in view.explaining]
        since_us = self._since_us or 0
        return sorted((due_us, change.change_id, change.key) for due_us, change in due if due_us > since_us and self._news(change, due_us))

    def _news(self, change: Change, due_us: int) -> bool:
        written = self._written.get(change.key)
        return written is None or written.change_revision < change.revision or written.due_us != due_us

    def _trace(self, one: IncidentWithSuspects, view: CalendarView) -> None:
        for episode in one.case.episodes:
            trace = self._traces.get(episode.alert_id)
            if trace is None:
                trace = AlertTrace(episode.alert_id, episode.kind, episode.user or "", episode.onset_us, None, one.case.at_us)
                self._traces[episode.alert_id] = trace
            own = one.own.get(episode.alert_id, ())
            trace.onset_us, trace.ended_us, trace.last_us = episode.onset_us, episode.ended_us, one.case.at_us
            suspects = suspects_of_alert(one.suspects, episode.user, one.case.origin_user, view)
            blaming = not episode.habit
            trace.blamed = {suspect.key: suspect.score for suspect in suspects if blaming and _blames(suspect) and suspect.key is not None}
            trace.own_blamed = {suspect.key: suspect.score for suspect in own if blaming and _blames(suspect) and suspect.key is not None}
            trace.incident_id = one.case.incident_id
            trace.at_origin = one.case.origin_user is None or episode.user == one.case.origin_user
            trace.window_s = max(key.window_s for key in episode.series)
            if len(trace.series) != len(episode.series):
                trace.series = list(episode.series)
            self._place(trace, one.envelopes.get(episode.alert_id))
        self._incidents[one.case.incident_id] = _Incident(
            one.case.origin_user,
            len({*one.case.users, *one.case.affected_users}),
            len(one.case.affected_users),
            one.severity,
            one.resolved,
            one.case.at_us,
        )
        self.declarations.incident(one.case, one.suspects)

    def _place(self, trace: AlertTrace, where: Envelope | None) -> None:
        known = None if where is None else {"within": trace.within, "beyond": trace.beyond}.get(where.position)
        if known is not None and where is not None and where.change_key is not None and where.change_key not in known:
            known.append(where.change_key)

    def _write(
        self,
        change: Change,
        due_us: int,
        at_us: int,
        view: CalendarView,
        history: History,
        reports: list[ChangeReport],
        user_reports: list[tuple[str, ChangeReport]],
    ) -> None:
        written = self._written.get(change.key) or _LastReport()
        triage = self._content(change, view, history, None)
        self.declarations.report(change, triage[1], [one for one in triage[2] if one.moved])
        written.revision, written.digest = _revise(written.revision, written.digest, triage[0], at_us, reports.append)
        if change.source == "user":
            own = self._content(change, view, history.restricted_to(change.owner), change.owner)
            written.own_revision, written.own_digest = _revise(
                written.own_revision, written.own_digest, own[0], at_us, lambda report: user_reports.append((change.owner, report))
            )
        written.change_revision, written.due_us = change.revision, due_us
        written.incident_ids = [one for one in triage[0]["incident_ids"] if one in self._incidents and not self._incidents[one].resolved]
        self._written[change.key] = written

    def _content(
        self, change: Change, view: CalendarView, history: History, reader: str | None
    ) -> tuple[dict[str, Any], Verdict, tuple[SeriesEffect, ...]]:
        start_us, end_us = effect_us(change)
        measured = measure(change, (start_us, end_us), view, history)
        traces = self._of(change, start_us, end_us, reader)
        scores = [(trace.blamed if reader is None else trace.own_blamed).get(change.key, 0.0) for trace in traces]
        beyond = any(change.key in trace.beyond for trace in traces)
        elsewhere = self._users_explained_otherwise(change, start_us, end_us, reader)
        caused = tuple(sorted({trace.incident_id for trace in traces} - {""}))
        touching = self._touching(change, (start_us, end_us), caused, view, reader)
        suffered = 0 if reader is not None else max((self._incidents[one].suffered for one in caused if one in self._incidents), default=0)
        concluded = decide(
            ReportInputs(
                change,
                start_us,
                end_us,
                measured,
                traces,
                elsewhere,
                max(scores, default=0.0),
                beyond,
                touching,
                suffered,
                change.key,
            )
        )
        named = () if concluded.verdict != "inconclusive" else tuple(one.incident_id for one in touching)
        content = {
            "change_id": change.change_id,
            "verdict": concluded.verdict,
            "score": concluded.score,
            "effects": [_effect(one, reader) for one in _shown(measured.series)],
            "overran_s": concluded.overran_s,
            "started_early_s": concluded.started_early_s,
            "declared_late_s": concluded.declared_late_s,
            "alert_ids": [trace.alert_id for trace in traces],
            "incident_ids": [] if reader is not None else sorted({*caused, *named}),
            "summary": concluded.summary,
            "owner": change.owner,
        }
        return content, concluded, measured.series

    def _of(self, change: Change, start_us: int, end_us: int, reader: str | None) -> tuple[AlertTrace, ...]:
        """Alerts that are attributed to the change, or that its declared effect covers."""
        until_us = end_us + self._parameters.settling_s * SECOND_US
        found = []
        for _, trace in sorted(self._traces.items()):
            blamed = trace.blamed if reader is None else trace.own_blamed
            if reader is not None and trace.user != reader:
                continue
            covered = change.key in trace.within or change.key in trace.beyond
            if start_us - _EARLY_US <= trace.onset_us <= until_us and (covered or change.key in blamed):
                found.append(trace)
        return tuple(found)

    def _touching(
        self, change: Change, window: tuple[int, int], caused: tuple[str, ...], view: CalendarView, reader: str | None
    ) -> tuple[Touching, ...]:
        """Incidents of another cause that disturbed traffic in the change's own scope in its time."""
        found: dict[str, Touching] = {}
        everyone = view.scope_users(change) is None
        for _, trace in sorted(self._traces.items()):
            if trace.incident_id in found or trace.incident_id in caused or (reader is not None and trace.user != reader):
                continue
            known = self._incidents.get(trace.incident_id)
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
                found[trace.incident_id] = Touching(trace.incident_id, text)
        touching = tuple(found[key] for key in sorted(found))
        return touching if reader is None else touching[:1]

    def _users_explained_otherwise(self, change: Change, start_us: int, end_us: int, reader: str | None) -> frozenset[str]:
        """Users with an alert at the time of the change that is not attributed to it."""
        theirs = {trace.alert_id for trace in self._of(change, start_us, end_us, reader)}
        return frozenset(
            trace.user
            for trace in self._traces.values()
            if trace.user and trace.alert_id not in theirs and trace.onset_us <= end_us and (trace.ended_us or trace.last_us) >= start_us
        )

    def _forget(self, at_us: int) -> None:
        """Removes everything that no later report can need."""
        old_us = at_us - _KEPT_US
        if any(trace.last_us < old_us for trace in self._traces.values()):
            self._traces = {key: trace for key, trace in self._traces.items() if trace.last_us >= old_us}
            named = {trace.incident_id for trace in self._traces.values()}
            self._incidents = {key: one for key, one in self._incidents.items() if key in named}


def _blames(suspect: Suspect) -> bool:
    return suspect.verdict == "probable" or (suspect.verdict == "possible" and suspect.score >= 0.3)


def _shown(series: tuple[SeriesEffect, ...]) -> list[SeriesEffect]:
    """Series that moved or were declared to move: the strongest are selected, then sorted in canonical order."""
    worth = sorted((one for one in series if one.moved or one.foreseen), key=lambda one: (not one.moved, -abs(one.z), one.key))
    return sorted(worth[:_MOST_EFFECTS], key=lambda one: one.key)


def _effect(one: SeriesEffect, reader: str | None) -> dict[str, Any]:
    effect = Effect(
        series=AlertSeries.common((one.key,)),
        observed=one.observed,
        expected=one.expected,
        ratio=one.observed / one.expected if one.expected > 0 else None,
        control_users=one.control_users if reader is None else (),
        p_value=one.p_value,
    )
    return effect.model_dump(mode="json")


def _revise(revision: int, digest: str, content: dict[str, Any], at_us: int, publish: Callable[[ChangeReport], None]) -> tuple[int, str]:
    """Publishes `content` as the next revision if it is new; returns the revision and digest in force."""
    found = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    if found == digest:
        return revision, digest
    publish(ChangeReport.model_validate({**content, "revision": revision + 1, "as_of": instant(at_us)}))
    return revision + 1, found
