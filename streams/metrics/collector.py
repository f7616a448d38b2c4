"""The collector: every metric of contract section 5, read from the metrics state at each scrape.

Its size is bounded: `users` Users have 16 series of traffic (direction × class) in three counters and a gauge, two in three failure
families, and QUEUES queues in four gauges; everything beyond is added up under `other`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import get_args

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from changes.windows import window_us
from models.change import Change
from models.times import DAY_US
from models.vocabulary import AlertKind, ReportVerdict, Severity, SuspectVerdict
from streams.metrics.families import Labelled, counter, gauge, histogram, single, strongest, summed
from streams.metrics.label_limit import OTHER, LabelLimiter
from streams.metrics.state import FAULTS, OUTCOMES, MetricsState
from streams.metrics.totals import LabelValues

QUEUES, REGIONS, OWNERS = 32, 64, 64
"""Number of queues, regions and owners of changes with labels of their own."""
_TRAFFIC = ("user", "direction", "message_class")


@dataclass(frozen=True, slots=True)
class CollectorInputs:
    """The sources of the collector besides the state."""

    now_us: Callable[[], int]
    changes: Callable[[], Iterable[Change]]
    """Every change, in its highest known revision."""
    users: int
    """Users with labels of their own."""
    alerts_per_day: float
    """The false-alarm budget in force."""
    fleet_series: int
    """Series that share the budget."""


class HighwaterCollector(Collector):
    """Every family, including those without a sample yet."""

    def __init__(self, board: MetricsState, asked: CollectorInputs) -> None:
        self._board, self._asked = board, asked
        self._folds = {
            "user": LabelLimiter(asked.users),
            "queue": LabelLimiter(QUEUES),
            "region": LabelLimiter(REGIONS),
            "owner": LabelLimiter(OWNERS),
        }
        self._shared: dict[tuple[str, LabelValues], tuple[float, float]] = {}
        """Counter and labels with `other` among them → their sum at the last scrape, and the removed part of it."""

    def describe(self) -> Iterable[Metric]:
        """Empty: registration must not read samples."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        with self._board.guard:
            parts = (self._traffic(), self._regions(), self._queues(), self._judgement(), self._decisions(), self._calendar(), self._own())
            families = [family for part in parts for family in part]
        yield from families

    def _folded(self, labels: tuple[str, ...], samples: Iterable[tuple[LabelValues, float]]) -> Iterator[tuple[LabelValues, float]]:
        folds = [self._folds.get(label) for label in labels]
        for values, value in samples:
            yield tuple(fold.label(name) if fold else name for fold, name in zip(folds, values, strict=True)), value

    def _traffic(self) -> Iterator[Metric]:
        for name, column, text in (
            ("highwater_messages", "messages", "Messages reported in closed windows."),
            ("highwater_messages_expected", "expected", "Messages expected in the same windows, before they were seen."),
            ("highwater_messages_expected_variance", "variance", "Variance of the expected messages: its root is the width of the band."),
        ):
            samples = (one for each in self._board.cohorts() for one in each.classes.standing(column, each.since_us))
            yield counter(name, text, _TRAFFIC, self._counted(name, _TRAFFIC, samples))
        due = (
            samples
            for each in self._board.cohorts()
            if each.last is not None
            for samples in each.classes.expected_now(each.last.pulse, each.since_us)
        )
        yield gauge("highwater_expected_messages", "Messages expected in the last closed window.", _TRAFFIC, self._sum(_TRAFFIC, due))
        labels = ("user", "direction", "family")
        yield counter(
            "highwater_failures",
            "Messages that failed, by the side that the response code points to.",
            labels,
            self._counted("highwater_failures", labels, self._failed()),
        )

    def _sum(self, labels: tuple[str, ...], samples: Iterable[tuple[LabelValues, float]]) -> Labelled:
        return summed(self._folded(labels, samples))

    def _counted(self, name: str, labels: tuple[str, ...], samples: Iterable[tuple[LabelValues, float, bool]]) -> Labelled:
        """Sums of a counter, for labels with recent reports; the value of `other` never falls when one of its parts is removed."""
        sums: Labelled = {}
        seen = set()
        folds = [self._folds.get(label) for label in labels]
        for values, value, is_seen in samples:
            labels_shown = tuple(fold.label(part) if fold else part for fold, part in zip(folds, values, strict=True))
            sums[labels_shown] = sums.get(labels_shown, 0.0) + value
            if is_seen:
                seen.add(labels_shown)
        return {
            values: self._never_less(name, values, value) if OTHER in values else value for values, value in sums.items() if values in seen
        }

    def _never_less(self, name: str, label_values: LabelValues, value: float) -> float:
        last, gone = self._shared.get((name, label_values), (0.0, 0.0))
        gone += max(0.0, last - value)
        self._shared[name, label_values] = value, gone
        return value + gone

    def _failed(self) -> Iterator[tuple[LabelValues, float, bool]]:
        for each in self._board.cohorts():
            columns = (each.directions.standing(name, each.since_us) for name in ("failures", "user_side", "device_side"))
            for (values, failed, seen), (_, user_side, _), (_, device_side, _) in zip(*columns, strict=True):
                yield (*values, "user_side"), user_side, seen
                yield (*values, "device_side"), device_side, seen
                yield (*values, "other"), max(0.0, failed - user_side - device_side), seen

    def _regions(self) -> Iterator[Metric]:
        for name, column, text in (
            ("highwater_region_messages", "messages", "Messages reported in closed windows, by region."),
            ("highwater_region_messages_expected", "expected", "Messages expected in the same windows, by region."),
            ("highwater_region_failures", "failures", "Messages that failed, by region."),
        ):
            samples = (one for each in self._board.cohorts() for one in each.regions.standing(column, each.since_us))
            yield counter(name, text, ("region",), self._counted(name, ("region",), samples))

    def _queues(self) -> Iterator[Metric]:
        labels = ("user", "queue")
        depths_by_queue = [samples for each in self._board.cohorts() for samples in each.depths.standing(each.since_us)]
        depths = self._sum(labels, ((values, depth) for values, depth, _ in depths_by_queue))
        yield gauge("highwater_queue_depth", "Messages waiting in the queue.", labels, depths)
        ages = strongest(self._folded(labels, ((values, age_s) for values, _, age_s in depths_by_queue)))
        yield gauge("highwater_queue_oldest_age_seconds", "Age of the oldest message waiting.", labels, ages)
        # Of queues with the same label, the one that is full first and the one that is empty last need action.
        for name, measure, choose, text in (
            ("capacity_eta", "capacity_eta_s", min, "Time until the queue is full, while it fills."),
            ("capacity_eta_low", "capacity_eta_low_s", min, "The early end of the interval of that time."),
            ("capacity_eta_high", "capacity_eta_high_s", min, "The late end of the interval of that time."),
            ("age_limit_eta", "age_limit_eta_s", min, "Time until the oldest message reaches the age limit, while its age rises."),
            ("drain_eta", "drain_eta_s", max, "Time until the queue is empty, while it drains."),
        ):
            samples = strongest(self._folded(labels, self._board.queue_evidence(measure)), choose)
            yield gauge(f"highwater_queue_{name}_seconds", text, labels, samples)

    def _judgement(self) -> Iterator[Metric]:
        labels = ("user", "kind")
        scores = strongest(self._folded(labels, self._board.scores()))
        yield gauge("highwater_anomaly_score", "Strongest evidence of an open finding, in nats.", labels, scores)
        yield histogram(
            "highwater_detection_delay_seconds", "From the estimated onset to the deciding window of an alert.", self._board.detection_delay
        )

    def _decisions(self) -> Iterator[Metric]:
        board, here = self._board, self._board.correlates
        kinds = [(kind, severity) for kind in get_args(AlertKind) for severity in get_args(Severity)] if here else []
        categories = [(str(number),) for number in range(1, 6)] if here else []
        verdicts = [(verdict,) for verdict in (*get_args(SuspectVerdict), "none")] if here else []
        labels = ("kind", "severity")
        yield gauge("highwater_alerts_open", "Alerts that are not resolved.", labels, _tally(board.alerts.values(), kinds))
        alerts = counter("highwater_alerts", "Alerts, counted once for each severity that they reach.", labels, {})
        for label_values, count in sorted((dict.fromkeys(kinds, 0) | dict(board.alerts_total)).items()):
            alert_id, at_s = board.last_alert.get(label_values, ("", 0.0))
            alerts.add_metric(label_values, count, exemplar=Exemplar({"alert_id": alert_id}, 1.0, at_s) if alert_id else None)
        yield alerts
        incidents = list(board.incidents.values())
        yield gauge(
            "highwater_incidents_open", "Incidents that are not resolved.", ("category",), _tally(((c,) for c, _ in incidents), categories)
        )
        yield gauge(
            "highwater_incidents_attributed",
            "Incidents that are not resolved, by the verdict on their first suspect.",
            ("verdict",),
            _tally(((verdict,) for _, verdict in incidents), verdicts),
        )
        for name, label, values, counts, text in (
            ("incidents", "category", [c for (c,) in categories], board.incidents_total, "Incidents opened."),
            ("change_reports", "verdict", get_args(ReportVerdict), board.reports_total, "Changes with a report after their end."),
            ("change_faults", "fault", FAULTS, board.faults_total, "Faults in declarations that reports found."),
        ):
            samples = ((name, float(counts[name])) for name in (values if here else ()))
            yield counter(f"highwater_{name}", text, (label,), summed(((value,), count) for value, count in samples))

    def _calendar(self) -> Iterator[Metric]:
        at_us = self._board.watermark_us
        changes = list(self._asked.changes()) if at_us is not None and self._board.correlates else []
        labels = ("owner", "category")
        for name, choose, text in (
            ("active", active, "Declared changes whose window is open."),
            ("upcoming", upcoming, "Declared changes whose window opens within a day."),
        ):
            samples = (((change.owner, change.category), 1.0) for change in choose(changes, at_us or 0))
            yield gauge(f"highwater_change_window_{name}", text, labels, self._sum(labels, samples))

    def _own(self) -> Iterator[Metric]:
        board, asked = self._board, self._asked
        events: Labelled = {(outcome,): float(board.events[outcome]) for outcome in OUTCOMES}
        yield counter("highwater_events", "Events by outcome.", ("outcome",), events)
        lag_s = None if board.watermark_us is None else max(0.0, (asked.now_us() - board.watermark_us) / 1e6)
        yield single("highwater_ingest_lag_seconds", "The time by which the watermark is behind the clock.", lag_s)
        yield single("highwater_events_held", "Events held because their User is far ahead of all others.", board.held)
        yield counter("highwater_windows_closed", "Windows closed, over all window lengths.", (), {(): float(board.windows)})
        yield histogram(
            "highwater_window_delay_seconds",
            "Time from the end of a window to its judgement, less its length, because the report that closes it is not due earlier.",
            board.window_delay,
        )
        yield histogram("highwater_step_seconds", "Time to judge one batch of input.", board.step)
        series: Labelled = {("traffic",): 0.0, ("queue",): 0.0}
        learning = 0
        for each in board.cohorts():
            if each.last is not None:
                series["traffic",] += len(each.last.traffic_keys)
                series["queue",] += len(each.last.queue_keys)
                learning += int((each.last.pulse.reported & (each.last.pulse.expected <= 0)).sum())
        yield gauge("highwater_series", "Series that are monitored.", ("kind",), series)
        yield single(
            "highwater_series_learning", "Series of traffic that are not judged yet: a day of reports must be seen first.", learning
        )
        yield single("highwater_fleet_series", "Series that the false-alarm budget is set for.", asked.fleet_series)
        yield single(
            "highwater_false_alarm_budget_per_day", "False alarms of warning or above that the settings allow a day.", asked.alerts_per_day
        )
        folds: Labelled = {(label,): float(fold.folded) for label, fold in self._folds.items()}
        yield gauge("highwater_label_values_folded", "Values of a label that share `other` because there are too many.", ("label",), folds)
        yield single("highwater_watchdog", "Always 1: a rule on it always fires; its absence is the alarm.", 1)


def _tally(all_values: Iterable[LabelValues], always: Iterable[LabelValues]) -> Labelled:
    return summed([*((label_values, 0.0) for label_values in always), *((label_values, 1.0) for label_values in all_values)])


def active(changes: Iterable[Change], at_us: int) -> Iterator[Change]:
    """Changes whose window is open."""
    for change in changes:
        start_us, end_us = window_us(change)
        if change.explains and start_us <= at_us <= end_us:
            yield change


def upcoming(changes: Iterable[Change], at_us: int) -> Iterator[Change]:
    """Changes whose window opens within a day."""
    return (change for change in changes if change.explains and at_us < window_us(change)[0] <= at_us + DAY_US)
