"""Metrics: bounded labels, counters that match what was expected, series that vanish when what they tell of is gone."""

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

from models.columns import ALERT_KINDS, BEGAN, ENDED, Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import SECOND_US
from streams.metrics.collector import CollectorInputs, HighwaterCollector
from streams.metrics.encoding import encoded
from streams.metrics.state import MetricsState
from streams.metrics.totals import GONE_US
from tests.service.builders import alert

START_US = 1_767_000_000 * SECOND_US
NONE = np.zeros(0)


def findings(kind: str = "", series: int = 0, phase: int = BEGAN, **evidence: float) -> Findings:
    rows = 1 if kind else 0
    return Findings(
        kind=np.full(rows, ALERT_KINDS.index(kind) if kind else 0, np.uint8),
        series=np.full(rows, series, np.int32),
        phase=np.full(rows, phase, np.uint8),
        began_us=np.full(rows, START_US, np.int64),
        detected_us=np.full(rows, START_US, np.int64),
        score=np.full(rows, 42.0),
        observed=np.zeros(rows),
        expected=np.zeros(rows),
        serious=np.ones(rows, np.bool_),
        evidence={name: np.full(rows, value) for name, value in evidence.items()},
    )


def window(
    at_us: int,
    traffic: dict[str, int],
    queues: dict[str, float] | None = None,
    *,
    window_s: int = 60,
    quiet: frozenset[str] = frozenset(),
    waiting_queues: Findings | None = None,
) -> Detected:
    """One window: User → messages and User → depth; those `quiet` do not report."""
    groups = tuple(PulseKey(user, "to_dsp", "service_request", "4.8.1", "north") for user in sorted(traffic))
    seen = np.array([group.user not in quiet for group in groups], np.bool_)
    counts = np.array([float(traffic[group.user]) for group in groups])
    pulse = Pulse(at_us, window_s, groups, seen, counts, counts / 10, counts * 2, counts * 4, counts / 20, counts / 50)
    depths = queues or {}
    keys = tuple(SeriesKey(user, "", "", "", "", "to_user", window_s) for user in sorted(depths))
    deep = np.array([depths[key.user] for key in keys])
    waiting = QueuePulse(at_us, window_s, keys, np.array([key.user not in quiet for key in keys], np.bool_), deep, deep / 10)
    traffic_keys = tuple(SeriesKey(*group, "", window_s) for group in groups)
    return Detected(at_us, window_s, traffic_keys, keys, findings(), waiting_queues or findings(), pulse, waiting)


class Wall:
    """A board with its collector."""

    def __init__(self, users: int = 200) -> None:
        self.board = MetricsState()
        self.board.correlates = True
        self.registry = CollectorRegistry()
        self.registry.register(HighwaterCollector(self.board, CollectorInputs(lambda: START_US, tuple, users, 0.1, 10_000)))

    def close(self, *detected: Detected, part: str = "") -> None:
        at_us = detected[-1].at_us
        self.board.seen(detected, watermark_us=at_us, held=0, now_us=at_us + 30 * SECOND_US, part=part)

    def read(self) -> dict[str, dict[tuple[str, ...], float]]:
        values: dict[str, dict[tuple[str, ...], float]] = {}
        for family in self.registry.collect():
            for sample in family.samples:
                values.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
        return values


def test_messages_and_what_was_expected_count_over_the_same_windows() -> None:
    wall = Wall()
    wall.close(window(START_US, {"A": 100, "B": 10}))
    wall.close(window(START_US + 60 * SECOND_US, {"A": 100, "B": 10, "C": 1}))
    result = wall.read()
    assert result["highwater_messages_total"]["A", "to_dsp", "service_request"] == 200
    assert result["highwater_messages_expected_total"]["A", "to_dsp", "service_request"] == 400
    assert result["highwater_expected_messages"]["A", "to_dsp", "service_request"] == 200
    assert result["highwater_failures_total"]["A", "to_dsp", "user_side"] == 10
    assert result["highwater_failures_total"]["A", "to_dsp", "device_side"] == 4
    assert result["highwater_failures_total"]["A", "to_dsp", "other"] == 6
    assert result["highwater_region_messages_total"]["north",] == 221


