"""The monitor's own metrics, besides those of every process."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from models.alert import Alert
from models.canonical_json import decode
from models.change_report import ChangeReport
from models.incident import Incident
from service.access import DESK
from service.store import records
from service.store.database import Database
from service.store.records import ALERT, INCIDENT, REPORT, Row
from streams.metrics.collector import CollectorInputs, HighwaterCollector
from streams.metrics.families import Labelled, counter, gauge, single
from streams.metrics.state import MetricsState


class DeskBoard(MetricsState):
    """Counts the triage desk's records; Users' copies would count twice."""

    def __init__(self, database: Database, now_us: Callable[[], int]) -> None:
        super().__init__()
        self.correlates = True
        self._database, self._now_us = database, now_us

    def recorded(self, rows: Iterable[Row]) -> None:
        """Records just committed."""
        now_us = self._now_us()
        for row in rows:
            if row.audience != DESK:
                continue
            if row.kind == ALERT:
                self.alert(decode(Alert, row.body), now_us)
            elif row.kind == INCIDENT:
                self.incident(decode(Incident, row.body))
            elif row.kind == REPORT:
                self.report(decode(ChangeReport, row.body))

    def read_open_records(self) -> None:
        """Restores what was open before a restart."""
        models: tuple[tuple[str, type[Alert] | type[Incident]], ...] = ((ALERT, Alert), (INCIDENT, Incident))
        for kind, model in models:
            for *_, body in self._database.read(partial(records.standing_open, kind=kind)):
                self.restore_open(decode(model, body))


@dataclass(frozen=True, slots=True)
class Gauges:
    """The sources that are read at each scrape."""

    backlog_bytes: Callable[[], int]
    checkpoint_age_s: Callable[[], float]
    listeners: Callable[[], int]
    waiting: Callable[[], int]
    """Messages to subscribers that have not been sent."""
    pushes: Callable[[], Mapping[str, int]]
    """Posts to Alertmanagers by outcome."""
    faulty: Callable[[], bool]
    quarantined: Callable[[], int]
    """Journal entries that could not be judged."""
    quiet_s: Callable[[], Mapping[str, float]]
    """Source → seconds since it last sent something, by the wall clock."""


class MonitorExposition(Collector):
    """The embedded monitor's own health."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def describe(self) -> Iterable[Metric]:
        """Empty: registration must not read samples."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        asked = self._gauges
        yield single("highwater_backlog_bytes", "Bytes accepted and not judged yet.", asked.backlog_bytes())
        yield single("highwater_checkpoint_age_seconds", "Time since the last checkpoint.", max(0.0, asked.checkpoint_age_s()))
        yield single("highwater_stream_listeners", "Open event streams.", asked.listeners())
        yield single("highwater_notifications_waiting", "Messages to subscribers that have not been sent.", asked.waiting())
        pushes: Labelled = {(outcome,): float(count) for outcome, count in asked.pushes().items()}
        yield counter("highwater_alertmanager_pushes", "Posts to Alertmanagers by outcome.", ("outcome",), pushes)
        faulty: Labelled = {(): float(asked.faulty())}
        yield single("highwater_quarantined", "Journal entries that could not be judged.", asked.quarantined())
        quiet: Labelled = {(name,): quiet_s for name, quiet_s in asked.quiet_s().items()}
        yield gauge("highwater_source_quiet_seconds", "Since a token last posted events, by the clock.", ("source",), quiet)
        yield gauge("highwater_storage_faulty", "1 while the disk refuses to store data that must be kept.", (), faulty)


def registry(board: MetricsState, asked: CollectorInputs, gauges: Gauges) -> CollectorRegistry:
    """Everything that the monitor's `/metrics` returns."""
    collectors = CollectorRegistry()
    collectors.register(HighwaterCollector(board, asked))
    collectors.register(MonitorExposition(gauges))
    ProcessCollector(registry=collectors)
    return collectors
