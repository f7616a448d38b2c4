"""Builders: windows of a small world with the findings that a test is about; only the values that matter are named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from changes.calendar import Calendar, CalendarView
from correlation.correlator import Correlator, Decisions
from correlation.parameters import CorrelationParameters
from models.alert import Alert
from models.change import Change
from models.change_report import ChangeReport
from models.columns import ALERT_KINDS, BEGAN, CONTINUES, ENDED, Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.incident import Incident
from models.times import MINUTE_US, instant, parse_time

MORNING_US = parse_time("2026-01-05T09:00:00Z")


def series(user: str, direction: str = "to_user", of: str = "service_response", service: str = "4.8.1", region: str = "north") -> SeriesKey:
    """A message rate by the minute."""
    return SeriesKey(user, direction, of, service, region, "", 60)


def queue(user: str, name: str = "to_user") -> SeriesKey:
    """A queue by the minute."""
    return SeriesKey(user, "", "", "", "", name, 60)


@dataclass(frozen=True)
class Trouble:
    """One finding over a stretch of minutes after 09:00; `until` None: it never ends."""

    kind: str
    key: SeriesKey
    since: int
    until: int | None = None
    seen_after: int = 1
    """Minutes from its onset to the window that decides."""
    observed: float = 0.0
    expected: float = 100.0
    serious: bool = True
    evidence: dict[str, float] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    grows: float = 0.0
    """Added to `observed` (and to a depth) each minute."""

    def row(self, minute: int) -> tuple[int, float] | None:
        """Phase and observed value in a minute's window, None while there is no finding."""
        first = self.since + self.seen_after
        if minute < first or (self.until is not None and minute > self.until):
            return None
        phase = BEGAN if minute == first else ENDED if minute == self.until else CONTINUES
        return phase, self.observed + self.grows * (minute - self.since) if phase != ENDED else self.expected

    def counts(self, minute: int) -> float | None:
        """What the series carried, as far as the trouble says."""
        if minute <= self.since or (self.until is not None and minute >= self.until):
            return None
        return self.observed + self.grows * (minute - self.since)