def test_what_is_not_reported_is_not_expected_either() -> None:
    wall = Wall()
    wall.close(window(START_US, {"A": 100, "B": 10}))
    wall.close(window(START_US + 60 * SECOND_US, {"A": 100, "B": 10}, quiet=frozenset({"B"})))
    assert wall.read()["highwater_messages_expected_total"]["B", "to_dsp", "service_request"] == 20


def test_users_beyond_the_limit_share_a_label_and_are_counted() -> None:
    wall = Wall(users=2)
    names = {f"U{number}": 10 for number in range(5)}
    wall.close(window(START_US, names, dict.fromkeys(names, 100.0)))
    result = wall.read()
    assert {labels[0]: value for labels, value in result["highwater_messages_total"].items()} == {"U0": 10, "U1": 10, "other": 30}
    assert result["highwater_queue_depth"]["other", "to_user"] == 300
    assert result["highwater_queue_oldest_age_seconds"]["other", "to_user"] == 10
    assert result["highwater_label_values_folded"]["user",] == 3


def test_what_shares_a_label_never_counts_down_when_a_part_of_it_goes() -> None:
    wall = Wall(users=1)
    wall.close(window(START_US, {"A": 1}), part="first")
    other = ("other", "to_dsp", "service_request")
    wall.close(window(START_US, {"B": 100, "C": 10}), part="second")
    wall.close(window(START_US, {"D": 5}), part="third")
    assert wall.read()["highwater_messages_total"][other] == 115
    late_us = START_US + GONE_US + 60 * SECOND_US
    wall.close(window(late_us, {"B": 100, "C": 10}, quiet=frozenset({"B"})), part="second")
    wall.close(window(late_us, {"D": 5}), part="third")
    assert wall.read()["highwater_messages_total"][other] == 130, "B is quiet, and what it sent before still counts"
    wall.board.leave("second")
    assert wall.read()["highwater_messages_total"][other] == 130
    wall.close(window(late_us + 60 * SECOND_US, {"D": 5}), part="third")
    assert wall.read()["highwater_messages_total"][other] == 135, "it goes on from where it stood"


@pytest.mark.parametrize("accept", ["", "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"])
def test_the_text_is_what_the_client_would_write(accept: str) -> None:
    wall = Wall()
    wall.close(window(START_US, {'A "quoted" name': 1, "B": 2}, {"B": 3.0}))
    encode, content_type = choose_encoder(accept)
    assert encoded(wall.registry, accept) == (encode(wall.registry), content_type)


def test_open_metrics_tells_the_unit_of_every_name_that_ends_in_one() -> None:
    wall = Wall()
    wall.close(window(START_US, {"A": 1}, {"A": 3.0}))
    text = encoded(wall.registry, "application/openmetrics-text;version=1.0.0")[0].decode()
    result = dict(line.split()[2:4] for line in text.splitlines() if line.startswith("# UNIT"))
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert result == {name: "seconds" for name in names if name.endswith("_seconds")}
    assert "highwater_ingest_lag_seconds" in result


def test_of_queues_that_share_a_label_the_one_that_is_full_first_counts() -> None:
    wall = Wall(users=1)
    wall.close(window(START_US, {"A": 1}, {"A": 1.0, "B": 2.0}, window_s=60, waiting_queues=findings("backlog", 1, capacity_eta_s=50.0)))
    wall.close(window(START_US, {"A": 1}, {"A": 1.0, "C": 2.0}, window_s=10, waiting_queues=findings("backlog", 1, capacity_eta_s=900.0)))
    assert wall.read()["highwater_queue_capacity_eta_seconds"] == {("other", "to_user"): 50.0}


