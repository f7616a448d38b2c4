"""What was answered 202 survives `kill -9` at any moment, and the alerts are those of a run that nobody disturbed."""

import os
import random
import statistics
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import httpx2
import pytest

from models.canonical_json import to_json
from models.change import Change
from models.times import parse_time
from simulator.simulation import find_scenario, simulate
from streams.decode import decode_body
from streams.flow import FlowStep
from streams.pipeline import Pipeline
from tests.service.house import until
from tests.service.served import Served

SECRET = "admin-secret-0123456789"  # noqa: S105 - a test's own
HEADERS = {"authorization": f"Bearer {SECRET}"}
BODIES = 100


@cache
def day(window_s: int) -> tuple[tuple[Change, ...], tuple[bytes, ...]]:
    """Two days of six Users, with what was declared, as bodies of some hundred events."""
    scenario = find_scenario("day")
    simulation = simulate(scenario, 3, users=6, days=2, start_us=parse_time(scenario.start), window_s=window_s)
    lines = b"".join(simulation.blocks()).splitlines(keepends=True)
    size = -(-len(lines) // BODIES)
    return tuple(simulation.changes), tuple(b"".join(lines[start : start + size]) for start in range(0, len(lines), size))


@cache
def undisturbed(window_s: int) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    """Every revision of every alert and incident of a run without a crash, by id."""
    changes, bodies = day(window_s)
    pipeline = Pipeline()
    pipeline.declare(changes, pipeline.watermark_us)
    alerts: dict[str, list[bytes]] = {}
    incidents: dict[str, list[bytes]] = {}
    for body in bodies:
        _gather(pipeline.feed(decode_body(body, "token"), "token"), alerts, incidents)
    return alerts, incidents


def _gather(outputs: FlowStep, alerts: dict[str, list[bytes]], incidents: dict[str, list[bytes]]) -> None:
    for alert in outputs.alerts:
        alerts.setdefault(alert.alert_id, []).append(to_json(alert))
    for incident in outputs.incidents:
        incidents.setdefault(incident.incident_id, []).append(to_json(incident))


class Victim:
    """A monitor that is killed and started again on the same folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.kills = 0
        self.start()

    def start(self) -> None:
        self.served = self._begun()
        self.client = httpx2.Client(base_url=self.served.address, headers=HEADERS, timeout=30, verify=False)

    def kill(self) -> None:
        self.client.close()
        self.served.kill()
        self.kills += 1

    def stumble(self, after_s: float) -> None:
        """Killed while it starts and judges the journal again."""
        begun = self._begun()
        begun.process.join(after_s)
        begun.kill()
        self.kills += 1

    def _begun(self) -> Served:
        more = {"ADMIN_TOKEN": SECRET, "CHECKPOINT_EVERY_S": "0.3", "SEGMENT_MB": "0.3", "LOG_LEVEL": "error"}
        return Served(self._data, **{f"HIGHWATER_SERVE__{name}": value for name, value in more.items()})


def post_all(victim: Victim, bodies: Sequence[bytes], kills: int, chance: random.Random) -> None:
    """Post every body until it is answered 202, while the monitor is killed `kills` times at moments that nobody chose."""
    due = sorted(chance.choices(range(len(bodies)), k=kills))
    position = 0
    while position < len(bodies):
        if due and due[0] <= position:
            threading.Timer(chance.uniform(0, 0.05), victim.served.process.kill).start()
            del due[0]
        try:
            answer = victim.client.post("/v1/events", content=bodies[position])
            if answer.status_code == 429:
                time.sleep(float(answer.headers["retry-after"]) / 20)
                continue
            assert answer.status_code == 202, answer.text
            position += 1
        except httpx2.TransportError:
            victim.kill()
            while due and chance.random() < 0.25:
                victim.stumble(chance.uniform(0, 0.5))
                del due[0]
            victim.start()


def reported_after(data: Path, kills: int, seed: int, window_s: int) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    """What a monitor that was killed again and again tells in the end: every revision of every alert, and the last of every incident."""
    changes, bodies = day(window_s)
    victim = Victim(data)
    try:
        declared = victim.client.post("/v1/changes", json=[change.model_dump(mode="json") for change in changes])
        assert declared.status_code == 201, declared.text
        post_all(victim, bodies, kills, random.Random(seed))
        victim.kill()
        victim.start()
        until(lambda: "recovering" not in victim.client.get("/readyz").text, seconds=60)
        assert victim.kills > kills // 2
        alerts = {name: result(victim, f"/v1/alerts/{name}/revisions") for name in ids(victim, "alert")}
        return alerts, {name: [victim.client.get(f"/v1/incidents/{name}").content] for name in ids(victim, "incident")}
    finally:
        victim.kill()


def ids(victim: Victim, kind: str) -> list[str]:
    return [one[f"{kind}_id"] for one in victim.client.get(f"/v1/{kind}s?limit=1000").json()["items"]]


def result(victim: Victim, path: str) -> list[bytes]:
    """The records of a page, byte for byte."""
    body = victim.client.get(path).content
    assert body.startswith(b'{"items":[{"')
    assert body.endswith(b'}],"next":null}')
    return [part if part.startswith(b"{") else b'{"alert_id"' + part for part in body[10:-14].split(b',{"alert_id"')]


def test_a_run_with_kills_gives_the_alerts_of_one_without(tmp_path: Path) -> None:
    alerts, incidents = undisturbed(900)
    assert len(alerts) >= 5, "the story must hold something to lose"
    assert incidents
    assert reported_after(tmp_path / "data", kills=12, seed=1, window_s=900) == (alerts, last(incidents))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 22))
def test_hundreds_of_kills_change_nothing(tmp_path: Path, seed: int) -> None:
    alerts, incidents = undisturbed(300)
    assert reported_after(tmp_path / "data", kills=20, seed=seed, window_s=300) == (alerts, last(incidents))


def paced(victim: Victim, bodies: Sequence[bytes], kills: int, chance: random.Random) -> list[float]:
    """Posts all bodies while the monitor is killed at random moments seconds apart; the CPU time (s) of each restart until all was judged.

    How long a restart takes by the clock says more about what else the machine does.
    """
    took: list[float] = []
    position, left, at_s = 0, kills, time.monotonic() + chance.uniform(0.5, 3)
    while position < len(bodies) or left:
        if left and time.monotonic() >= at_s:
            victim.kill()
            victim.start()
            until(lambda: "recovering" not in victim.client.get("/readyz").text, seconds=60)
            took.append(victim.served.cpu_s)
            left, at_s = left - 1, time.monotonic() + chance.uniform(0.5, 3)
        if position < len(bodies) * (kills - left + 1) // (kills + 1):
            answer = victim.client.post("/v1/events", content=bodies[position])
            position += answer.status_code == 202
        else:
            time.sleep(0.01)
    return took


KILLS = int(os.environ.get("HIGHWATER_TEST_KILLS", "500"))


@pytest.mark.soak
def test_five_hundred_kills_seconds_apart_lose_nothing_and_recovery_takes_no_longer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alerts, incidents = undisturbed(300)
    changes, bodies = day(300)
    victim = Victim(tmp_path / "data")
    try:
        assert victim.client.post("/v1/changes", json=[change.model_dump(mode="json") for change in changes]).status_code == 201
        took = paced(victim, bodies, KILLS, random.Random(500))
        reported_alerts = {name: result(victim, f"/v1/alerts/{name}/revisions") for name in ids(victim, "alert")}
        reported_incidents = {name: [victim.client.get(f"/v1/incidents/{name}").content] for name in ids(victim, "incident")}
    finally:
        victim.kill()
    third = len(took) // 3
    first_s, last_s = statistics.median(took[:third]), statistics.median(took[-third:])
    with capsys.disabled():
        print(
            f"\n{len(took)} kills; CPU time of a restart: median {first_s:.2f} s at first, {last_s:.2f} s at last, {max(took):.2f} s most"
        )
    assert (reported_alerts, reported_incidents) == (alerts, last(incidents))
    assert last_s <= 2 * first_s


def last(revisions: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {name: entry[-1:] for name, entry in revisions.items()}
