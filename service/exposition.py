"""Metrics as Prometheus reads them; labels are bounded: users beyond the limit are folded into `other`."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from models.change import Change
from service.board import DELAYS_S, Board

OTHER = "other"


@dataclass(frozen=True, slots=True)
class Gauges:
    """What the collector asks for at each scrape."""

    board: Board
    now_us: Callable[[], int]
    active_changes: Callable[[], Iterable[Change]]
    backlog_bytes: Callable[[], int]
    checkpoint_age_s: Callable[[], float]
    listeners: Callable[[], int]


@dataclass(slots=True)
class _Folding:
    """The first `limit` users keep a label of their own, for as long as the process lives."""

    limit: int
    kept: set[str] = field(default_factory=set)
    folded: set[str] = field(default_factory=set)

    def label(self, user: str) -> str:
        if user in self.kept:
            return user
        if len(self.kept) < self.limit:
            self.kept.add(user)
            return user
        self.folded.add(user)
        return OTHER


class Exposition(Collector):
    """Every metric of contract section 5, computed when somebody scrapes."""

    def __init__(self, gauges: Gauges, user_limit: int) -> None:
        self._gauges = gauges
        self._users = _Folding(user_limit)

    def collect(self) -> Iterator[Metric]:
        """Every family, also those without a sample yet."""
        board = self._gauges.board
        with board.guard:
            families = [*self._traffic(board), *self._queues(board), *self._judgement(board), *self._changes(), *self._own(board)]
        yield from families

    def _summed(self, samples: Iterable[tuple[tuple[str, ...], float]]) -> dict[tuple[str, ...], float]:
        """By labels, of which the first is the user; what is folded adds up, and of what can't be added the callers take the greatest."""
        found: dict[tuple[str, ...], float] = {}
        for (user, *rest), value in samples:
            place = (self._users.label(user), *rest)
            found[place] = found.get(place, 0.0) + value
        return found

    def _greatest(self, samples: Iterable[tuple[tuple[str, ...], float]]) -> dict[tuple[str, ...], float]:
        found: dict[tuple[str, ...], float] = {}
        for (user, *rest), value in samples:
            if not math.isnan(value):
                place = (self._users.label(user), *rest)
                found[place] = max(found.get(place, -math.inf), value)
        return found

    def _traffic(self, board: Board) -> Iterator[Metric]:
        labels = ("user", "direction", "message_class")
        total = CounterMetricFamily("highwater_messages", "Messages reported in closed windows.", labels=labels)
        for place, value in self._summed((key, float(count)) for key, count in sorted(board.messages.items())).items():
            total.add_metric(place, value)
        yield total
        yield _gauge(
            "highwater_expected_messages",
            "Messages expected in the last closed window.",
            labels,
            self._summed(sorted(board.expected().items())),
        )

    def _queues(self, board: Board) -> Iterator[Metric]:
        labels, queues = ("user", "queue"), sorted(board.queues().items())
        yield _gauge(
            "highwater_queue_depth", "Messages waiting in the queue.", labels, self._summed((key, depth) for key, (depth, _) in queues)
        )
        yield _gauge(
            "highwater_queue_oldest_age_seconds",
            "Age of the oldest message waiting.",
            labels,
            self._greatest((key, age) for key, (_, age) in queues),
        )
        for name, measure, text in (
            ("highwater_queue_capacity_eta_seconds", "capacity_eta_s", "Time until the queue is full, while one fills."),
            ("highwater_queue_drain_eta_seconds", "drain_eta_s", "Time until the queue is empty, while one drains."),
        ):
            yield _gauge(name, text, labels, self._greatest(sorted(board.queue_evidence(measure).items())))

    def _judgement(self, board: Board) -> Iterator[Metric]:
        yield _gauge(
            "highwater_anomaly_score",
            "Strongest evidence of a finding, in nats.",
            ("user", "kind"),
            self._greatest(sorted(board.scores().items())),
        )
        yield _gauge("highwater_alerts_open", "Alerts that are not resolved.", ("kind", "severity"), _tally(board.alerts.values()))
        yield _gauge(
            "highwater_incidents_open",
            "Incidents that are not resolved.",
            ("category",),
            _tally((category,) for category in board.incidents.values()),
        )
        delay = HistogramMetricFamily("highwater_detection_delay_seconds", "From the estimated onset to the deciding window of an alert.")
        counts, running = [], 0
        for bound, count in zip(DELAYS_S, board.delays, strict=True):
            running += count
            counts.append(("+Inf" if math.isinf(bound) else f"{bound:g}", float(running)))
        delay.add_metric((), counts, board.delay_sum)
        yield delay

    def _changes(self) -> Iterator[Metric]:
        active = ((self._users.label(change.owner), change.category) for change in self._gauges.active_changes())
        yield _gauge("highwater_change_window_active", "Declared changes whose window is open.", ("owner", "category"), _tally(active))

    def _own(self, board: Board) -> Iterator[Metric]:
        events = CounterMetricFamily("highwater_events", "Events by what became of them.", labels=("outcome",))
        for outcome in ("accepted", "repeated", "late", "malformed"):
            events.add_metric((outcome,), float(board.events[outcome]))
        yield events
        lag = GaugeMetricFamily("highwater_ingest_lag_seconds", "How far the watermark is behind the clock.")
        if board.watermark_us is not None:
            lag.add_metric((), max(0.0, (self._gauges.now_us() - board.watermark_us) / 1e6))
        yield lag
        yield GaugeMetricFamily("highwater_events_held", "Events held because their User is ahead of all others.", board.held)
        yield CounterMetricFamily("highwater_windows_closed", "Windows closed, all window lengths together.", board.windows)
        yield GaugeMetricFamily("highwater_backlog_bytes", "Bytes taken and not judged yet.", self._gauges.backlog_bytes())
        yield GaugeMetricFamily("highwater_checkpoint_age_seconds", "Since the last checkpoint.", max(0.0, self._gauges.checkpoint_age_s()))
        yield GaugeMetricFamily("highwater_stream_listeners", "Open event streams.", self._gauges.listeners())
        yield GaugeMetricFamily("highwater_users_folded", "Users without labels of their own.", len(self._users.folded))
        yield GaugeMetricFamily("highwater_watchdog", "Always 1: a rule on it always fires, its absence is the alarm.", 1)


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: dict[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for place, value in samples.items():
        if not math.isnan(value):
            family.add_metric(place, value)
    return family


def _tally(places: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for place in places:
        found[place] = found.get(place, 0.0) + 1
    return dict(sorted(found.items()))
