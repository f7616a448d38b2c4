"""One User attacks with all that its token allows, 99 others work: their answers stay quick, and no record of theirs differs by a byte."""

import gc
import random
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import httpx2
import pytest

from service.http.server import share_the_processor
from service.store import tokens
from tests.hostile import campaigns
from tests.service.builders import change_json, lines, queue
from tests.service.house import House, until
from tests.service.served import FORKS

OTHERS = 99
ATTACKERS = 6
"""Connections of the one User and of its ingest token, each as fast as it is answered."""
MOST_SLOWER = 3.0
MOST_MB = 400
"""By which the process may grow under the attack: half of the backlog, the bodies under way, and what is kept of declarations."""
PATHS = ("/v1/alerts", "/v1/changes", "/v1/change-reports", "/v1/status", "/v1/series/names", "/v1/subscriptions")


def clients(house: House, count: int) -> list[httpx2.Client]:
    made = []
    for number in range(count):
        job = partial(tokens.create, role=f"user:U-{number:02d}", name="other", by="t", now_us=house.parts.clock.wall_us())
        secret = house.parts.database.write(job).result()[1]
        made.append(house.client(None, follow_redirects=False))
        made[-1].headers["authorization"] = f"Bearer {secret}"
    return made


def attack(address: str, secrets: tuple[str, str], stop: Event, number: int) -> None:
    """One connection of the attacker, as fast as it is answered."""
    chance = random.Random(number)
    acme, ingest, anyone = (httpx2.Client(base_url=address, timeout=30, verify=False) for _ in range(3))
    for client, secret in zip((acme, ingest), secrets, strict=True):
        client.headers["authorization"] = f"Bearer {secret}"
    while not stop.is_set():
        several = campaigns.as_json([campaigns.change(chance) for _ in range(100)])
        deeds: list[Callable[[], object]] = [
            partial(acme.post, "/v1/changes", content=several),
            partial(acme.post, "/v1/changes/preview", json=change_json(f"P-{number}")),
            partial(acme.post, "/v1/subscriptions", json={"name": "x", "channel": "webhook", "target": campaigns.address(chance)}),
            partial(acme.get, "/v1/series/names?limit=1000"),
            partial(ingest.post, "/v1/events", content=b"{}\n" * 5000),
            partial(ingest.post, "/v1/events", content=campaigns.body(chance)),
            partial(ingest.post, "/v1/events", content=lines(*(queue(10, f"S-{chance.random()}") for _ in range(2000)))),
            partial(anyone.get, "/v1/alerts", headers={"authorization": f"Bearer {chance.random()}"}),
        ]
        try:
            chance.choice(deeds)()
        except httpx2.HTTPError:
            continue


def attack_all(address: str, secrets: tuple[str, str], stop: Event) -> None:
    """The attacker, in a process of its own: what it costs itself is no cost of the monitor."""
    threads = [threading.Thread(target=attack, args=(address, secrets, stop, number), daemon=True) for number in range(ATTACKERS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def ask_all(others: list[httpx2.Client], rounds: int) -> float:
    """The 99th percentile of their answer times (s); every answer is 200."""
    took = []
    for number in range(rounds):
        for index, other in enumerate(others):
            began = time.monotonic()
            assert other.get(PATHS[(number + index) % len(PATHS)]).status_code == 200
            took.append(time.monotonic() - began)
    return sorted(took)[int(len(took) * 0.99)]


def records(others: list[httpx2.Client]) -> list[bytes]:
    return [other.get(path).content for other in others for path in ("/v1/changes", "/v1/alerts", "/v1/change-reports")]


def against_all(folder: Path, count: int, rounds: int) -> tuple[float, float]:
    with House(folder) as house:
        others = clients(house, count)
        for number, other in enumerate(others):
            given = change_json("OWN", f"U-{number:02d}", visibility="public_summary" if number % 2 else "dcc_only")
            assert other.post("/v1/changes", json=given).status_code == 201
        before, quiet_s = records(others), ask_all(others, rounds)
        grown_mb, stop = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, FORKS.Event()
        attacker = FORKS.Process(target=attack_all, args=(house.address, (house.secrets["user:ACME"], house.secrets["ingest"]), stop))
        attacker.start()
        try:
            until(lambda: len(house.client("user:ACME").get("/v1/changes").json()["items"]) > 1, 60)
            attacked_s = ask_all(others, rounds)
        finally:
            stop.set()
            attacker.join(60)
            attacker.kill()
        grown_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000 - grown_mb
        house.judged()
        after = records(others)
        assert [one for one in after if b"ACME" in one and b'"owner":"ACME"' not in one] == []
        assert [_without_acme(one) for one in after] == [_without_acme(one) for one in before]
        assert grown_mb < MOST_MB
        assert house.client(None).get("/readyz").status_code == 200
        assert house.parts.engine.fault is None
    with House(folder) as again:
        assert again.parts.engine.wait_until_recovered(60)
        assert again.client(None).get("/readyz").status_code == 200
    return quiet_s, attacked_s


def _without_acme(page: bytes) -> bytes:
    """A page of changes without the attacker's public summaries, which others may see."""
    return b"".join(part for part in page.split(b'{"change_id"') if b'"owner":"ACME"' not in part)


def test_no_record_of_the_others_differs_under_attack(tmp_path: Path) -> None:
    against_all(tmp_path / "data", 9, 2)


@pytest.fixture
def _as_served() -> Iterator[None]:
    """The processor is shared as `highwater serve` does it; the house runs in the process of the test."""
    before, interval_s = gc.get_threshold(), sys.getswitchinterval()
    share_the_processor()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
    sys.setswitchinterval(interval_s)


@pytest.mark.soak
@pytest.mark.usefixtures("_as_served")
def test_answers_to_the_others_take_at_most_three_times_as_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet_s, attacked_s = against_all(tmp_path / "data", OTHERS, 20)
    with capsys.disabled():
        print(
            f"\np99 of the others: {quiet_s * 1000:.0f} ms without, {attacked_s * 1000:.0f} ms under attack: {attacked_s / quiet_s:.1f} x"
        )
    assert attacked_s <= MOST_SLOWER * quiet_s
