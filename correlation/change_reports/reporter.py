"""Change reports: what a change did to traffic, once its window and settling time are over."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from changes.calendar import CalendarView
from changes.windows import effect_us
from correlation.change_reports.alert_traces import AlertTraces, IncidentTrace, IncidentWithSuspects
from correlation.change_reports.declaration_record import Declarations
from correlation.change_reports.effects import SeriesEffect, measure
from correlation.change_reports.verdict import AlertTrace, ReportInputs, Verdict, decide
from correlation.history.traffic_history import History
from correlation.parameters import CorrelationParameters
from models.alert import AlertSeries
from models.change import Change
from models.change_report import ChangeReport, Effect
from models.columns import SeriesKey
from models.decisions import Decisions
from models.state_tree import from_tree, to_plain
from models.times import SECOND_US, instant

_MOST_EFFECTS = 20


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
    alert_ids: list[str] = field(default_factory=list)
    """Open alerts that the report says go on past the change's end; likewise."""


class Reporter:
    """Writes each change's report when it is due, and a revision when the calendar changes later."""

    def __init__(self, parameters: CorrelationParameters) -> None:
        self._parameters = parameters
        self._since_us: int | None = None
        self._past = AlertTraces(parameters.settling_s)
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
            ended |= self._past.record(one, view)
            self.declarations.incident(one.case, one.suspects)
        if view is not self._view:
            self._view, self._due = view, self._plan(view)
        reports: list[ChangeReport] = []
        user_reports: list[tuple[str, ChangeReport]] = []
        while self._due and self._due[0][0] <= at_us:
            due_us, _, key = self._due.pop(0)
            self._write(view.by_key[key], due_us, at_us, view, history, reports, user_reports)
        for key in sorted(
            key for key, written in self._written.items() if not ended.isdisjoint((*written.incident_ids, *written.alert_ids))
        ):
            change = view.by_key.get(key)
            if change is not None:
                self._write(change, self._written[key].due_us, at_us, view, history, reports, user_reports)
        self._past.forget(at_us)
        return Decisions(reports=tuple(reports), user_reports=tuple(user_reports))

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.state_bytes`."""
        traces = [
            {name: getattr(trace, name) for name in AlertTrace.__slots__} | {"series": [list(key) for key in trace.series]}
            for _, trace in sorted(self._past.alerts.items())
        ]
        written = {key: {name: getattr(one, name) for name in _LastReport.__slots__} for key, one in sorted(self._written.items())}
        return {
            "since_us": self._since_us,
            "traces": traces,
            "incidents": to_plain(self._past.incidents),
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
            reporter._past.alerts[trace["alert_id"]] = AlertTrace(**{**trace, "series": series}).with_keys(keys)
        reporter._past.incidents = from_tree(dict[str, IncidentTrace], tree.get("incidents", []))
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
        written.incident_ids = [
            one for one in triage[0]["incident_ids"] if one in self._past.incidents and not self._past.incidents[one].resolved
        ]
        written.alert_ids = list(triage[1].goes_on)
        self._written[change.key] = written

    def _content(
        self, change: Change, view: CalendarView, history: History, reader: str | None
    ) -> tuple[dict[str, Any], Verdict, tuple[SeriesEffect, ...]]:
        start_us, end_us = effect_us(change)
        measured = measure(change, (start_us, end_us), view, history)
        traces = self._past.attributed(change, start_us, end_us, reader)
        scores = [(trace.blamed if reader is None else trace.own_blamed).get(change.key, 0.0) for trace in traces]
        beyond = any(change.key in trace.beyond for trace in traces)
        elsewhere = self._past.users_explained_otherwise(change, start_us, end_us, reader)
        caused = tuple(sorted({trace.incident_id for trace in traces} - {""}))
        touching = self._past.touching(change, (start_us, end_us), caused, view, reader)
        suffered = (
            0
            if reader is not None
            else max((self._past.incidents[one].suffered for one in caused if one in self._past.incidents), default=0)
        )
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
    new_digest = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    if new_digest == digest:
        return revision, digest
    publish(ChangeReport.model_validate({**content, "revision": revision + 1, "as_of": instant(at_us)}))
    return revision + 1, new_digest