@dataclass
class World:
    """Series that all carry 100 messages a minute but for what happens to them."""

    keys: tuple[SeriesKey, ...]
    troubles: tuple[Trouble, ...] = ()
    carried: dict[SeriesKey, float] = field(default_factory=dict)
    """What series without a finding carry from the first trouble's onset on."""
    missing: frozenset[SeriesKey] = frozenset()
    """Series that do not report from the first trouble's onset on."""
    formerly: dict[str, str] = field(default_factory=dict)
    """Users under another name, who keep the noise of the old one."""

    def window(self, minute: int) -> Detected:
        """The window that ends `minute` minutes after 09:00."""
        at_us = MORNING_US + minute * MINUTE_US
        traffic = tuple(sorted(key for key in self.keys if not key.is_queue))
        queues = tuple(sorted(key for key in self.keys if key.is_queue))
        counts = np.array([self._count(key, minute) for key in traffic])
        reported = np.array([key not in self.missing or minute <= self._first() for key in traffic], np.bool_)
        due = np.full(len(traffic), 100.0)
        failed = np.array([self._failed(key, minute) for key in traffic])
        pulse = Pulse(at_us, 60, tuple(PulseKey(*key[:5]) for key in traffic), reported, counts, failed, due, due)
        depths = np.array([self._count(key, minute) for key in queues])
        queue_pulse = QueuePulse(at_us, 60, queues, np.ones(len(queues), np.bool_), depths, np.zeros(len(queues)))
        return Detected(at_us, 60, traffic, queues, self._findings(minute, traffic), self._findings(minute, queues), pulse, queue_pulse)

    def _first(self) -> int:
        return min((trouble.since for trouble in self.troubles), default=0)

    def _count(self, key: SeriesKey, minute: int) -> float:
        for trouble in self.troubles:
            records = trouble.counts(minute) if trouble.key == key and trouble.kind not in ("stale", "failures") else None
            if records is not None:
                return records + self._jitter(key, minute) * np.sqrt(records) / 5
        usual = self.carried.get(key, 100.0) if minute > self._first() else 100.0
        return usual + self._jitter(key, minute)

    def _failed(self, key: SeriesKey, minute: int) -> float:
        records = (trouble.counts(minute) for trouble in self.troubles if trouble.key == key and trouble.kind == "failures")
        return next((count for count in records if count is not None), 0.0)

    def _jitter(self, key: SeriesKey, minute: int) -> float:
        return jitter(key._replace(user=self.formerly.get(key.user, key.user)), minute)

    def _findings(self, minute: int, keys: tuple[SeriesKey, ...]) -> Findings:
        rows = [(t, row) for t in self.troubles if t.key in keys and (row := t.row(minute)) is not None]
        rows.sort(key=lambda item: (ALERT_KINDS.index(item[0].kind), item[0].key))
        names = sorted(
            {name for trouble, _ in rows for name in trouble.evidence} | ({"depth"} if any(t.key.is_queue for t, _ in rows) else set())
        )
        return Findings(
            kind=np.array([ALERT_KINDS.index(t.kind) for t, _ in rows], np.uint8),
            series=np.array([keys.index(t.key) for t, _ in rows], np.int32),
            phase=np.array([phase for _, (phase, _) in rows], np.uint8),
            began_us=np.array([MORNING_US + t.since * MINUTE_US for t, _ in rows], np.int64),
            detected_us=np.array([MORNING_US + (t.since + t.seen_after) * MINUTE_US for t, _ in rows], np.int64),
            score=np.full(len(rows), 30.0),
            observed=np.array([observed for _, (_, observed) in rows], np.float64),
            expected=np.array([t.expected for t, _ in rows], np.float64),
            serious=np.array([t.serious for t, _ in rows], np.bool_),
            evidence={name: np.array([_evidence(t, name, observed) for t, (_, observed) in rows]) for name in names},
            codes={keys.index(t.key): t.codes for t, _ in rows if t.codes},
        )


def _evidence(trouble: Trouble, name: str, observed: float) -> float:
    if name == "depth" and trouble.key.is_queue:
        return observed
    return trouble.evidence.get(name, np.nan)


def jitter(key: SeriesKey, minute: int) -> float:
    """A little noise, the same for the same series and minute."""
    return float(crc32(f"{key} {minute}".encode()) % 11) - 5.0


def split(detected: Detected, users: Iterable[str]) -> list[Detected]:
    """The same window as two workers would bring it: one has these Users, the other the rest."""
    chosen = frozenset(users)
    return [_part(detected, lambda key: key.user in chosen), _part(detected, lambda key: key.user not in chosen)]


def _part(detected: Detected, keep: Any) -> Detected:
    traffic = [i for i, key in enumerate(detected.traffic_keys) if keep(key)]
    queues = [i for i, key in enumerate(detected.queue_keys) if keep(key)]
    pulse, queue_pulse = detected.pulse, detected.queue_pulse
    groups = [i for i, group in enumerate(pulse.groups) if keep(group)]
    chosen = [i for i, key in enumerate(queue_pulse.queues) if keep(key)]
    return Detected(
        detected.at_us,
        detected.window_s,
        tuple(detected.traffic_keys[i] for i in traffic),
        tuple(detected.queue_keys[i] for i in queues),
        _rows(detected.traffic, traffic),
        _rows(detected.queues, queues),
        Pulse(
            pulse.at_us,
            pulse.window_s,
            tuple(pulse.groups[i] for i in groups),
            *(column[groups] for column in (pulse.reported, pulse.observed, pulse.failed, pulse.expected, pulse.variance)),
        ),
        QueuePulse(
            queue_pulse.at_us,
            queue_pulse.window_s,
            tuple(queue_pulse.queues[i] for i in chosen),
            *(column[chosen] for column in (queue_pulse.reported, queue_pulse.depth, queue_pulse.oldest_age_s)),
        ),
    )