def test_a_series_that_reports_no_more_vanishes_and_comes_back() -> None:
    wall = Wall()
    wall.close(window(START_US, {"A": 1, "B": 1}, {"A": 5.0, "B": 5.0}))
    later_us = START_US + GONE_US + 60 * SECOND_US
    wall.close(window(later_us, {"A": 1, "B": 1}, {"A": 5.0, "B": 5.0}, quiet=frozenset({"B"})))
    result = wall.read()
    assert [{labels[0] for labels in result[name]} for name in ("highwater_messages_total", "highwater_queue_depth")] == [{"A"}, {"A"}]
    wall.close(window(later_us + 60 * SECOND_US, {"A": 1, "B": 1}, {"A": 5.0, "B": 6.0}))
    assert wall.read()["highwater_queue_depth"]["B", "to_user"] == 6


def test_a_partition_that_goes_to_another_worker_takes_its_series_along() -> None:
    wall = Wall()
    wall.close(window(START_US, {"A": 7}), part="partition-0")
    wall.close(window(START_US + 120 * SECOND_US, {"B": 7}), part="partition-1")
    wall.board.leave("partition-0")
    result = wall.read()
    assert {labels[0] for labels in result["highwater_messages_total"]} == {"B"}
    assert result["highwater_ingest_lag_seconds"][()] == 0


def test_a_score_and_a_forecast_last_as_long_as_their_finding() -> None:
    wall = Wall()
    wall.close(window(START_US, {"A": 1}, {"A": 9.0}, waiting_queues=findings("backlog", 0, drain_eta_s=30.0)))
    result = wall.read()
    assert result["highwater_anomaly_score"] == {("A", "backlog"): 42.0}
    assert result["highwater_queue_drain_eta_seconds"] == {("A", "to_user"): 30.0}
    wall.close(window(START_US + 60 * SECOND_US, {"A": 1}, {"A": 0.0}, waiting_queues=findings("backlog", 0, ENDED, drain_eta_s=30.0)))
    result = wall.read()
    assert "highwater_anomaly_score" not in result
    assert "highwater_queue_drain_eta_seconds" not in result


def test_an_alert_counts_once_for_each_severity_it_reaches_and_leaves_its_id_as_an_example() -> None:
    wall = Wall()
    first = alert(status="open", severity="warning", revision=1)
    for revision in (
        first,
        first.model_copy(update={"revision": 2, "status": "updated"}),
        first.model_copy(update={"revision": 3, "status": "updated", "severity": "critical"}),
    ):
        wall.board.alert(revision, START_US)
    result = wall.read()
    assert [result["highwater_alerts_total"][first.kind, severity] for severity in ("info", "warning", "critical")] == [0, 1, 1]
    assert [result["highwater_alerts_open"][first.kind, severity] for severity in ("info", "warning", "critical")] == [0, 0, 1]
    assert result["highwater_detection_delay_seconds_count"][()] == 1
    assert f'alert_id="{first.alert_id}"' in openmetrics(wall.registry).decode()
    wall.board.alert(first.model_copy(update={"revision": 4, "status": "resolved"}), START_US)
    assert sum(wall.read()["highwater_alerts_open"].values()) == 0


def test_a_process_that_does_not_correlate_tells_of_no_alerts() -> None:
    wall = Wall()
    wall.board.alert(alert("A-1"), START_US)
    wall.board.forget_decisions()
    wall.board.alert(alert("A-2"), START_US)
    wall.close(window(START_US, {"A": 1}))
    assert "highwater_alerts_open" not in wall.read()


@pytest.mark.parametrize("users", [200, 1000])
def test_there_is_a_ceiling_whatever_comes(users: int) -> None:
    wall = Wall(users=200)
    names = {f"U{number:04}": 10 for number in range(users)}
    wall.close(window(START_US, names, dict.fromkeys(names, 1.0)))
    samples = sum(map(len, wall.read().values()))
    assert samples < 201 * (4 + 3 + 2) + 150
