"""One simulated stretch of days through detection and correlation, in memory."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from changes.calendar import Calendar, CalendarView
from correlation.correlator import Correlator
from correlation.parameters import CorrelationParameters
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.alert import Alert
from models.canonical_json import to_json
from models.change import Change
from models.change_report import ChangeReport
from models.columns import Detected, QueueTick
from models.decisions import Decisions
from models.incident import Incident
from models.times import parse_time
from simulator.memory import LengthTick, ticks_by_length
from simulator.score import Score, ScoredAlert, score
from simulator.score_files import read_alerts
from simulator.simulation import Simulation, find_scenario, simulate
from simulator.truth import Truth


@dataclass(frozen=True, slots=True)
class Run:
    """What one simulation brought, and what was true."""

    scenario: str
    seed: int
    days: int
    truth: Truth
    changes: tuple[Change, ...]
    alerts: tuple[Alert, ...]
    """Every revision, in order."""
    incidents: tuple[Incident, ...]
    reports: tuple[ChangeReport, ...]
    scored: tuple[ScoredAlert, ...]
    score: Score
    correlate_s: float
    """Seconds of CPU spent in correlation alone."""


@dataclass(frozen=True, slots=True)
class DecidedWindow:
    """What waited in one window, by queue of the shortest window length, and what was decided."""

    queues: QueueTick
    decisions: Decisions
    correlate_s: float


def decide(simulation: Simulation) -> Iterator[DecidedWindow]:
    """A simulation through detection and correlation, window by window."""
    calendar = Calendar()
    for change in simulation.changes:
        calendar.declare(change, None)
    detection, correlator = _Detections(), Correlator(CorrelationParameters())
    for closed in ticks_by_length(simulation):
        at_us = closed[0].traffic.at_us
        view = calendar.view(at_us)
        detected = [detection.step(tick, view) for tick in closed]
        began = time.process_time()
        decisions = correlator.step(at_us, detected, view)
        yield DecidedWindow(closed[0].queues, decisions, time.process_time() - began)


class _Detections:
    """One detection for each window length."""

    def __init__(self) -> None:
        self._of: dict[int, Detection] = {}

    def step(self, closed: LengthTick, view: CalendarView) -> Detected:
        """One closed window of one length."""
        length, at_us = closed.length, closed.traffic.at_us
        detection = self._of.setdefault(length.window_s, Detection(DetectionParameters(), length.window_s))
        declared = view.declared(length.traffic, at_us), view.declared(length.queues, at_us)
        return detection.step(at_us, closed.traffic, length.traffic, closed.queues, length.queues, *declared)


def run(
    name: str,
    seed: int,
    users: int,
    *,
    days: int | None = None,
    start: str | None = None,
    window_s: int = 60,
    longer_window_s: int | None = None,
    realities: tuple[str, ...] = (),
) -> Run:
    """Scenario `name`, by default with its own length and start and in windows of a minute."""
    scenario = find_scenario(name)
    start_us = parse_time(start or scenario.start)
    simulation = simulate(
        scenario,
        seed,
        users=users,
        days=days or scenario.days,
        start_us=start_us,
        window_s=window_s,
        longer_window_s=longer_window_s,
        realities=realities,
    )
    alerts: list[Alert] = []
    incidents: list[Incident] = []
    reports: list[ChangeReport] = []
    spent_s = 0.0
    for window in decide(simulation):
        spent_s += window.correlate_s
        alerts += window.decisions.alerts
        incidents += window.decisions.incidents
        reports += window.decisions.reports
    scored, probable = _scored(alerts, incidents)
    figures = score(scored, simulation.truth, probable=probable)
    return Run(
        name,
        seed,
        days or scenario.days,
        simulation.truth,
        tuple(simulation.changes),
        tuple(alerts),
        tuple(incidents),
        tuple(reports),
        tuple(scored),
        figures,
        spent_s,
    )


def _scored(alerts: Sequence[Alert], incidents: Sequence[Incident]) -> tuple[list[ScoredAlert], frozenset[str]]:
    """The records as `highwater score` reads them: the same figures, the same code."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "alerts.ndjson").write_bytes(b"".join(to_json(alert) + b"\n" for alert in alerts))
        (folder / "incidents.ndjson").write_bytes(b"".join(to_json(incident) + b"\n" for incident in incidents))
        return read_alerts(folder)
