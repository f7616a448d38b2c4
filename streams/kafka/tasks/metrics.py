"""Metrics of a worker: its partitions, its decisions if it correlates, and its connection to the brokers.

The metrics of all workers can be added: a User's series are at the worker that holds its partition, alerts at the one that correlates, and
work that a successor repeats is not counted again.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from models.change import Change
from models.clock import Clock
from models.decisions import Decisions
from models.state_bytes import pack, unpack
from streams.flow import FlowStep
from streams.kafka.cluster.parameters import KafkaParameters
from streams.metrics.collector import CollectorInputs, HighwaterCollector
from streams.metrics.encoding import encoded
from streams.metrics.families import Labelled, counter, gauge, single, strongest, summed
from streams.metrics.state import MetricsState
from streams.pipeline import PipelineParameters

log = logging.getLogger(__name__)
_VERSION = 1


class WorkerBoard(MetricsState):
    """Written by the tasks of one worker, read by each scrape, all on one event loop."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.changes: Callable[[], Iterable[Change]] = tuple
        """The calendar, if this worker correlates."""

    def judged(self, unit: str, step: FlowStep, frontier_us: int | None, step_s: float) -> None:
        """One step of a partition that was not reported before."""
        malformed = len(step.rejected) - step.late
        self.counted(accepted=step.accepted, repeated=step.repeated, late=step.late, malformed=max(0, malformed))
        self.seen(step.detected, watermark_us=frontier_us, held=step.held, now_us=self._clock.wall_us(), step_s=step_s, part=unit)

    def decided(self, decisions: Decisions) -> None:
        """The decisions of one window end."""
        now_us = self._clock.wall_us()
        for alert in decisions.alerts:
            self.alert(alert, now_us)
        for incident in decisions.incidents:
            self.incident(incident)
        for report in decisions.reports:
            self.report(report)

    def pack_standing(self) -> bytes:
        """The open alerts and incidents, for the next correlating worker."""
        alerts = {alert_id: list(labels) for alert_id, labels in sorted(self.alerts.items())}
        incidents = {incident_id: list(labels) for incident_id, labels in sorted(self.incidents.items())}
        return pack({"alerts": alerts, "incidents": incidents}, _VERSION)

    def take_over(self, standing: bytes | None, changes: Callable[[], Iterable[Change]]) -> None:
        """Correlates from now on and continues from `standing`."""
        self.forget_decisions()
        self.correlates, self.changes = True, changes
        if standing is not None:
            tree = unpack(standing, _VERSION)
            self.alerts = {alert_id: (kind, severity) for alert_id, (kind, severity) in tree["alerts"].items()}
            self.incidents = {incident_id: (category, verdict) for incident_id, (category, verdict) in tree["incidents"].items()}
            self._reached = {alert_id: {severity} for alert_id, (_, severity) in self.alerts.items()}

    def leave(self, part: str) -> None:
        """Another worker continues this task."""
        super().leave(part)
        if part == "correlation":
            self.forget_decisions()
            self.changes = tuple


class WorkerExposition(Collector):
    """The state of the worker's connection; `assignment` and `transport` are read at each scrape."""

    def __init__(self, assignment: Any, transport: Any) -> None:
        self._assignment, self._transport = assignment, transport

    def describe(self) -> Iterable[Metric]:
        """Empty: registration must not read samples."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        units, name = self._assignment.units, "highwater_kafka_"
        held = sum(unit.name != "correlation" for unit in units)
        yield single(f"{name}partitions_held", "Partitions of the telemetry topics that this worker holds.", held)
        yield single(f"{name}correlating", "1 where this worker correlates.", float(held < len(units)))
        yield gauge(f"{name}lag_records", "Records that are not processed yet.", ("topic", "partition"), summed(_lags(units)))
        yield single(
            "highwater_quarantined", "Records and windows left out since the start: they could not be judged.", self._assignment.quarantined
        )
        ages = strongest((("",), unit.since_checkpoint_s) for unit in units if unit.ready)
        yield single(
            "highwater_checkpoint_age_seconds", "Time since the last checkpoint, for the task where it is longest.", ages.get(("",))
        )
        for suffix, text, value in (
            ("rebalances", "Assignments of partitions by the group.", self._assignment.rebalances),
            ("unit_restarts", "Tasks restarted from their checkpoint after an output record was lost.", self._assignment.restarts),
            ("commit_failures", "Commits that the brokers refused; the next one covers them.", self._transport.commit_failures),
            ("checkpoints", "Checkpoints written.", sum(unit.spent.checkpoints for unit in units)),
            ("checkpoint_seconds", "Time spent on packing and writing checkpoints.", sum(unit.spent.checkpoint_s for unit in units)),
            ("checkpoint_bytes", "Bytes of checkpoints written.", sum(unit.spent.checkpoint_bytes for unit in units)),
        ):
            samples: Labelled = {(): float(value)}
            yield counter(f"{name}{suffix}", text, (), samples)


def _lags(units: Sequence[Any]) -> Iterator[tuple[tuple[str, str], float]]:
    for unit in units:
        if unit.ready:
            for tp, behind in sorted(unit.lags().items()):
                yield (tp.topic, str(tp.partition)), float(behind)


def registry(
    board: WorkerBoard, pipeline: PipelineParameters, parameters: KafkaParameters, assignment: Any, transport: Any, clock: Clock
) -> CollectorRegistry:
    """Everything that a worker's `/metrics` returns."""
    detection = pipeline.detection
    asked = CollectorInputs(
        clock.wall_us,
        lambda: board.changes(),
        parameters.metric_users,
        detection.false_alarms_per_day,
        detection.fleet_series,
    )
    collectors = CollectorRegistry()
    collectors.register(HighwaterCollector(board, asked))
    collectors.register(WorkerExposition(assignment, transport))
    ProcessCollector(registry=collectors)
    return collectors


def remarks(assignment: Any) -> list[str]:
    """What is wrong although the worker works, a line each."""
    texts = [f"{unit.name} is being taken over" for unit in assignment.units if not unit.ready]
    if assignment.quarantined:
        texts.append(f"{assignment.quarantined} records or windows are in quarantine: `highwater quarantine list` says more")
    return texts


async def serve(metrics: CollectorRegistry, assignment: Any, parameters: KafkaParameters) -> web.AppRunner | None:
    """Answers `/metrics` and `/readyz` until the runner is cleaned up.

    None, and a line in the log, where the port is taken: a worker works without.
    """

    async def answer(request: web.Request) -> web.Response:
        text, content_type = encoded(metrics, request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": content_type})

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="".join(f"{line}\n" for line in ("ready", *remarks(assignment))))

    app = web.Application()
    app.router.add_get("/metrics", answer)
    app.router.add_get("/readyz", ready)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, parameters.metrics_host, parameters.metrics_port).start()
    except OSError as fault:
        await runner.cleanup()
        log.warning(
            "no metrics: %s:%d is not available (%s); set kafka.metrics_port", parameters.metrics_host, parameters.metrics_port, fault
        )
        return None
    log.info("metrics at http://%s:%d/metrics", *runner.addresses[0][:2])
    return runner
