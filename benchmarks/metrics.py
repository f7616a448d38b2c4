"""What `/metrics` costs at 10,000 series, and what every dashboard query costs over 24 hours.

`python -m benchmarks.metrics` measures the first; with the address of a Prometheus and the end of 24 hours in it also the second:
`python -m benchmarks.metrics http://localhost:9090 2026-01-07T00:00:00Z`.
"""

import gzip
import json
import sys
import time
import urllib.request
from collections.abc import Iterator

import numpy as np
from prometheus_client import CollectorRegistry

from config.grafana.boards import BOARDS
from config.grafana.panels import Json
from config.grafana.preview.answers import Span, lines
from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import DAY_US, SECOND_US, parse_time
from streams.metrics.collector import CollectorInputs, HighwaterCollector
from streams.metrics.encoding import encoded
from streams.metrics.state import MetricsState

USERS, SERVICES, CLASSES, QUEUES = 250, 10, ("service_request", "service_response", "command", "device_alert"), ("to_user", "to_device")
AT_US = 1_767_000_000 * SECOND_US
RUNS = 15
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
"""What Prometheus asks for."""
COLUMN_PIXELS = 60
"""Of one of the 24 columns."""


def ten_thousand() -> Detected:
    """One window of 10,000 traffic series and 500 queues."""
    groups = tuple(
        PulseKey(f"USER-{user:03}", "to_dsp", kind, f"4.{service}", f"region-{user % 4}")
        for user in range(USERS)
        for kind in sorted(CLASSES)
        for service in range(SERVICES)
    )
    size = len(groups)
    counts = np.arange(float(size))
    seen = np.ones(size, np.bool_)
    pulse = Pulse(AT_US, 60, groups, seen, counts, counts / 50, counts, counts, counts / 90, counts / 90)
    queues = tuple(SeriesKey(f"USER-{user:03}", "", "", "", "", queue, 60) for user in range(USERS) for queue in sorted(QUEUES))
    deep = np.arange(float(len(queues)))
    keys = tuple(SeriesKey(*group, "", 60) for group in groups)
    none = Findings.none()
    return Detected(AT_US, 60, keys, queues, none, none, pulse, QueuePulse(AT_US, 60, queues, np.ones(len(queues), np.bool_), deep, deep))


def scrape() -> dict[str, object]:
    """Size and time of an answer, with every User's label its own."""
    board = MetricsState()
    board.correlates = True
    board.seen([ten_thousand()], watermark_us=AT_US, held=0, now_us=AT_US)
    registry = CollectorRegistry()
    registry.register(HighwaterCollector(board, CollectorInputs(lambda: AT_US, tuple, USERS, 0.1, 10_000)))
    took = []
    for _ in range(RUNS):
        began_s, cpu_s = time.perf_counter(), time.process_time()
        text, _ = encoded(registry, OPENMETRICS)
        took.append((time.perf_counter() - began_s, time.process_time() - cpu_s))
    return {
        "series": USERS * len(CLASSES) * SERVICES,
        "samples": sum(not line.startswith(b"#") for line in text.splitlines()),
        "bytes": len(text),
        "bytes_gzip": len(gzip.compress(text)),
        "median_ms": round(1000 * sorted(each for each, _ in took)[RUNS // 2], 1),
        "cpu_ms": round(1000 * sorted(each for _, each in took)[RUNS // 2], 1),
        "core_share_at_15_s": round(sorted(each for _, each in took)[RUNS // 2] / 15, 4),
    }


def queries(address: str, until: str) -> dict[str, object]:
    """The slowest of all queries over 24 hours with every variable at `All`, and the processor that they cost Prometheus.

    As many points as Grafana asks for on a screen of 1,440 pixels. A row that is repeated for each User asks for one User at a time.
    """
    to_us = parse_time(until)
    rows = []
    before_s = processor_s(address)
    for board in BOARDS:
        content = board.json()
        for panel, shown in panels(content, address):
            span = Span((to_us - DAY_US) / SECOND_US, to_us / SECOND_US, panel["gridPos"]["w"] * COLUMN_PIXELS)
            for target in (each for each in panel["targets"] if "expr" in each):
                began_s, spent_s = time.perf_counter(), processor_s(address)
                lines(address, shown, {"targets": [target]}, span)
                took_ms, cpu_ms = 1000 * (time.perf_counter() - began_s), 1000 * (processor_s(address) - spent_s)
                rows.append((round(took_ms), round(cpu_ms), f"{board.title}: {panel['title']} {target['refId']}"))
    rows.sort(reverse=True)
    return {
        "queries": len(rows),
        "median_ms": rows[len(rows) // 2][0],
        "processor_s_of_all": round(processor_s(address) - before_s, 2),
        "slowest_ms_processor_ms": rows[:6],
    }


def panels(board: Json, address: str) -> Iterator[tuple[Json, Json]]:
    """Each panel with the dashboard as its queries see it."""
    for part in board["panels"]:
        if part["type"] != "row":
            yield part, board
        for panel in part.get("panels", ()):
            yield panel, one_of(board, part["repeat"], address) if part.get("repeat") else board


def one_of(board: Json, name: str, address: str) -> Json:
    """The dashboard with the first value of this variable chosen."""
    listed = board["templating"]["list"]
    (variable,) = (each for each in listed if each["name"] == name)
    with urllib.request.urlopen(f"{address}/api/v1/label/{name}/values", timeout=60) as answer:  # noqa: S310 - an address that the caller typed
        value = json.load(answer)["data"][0]
    return {**board, "templating": {"list": [{**each, "allValue": value} if each is variable else each for each in listed]}}


def processor_s(address: str) -> float:
    """Seconds of processor that Prometheus has used, by its own account."""
    with urllib.request.urlopen(f"{address}/metrics", timeout=60) as answer:  # noqa: S310 - an address that the caller typed
        text: str = answer.read().decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("process_cpu_seconds_total "))


if __name__ == "__main__":
    result: dict[str, object] = {"scrape": scrape()}
    if len(sys.argv) == 3:
        result["over_24_hours"] = queries(*sys.argv[1:])
    print(json.dumps(result, indent=1))
