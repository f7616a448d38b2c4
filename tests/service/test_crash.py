"""What was answered 202 survives `kill -9` at any moment, and the alerts are those of a run that nobody disturbed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import httpx2
import pytest

from models.change import Change
from models.times import parse_time
from models.wire import encode
from simulator.simulation import find_scenario, simulate
from streams.decode import decode_body
from streams.pipeline import Outputs, Pipeline

SECRET = "admin-secret-0123456789"  # noqa: S105 - a test's own
HEADERS = {"authorization": f"Bearer {SECRET}"}
LINES = 400


@cache
def day() -> tuple[tuple[Change, ...], tuple[bytes, ...]]:
    """Two days of six Users, with what was declared, as bodies of some hundred events."""
    scenario = find_scenario("day")
    simulation = simulate(scenario, 3, users=6, days=2, start_us=parse_time(scenario.start), window_s=300)
    lines = b"".join(simulation.blocks()).splitlines(keepends=True)
    return tuple(simulation.changes), tuple(b"".join(lines[start : start + LINES]) for start in range(0, len(lines), LINES))


@cache
def undisturbed() -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    """Every revision of every alert and incident of a run without a crash, by id."""
    changes, bodies = day()
    pipeline = Pipeline()
    pipeline.declare(changes, pipeline.watermark_us)
    alerts: dict[str, list[bytes]] = {}
    incidents: dict[str, list[bytes]] = {}
    for body in bodies:
        _gather(pipeline.feed(decode_body(body, "token"), "token"), alerts, incidents)
    return alerts, incidents


def _gather(outputs: Outputs, alerts: dict[str, list[bytes]], incidents: dict[str, list[bytes]]) -> None:
    for alert in outputs.alerts:
        alerts.setdefault(alert.alert_id, []).append(encode(alert))
    for incident in outputs.incidents:
        incidents.setdefault(incident.incident_id, []).append(encode(incident))


class Victim:
    """A monitor in a process of its own, that is killed and started again on the same folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.starts = 0
        self.start()

    def start(self) -> None:
        more = {"SERVE__ADMIN_TOKEN": SECRET, "SERVE__CHECKPOINT_EVERY_S": "0.3", "SERVE__SEGMENT_MB": "0.3", "SERVE__LOG_LEVEL": "error"}
        environment = {**os.environ, **{f"HIGHWATER_{name}": value for name, value in more.items()}}
        command = [sys.executable, "-m", "highwater", "serve", "--port", "0", "--data", str(self._data)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.address = line.split()[-1]
        self.starts += 1

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def post_all(victim: Victim, bodies: Sequence[bytes], kills: int, chance: random.Random) -> None:
    """Post every body until it is answered 202, while the monitor is killed at moments that nobody chose."""
    place, posted = 0, len(bodies)
    while place < posted:
        timer = None
        if victim.starts <= kills:
            timer = threading.Timer(chance.uniform(0.02, 1.2), victim.process.send_signal, [signal.SIGKILL])
            timer.start()
        try:
            with httpx2.Client(base_url=victim.address, headers=HEADERS, timeout=30) as client:
                while place < posted:
                    answer = client.post("/v1/events", content=bodies[place])
                    if answer.status_code == 429:
                        time.sleep(0.05)
                        continue
                    assert answer.status_code == 202, answer.text
                    place += 1
        except httpx2.TransportError:
            victim.kill()
            victim.start()
        if timer is not None:
            timer.cancel()


def survive(data: Path, kills: int, seed: int) -> None:
    changes, bodies = day()
    victim = Victim(data)
    try:
        declared = httpx2.post(f"{victim.address}/v1/changes", json=[change.model_dump(mode="json") for change in changes], headers=HEADERS)
        assert declared.status_code == 201, declared.text
        post_all(victim, bodies, kills, random.Random(seed))
        victim.kill()
        victim.start()
        with httpx2.Client(base_url=victim.address, headers=HEADERS, timeout=30) as client:
            for kind, expected in (("alerts", undisturbed()[0]), ("incidents", undisturbed()[1])):
                page = client.get(f"/v1/{kind}?limit=1000").json()
                assert {one[f"{kind[:-1]}_id"] for one in page["items"]} == set(expected)
            for alert_id, revisions in undisturbed()[0].items():
                assert client.get(f"/v1/alerts/{alert_id}/revisions").content == b'{"items":[' + b",".join(revisions) + b'],"next":null}'
    finally:
        victim.kill()


def test_a_run_with_kills_gives_the_alerts_of_one_without(tmp_path: Path) -> None:
    assert len(undisturbed()[0]) >= 5
    survive(tmp_path / "data", kills=6, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 22))
def test_hundreds_of_kills_change_nothing(tmp_path: Path, seed: int) -> None:
    survive(tmp_path / "data", kills=15, seed=seed)