def _rows(findings: Findings, kept: list[int]) -> Findings:
    new_index = {old: new for new, old in enumerate(kept)}
    rows = [row for row, series in enumerate(findings.series.tolist()) if series in new_index]
    names = ("kind", "phase", "began_us", "detected_us", "score", "observed", "expected", "serious")
    return Findings(
        series=np.array([new_index[int(findings.series[row])] for row in rows], np.int32),
        **{name: getattr(findings, name)[rows] for name in names},
        evidence={name: column[rows] for name, column in findings.evidence.items()},
        codes={new_index[series]: codes for series, codes in findings.codes.items() if series in new_index},
    )


@dataclass
class RunResult:
    """Everything a run decided, in order."""

    alerts: list[Alert] = field(default_factory=list)
    user_alerts: list[tuple[str, Alert]] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    reports: list[ChangeReport] = field(default_factory=list)

    def add(self, decisions: Decisions) -> None:
        """One window's decisions."""
        self.alerts += decisions.alerts
        self.user_alerts += decisions.user_alerts
        self.incidents += decisions.incidents
        self.reports += decisions.reports

    def last(self) -> dict[str, Alert]:
        """The last revision of every alert."""
        return {alert.alert_id: alert for alert in self.alerts}

    def one(self, kind: str, user: str | None) -> Alert:
        """The last revision of the only alert of that kind and User."""
        (listed,) = (alert for alert in self.last().values() if (alert.kind, alert.user) == (kind, user))
        return listed

    def all_of(self, kind: str, user: str | None) -> list[Alert]:
        """Every revision of the alerts of that kind and User."""
        return [alert for alert in self.alerts if (alert.kind, alert.user) == (kind, user)]

    def events(self) -> list[Incident]:
        """The last revision of every incident that was not merged into another."""
        last = {incident.incident_id: incident for incident in self.incidents}
        return [incident for incident in last.values() if not incident.summary.startswith("Merged")]

    def copies(self, user: str) -> list[Alert]:
        """What one User was sent."""
        return [alert for name, alert in self.user_alerts if name == user]


def calendar(*changes: Change) -> Calendar:
    """Changes as files bring them."""
    known = Calendar()
    for change in changes:
        known.declare(change, None)
    return known


def change(change_id: str, owner: str, start: int, end: int, **fields: Any) -> Change:
    """A change between two minutes after 09:00, declared the day before."""
    records: dict[str, Any] = {
        "change_id": change_id,
        "owner": owner,
        "title": f"Title of {change_id}",
        "planned_start": instant(MORNING_US + start * MINUTE_US),
        "planned_end": instant(MORNING_US + end * MINUTE_US),
        "declared_at": instant(MORNING_US - 24 * 60 * MINUTE_US),
    }
    return Change.model_validate(records | fields)


def run(
    world: World, minutes: range, *changes: Change, parameters: CorrelationParameters | None = None, correlator: Correlator | None = None
) -> RunResult:
    """The decisions of a row of windows; two hours of ordinary windows come before, unless a correlator is given."""
    records = RunResult()
    known = calendar(*changes)
    if correlator is None:
        correlator = Correlator(parameters or CorrelationParameters())
        step(correlator, World(world.keys, formerly=world.formerly), range(minutes.start - 120, minutes.start), known)
    for decisions in step(correlator, world, minutes, known):
        records.add(decisions)
    return records


def step(correlator: Correlator, world: World, minutes: Sequence[int], known: Calendar) -> list[Decisions]:
    """Each window's decisions."""
    return [correlator.step(_at(minute), [world.window(minute)], _view(known, minute)) for minute in minutes]


def _at(minute: int) -> int:
    return MORNING_US + minute * MINUTE_US


def _view(known: Calendar, minute: int) -> CalendarView:
    return known.view(_at(minute))
