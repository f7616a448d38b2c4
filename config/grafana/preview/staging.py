"""Staging: the environment of the pictures: two simulated days in a Prometheus, and a monitor that receives a day as it happens."""

import gzip
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from config.grafana.preview.answers import Sources, Span, items
from config.grafana.preview.programs import ROOT, alertmanager, free_port, highwater, installed, prometheus
from models.canonical_json import to_json
from models.errors import HighwaterError
from models.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, format_time, parse_time
from simulator.simulation import Simulation, find_scenario, simulate

HISTORY = ("day", "--days", "2", "--users", "24", "--seed", "1")
HISTORY_ENDS = "2026-01-06T14:00:00Z"
"""In the middle of both incidents, so that the dashboards show something."""
HOURS = 12
LIVE_S, SHOWN_S = 540, 270
"""How long the day continues, and which part is shown: rates over minutes no longer include the fast sending of the past by then."""
LIVE_AT_US = DAY_US + 13 * HOUR_US + 30 * MINUTE_US
"""The simulated time at the moment of the current clock time."""
_TOKEN = "a-token-for-pictures-only"  # noqa: S105 - of a monitor that lives for minutes
_BODY_LINES = 20_000
ACTED_S = 130.0
"""Before the end: both sides have exchanged their data by then."""


@contextmanager
def history(folder: Path) -> Iterator[tuple[Sources, Span]]:
    """A Prometheus that holds two simulated days from `highwater export openmetrics`, and the hours to show."""
    sim, text, blocks = folder / "sim", folder / "history.om", folder / "blocks"
    _run(sys.executable, "-m", "highwater", "simulate", *HISTORY, "--out", sim)
    command = ("export", "openmetrics", sim / "events.ndjson.gz", "--changes", sim / "changes.json", "--out", text)
    _run(sys.executable, "-m", "highwater", *command)
    _run(installed("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=24h", text, blocks)
    to_s = parse_time(HISTORY_ENDS) / SECOND_US
    with prometheus(folder, blocks=blocks) as server:
        fill_rules(server.address, blocks, to_s - 2 * 86_400, to_s)
    with prometheus(folder, blocks=blocks) as server:
        yield Sources(server.address), Span(to_s - HOURS * 3600, to_s)


def fill_rules(address: str, blocks: Path, from_s: float, to_s: float) -> None:
    """The values that recording rules would have stored for the imported past; Prometheus reads them at its next start."""
    span = (f"--start={from_s:.0f}", f"--end={to_s:.0f}", "--eval-interval=1m")
    rules = ROOT / "config" / "prometheus" / "rules" / "recording.yml"
    _run(installed("promtool"), "tsdb", "create-blocks-from", "rules", *span, f"--url={address}", f"--output-dir={blocks}", rules)


@contextmanager
def live(folder: Path) -> Iterator[tuple[Sources, Span]]:
    """A monitor that has received a day and a half and receives the next minutes as they pass, with a Prometheus and an Alertmanager."""
    port = free_port()
    now_us = int(time.time()) * SECOND_US
    scenario = find_scenario("day")
    day = simulate(scenario, 1, users=8, days=2, start_us=(now_us - LIVE_AT_US) // MINUTE_US * MINUTE_US)
    with ExitStack() as stack:
        receiver = stack.enter_context(alertmanager(folder))
        given = {"HIGHWATER_SERVE__METRICS_PORT": str(port), "HIGHWATER_SERVE__ALERTMANAGER_URLS": receiver.address}
        monitor = stack.enter_context(highwater(folder, _TOKEN, **given))
        server = stack.enter_context(prometheus(folder, _scraping(port)))
        _post(f"{monitor.address}/v1/changes", b"[" + b",".join(map(to_json, day.changes)) + b"]")
        ends_s, acted = time.time() + LIVE_S, False
        for due_us, body in bodies(day, now_us):
            time.sleep(max(0.0, due_us / SECOND_US - time.time()))
            _post(f"{monitor.address}/v1/events", gzip.compress(body, 1), {"Content-Encoding": "gzip"})
            if not acted and time.time() > ends_s - ACTED_S:
                acted = True
                _people_act(monitor.address, receiver.address)
            if time.time() > ends_s:
                break
        yield Sources(server.address, monitor.address, _TOKEN), Span(time.time() - SHOWN_S, time.time())


def _people_act(monitor: str, alertmanager_address: str) -> None:
    """Acknowledges one incident and silences one alert, as a person on duty would."""
    sources = Sources("", monitor, _TOKEN)
    (incident, *_), (alert, *_) = (
        items(sources, {"url": f"/v1/{kind}?status=active", "root_selector": "items"}) for kind in ("incidents", "alerts")
    )
    _post(f"{monitor}/v1/incidents/{incident['incident_id']}/acknowledge", b'{"name": "Ann", "note": "calling them"}')
    _post(f"{monitor}/v1/incidents/{incident['incident_id']}/assign", b'{"to": "network team"}')
    until = format_time(int(time.time()) * SECOND_US + HOUR_US)
    silence = {
        "matchers": [{"name": "alert_id", "value": alert["alert_id"], "isRegex": False, "isEqual": True}],
        "startsAt": format_time(int(time.time()) * SECOND_US),
        "endsAt": until,
        "createdBy": "Ben",
        "comment": "known",
    }
    _post(f"{alertmanager_address}/api/v2/silences", json.dumps(silence).encode())


def bodies(day: Simulation, now_us: int) -> Iterator[tuple[int, bytes]]:
    """(due time, lines): everything up to now in large pieces at once, then window by window."""
    lines: list[bytes] = []
    due_us = now_us
    for block in day.blocks():
        for line in block.splitlines():
            at = line.index(b'"observed_at":"') + 15
            at_us = parse_time(line[at : line.index(b'"', at)].decode())
            if (at_us > due_us or len(lines) >= _BODY_LINES) and lines:
                yield due_us, b"\n".join(lines)
                lines = []
            due_us = max(now_us, at_us)
            lines.append(line)
    yield due_us, b"\n".join(lines)


def _scraping(port: int) -> str:
    """Prometheus' configuration: our rules, and this one monitor with a short interval. JSON is valid YAML."""
    return json.dumps(
        {
            "global": {"scrape_interval": "3s", "evaluation_interval": "3s"},
            "rule_files": [str(ROOT / "config" / "prometheus" / "rules" / "*.yml")],
            "scrape_configs": [{"job_name": "highwater", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
        }
    )


def _post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    sent = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json", **(headers or {})}
    with urllib.request.urlopen(urllib.request.Request(url, body, sent), timeout=600) as answer:  # noqa: S310 - our own programs
        json.load(answer)


def _run(*command: str | Path) -> None:
    print("…", Path(str(command[0])).name, *command[1:], flush=True)
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True)  # noqa: S603 - our own commands
    if done.returncode:
        raise HighwaterError(f"{command[0]} failed: {(done.stderr or done.stdout)[-1000:]}")
