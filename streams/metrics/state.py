"""The metrics state: what one process exports to Prometheus. The flow writes it, scrapes read it."""

import math
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from models.alert import Alert
from models.change_report import ChangeReport
from models.columns import ALERT_KINDS, ENDED, Detected, Findings, SeriesKey
from models.incident import Incident
from models.times import us
from streams.metrics.histograms import Histogram
from streams.metrics.totals import LabelValues, ResolutionTotals

DETECTION_DELAYS_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, math.inf)
WINDOW_DELAYS_S = (5.0, 15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 900.0, math.inf)
STEP_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, math.inf)
OUTCOMES = ("accepted", "repeated", "late", "malformed")
FAULTS = ("declared_late", "overran", "started_early", "absent")


@dataclass(slots=True)
class Part:
    """One flow of windows: all of an embedded monitor, or one partition of a worker."""

    cohorts: dict[int, ResolutionTotals] = field(default_factory=dict)
    watermark_us: int | None = None
    held: int = 0


class MetricsState:
    """Open alerts and incidents are gauges, events since the process began are counters."""

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.events: Counter[str] = Counter()
        self.windows = 0
        self.detection_delay = Histogram(DETECTION_DELAYS_S)
        self.window_delay = Histogram(WINDOW_DELAYS_S)
        self.step = Histogram(STEP_S)
        self.correlates = False
        """Whether this process decides alerts: only then are they counted and exported, zeros too, so that no alert is counted twice."""
        self.alerts: dict[str, tuple[str, str]] = {}
        """Open alerts: id → kind, severity."""
        self.incidents: dict[str, tuple[str, str]] = {}
        """Open incidents: id → category, verdict on the first suspect."""
        self.alerts_total: Counter[tuple[str, str]] = Counter()
        self.incidents_total: Counter[str] = Counter()
        self.reports_total: Counter[str] = Counter()
        self.faults_total: Counter[str] = Counter()
        self.last_alert: dict[tuple[str, str], tuple[str, float]] = {}
        """(kind, severity) → the last alert counted there, and when, in Unix seconds."""
        self._reached: dict[str, set[str]] = {}
        self._parts: dict[str, Part] = {}

    def counted(self, **events: int) -> None:
        """The outcome of some events: outcome → number."""
        with self.guard:
            self.events.update(events)

    def seen(
        self, detected: Iterable[Detected], *, watermark_us: int | None, held: int, now_us: int, step_s: float | None = None, part: str = ""
    ) -> None:
        """The windows that one step closed, at `now_us`; the step took `step_s`."""
        with self.guard:
            labels = self._parts.setdefault(part, Part())
            labels.watermark_us, labels.held = watermark_us, held
            if step_s is not None:
                self.step.add(step_s)
            for each in detected:
                self.windows += 1
                # The next report closes a window: the length of that report's window is not a delay.
                self.window_delay.add(max(0.0, (now_us - each.at_us) / 1e6 - each.window_s))
                labels.cohorts.setdefault(each.window_s, ResolutionTotals()).add(each)

    def leave(self, part: str) -> None:
        """Another process continues this part: its values here are removed."""
        with self.guard:
            self._parts.pop(part, None)

    def alert(self, alert: Alert, now_us: int) -> None:
        """A new revision."""
        if not self.correlates:
            return
        with self.guard:
            self._stand(alert)
            reached = self._reached.setdefault(alert.alert_id, set())
            if not reached:
                delay_s = (us(alert.detected_at) - us(alert.onset_at)) / 1e6
                self.detection_delay.add(delay_s, {"alert_id": alert.alert_id}, now_us / 1e6)
            if alert.severity not in reached:
                reached.add(alert.severity)
                labels = alert.kind, alert.severity
                self.alerts_total[labels] += 1
                self.last_alert[labels] = alert.alert_id, now_us / 1e6
            if alert.status == "resolved":
                del self._reached[alert.alert_id]

    def incident(self, incident: Incident) -> None:
        """A new revision."""
        if not self.correlates:
            return
        with self.guard:
            if incident.revision == 1:
                self.incidents_total[str(incident.category)] += 1
            self._stand(incident)

    def report(self, report: ChangeReport) -> None:
        """A new revision; only the first of a change counts."""
        if report.revision > 1 or not self.correlates:
            return
        with self.guard:
            self.reports_total[report.verdict] += 1
            faults = (report.declared_late_s, report.overran_s, report.started_early_s, float(report.verdict == "absent"))
            self.faults_total.update(name for name, extent in zip(FAULTS, faults, strict=True) if extent)

    def restore_open(self, record: Alert | Incident) -> None:
        """It was open before a restart: it is open again, but not counted as new."""
        with self.guard:
            self._stand(record)
            if isinstance(record, Alert):
                self._reached[record.alert_id] = {record.severity}

    def forget_decisions(self) -> None:
        """Another process correlates now: it exports what is open."""
        with self.guard:
            self.correlates = False
            self.alerts.clear()
            self.incidents.clear()
            self._reached.clear()

    def cohorts(self) -> Iterator[ResolutionTotals]:
        """The parts that have closed a window; in a stable order."""
        for _, part in sorted(self._parts.items()):
            yield from (cohort for _, cohort in sorted(part.cohorts.items()))

    @property
    def watermark_us(self) -> int | None:
        """The part that is furthest behind; None before the first event."""
        return min((part.watermark_us for part in self._parts.values() if part.watermark_us is not None), default=None)

    @property
    def held(self) -> int:
        """Events held because their User is far ahead of all others."""
        return sum(part.held for part in self._parts.values())

    def scores(self) -> Iterator[tuple[LabelValues, float]]:
        """(User, kind) → evidence in nats of each finding that is open."""
        for findings, keys in self._findings():
            for row in np.flatnonzero(findings.phase != ENDED).tolist():
                yield (keys[findings.series[row]].user, ALERT_KINDS[findings.kind[row]]), float(findings.score[row])

    def queue_evidence(self, name: str) -> Iterator[tuple[LabelValues, float]]:
        """(User, queue) → a measure of its finding, such as `capacity_eta_s`, where it applies."""
        for findings, keys in self._findings():
            column = findings.evidence.get(name)
            if column is not None:
                for row in np.flatnonzero(~np.isnan(column) & (findings.phase != ENDED)).tolist():
                    key = keys[findings.series[row]]
                    if key.is_queue:
                        yield (key.user, key.queue), float(column[row])

    def _findings(self) -> Iterator[tuple[Findings, tuple[SeriesKey, ...]]]:
        for cohort in self.cohorts():
            if cohort.last is not None:
                yield cohort.last.traffic, cohort.last.traffic_keys
                yield cohort.last.queues, cohort.last.queue_keys

    def _stand(self, record: Alert | Incident) -> None:
        if isinstance(record, Alert):
            self.alerts.pop(record.alert_id, None)
            if record.status != "resolved":
                self.alerts[record.alert_id] = record.kind, record.severity
            return
        self.incidents.pop(record.incident_id, None)
        if record.status != "resolved":
            verdict = record.suspects[0].verdict if record.suspects else "none"
            self.incidents[record.incident_id] = str(record.category), verdict
