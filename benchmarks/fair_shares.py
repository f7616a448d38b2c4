"""How long 99 Users wait while one User, or one ingest token, asks as much as it can: `python -m benchmarks.fair_shares [ATTACK…]`.

One User has 5,000 changes. The attacker has 24 connections in a process of its own, each as fast as it is answered; the others ask one
after the other. Slices without and with the attack take turns, so that other work on the machine meets both.
"""

import argparse
import http.client
import json
import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from typing import Any, NamedTuple

from benchmarks.embedded import SECRET, running_monitor
from models.times import format_time, us

OTHERS, CHANGES, CONNECTIONS = 99, 5_000, 24
PAUSE_S = 0.02
"""After an answer that refuses: an attacker that turns in a loop would take the processor from the monitor, which no quota prevents."""
WARM_UP_S, DRAIN_S = 1.0, 1.5
"""Before the others are measured beside the attack, and after it, until what it left waiting is answered."""
ROUND_TRIPS = ("/v1/alerts", "/v1/changes", "/v1/change-reports", "/v1/status", "/v1/series/names", "/v1/subscriptions")
NOW = datetime.now(UTC).replace(microsecond=0)
FORKS = multiprocessing.get_context("fork")


class Client:
    """One connection with one token."""

    def __init__(self, port: int, secret: str) -> None:
        self._plug = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}

    def close(self) -> None:
        """The next request connects again."""
        self._plug.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and body; a JSON-like body is encoded."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        for _ in range(2):
            try:
                self._plug.request(method, path, content, self._headers)
                answer = self._plug.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self._plug.close()  # it had been idle for so long that the monitor closed it
        return 0, b""


def at(**after: float) -> str:
    """A time from now on."""
    return format_time(us(NOW + timedelta(**after)))


def change(name: str, hour: int = 0, hours: int = 30, **more: Any) -> dict[str, Any]:
    """A declaration that meets many others."""
    return {"change_id": name, "title": f"Change {name}", "planned_start": at(hours=hour), "planned_end": at(hours=hour + hours), **more}


def thousand(chance: random.Random | None = None) -> list[dict[str, Any]]:
    """A thousand changes of the User; further revisions of them with `chance`."""
    revised = {} if chance is None else {"revision": time.time_ns() // 1000 % 10**12, "description": str(chance.random())}
    return [change(f"F-{number}", number) | revised for number in range(1000)]


class Attack(NamedTuple):
    """One request after the other."""

    of_ingest: bool
    make: Callable[[random.Random], tuple[str, str, Any]]
    connects: bool = False
    """A new connection for each request."""


def _reads(path: str) -> Attack:
    return Attack(False, lambda _: ("GET", path, None))  # noqa: FBT003 - a record's field


_CALENDAR = f"/v1/calendar?from={at(days=-10)}&to={at(days=80)}"
_TOO_LONG = b" " * 60_000_000
_ISSUE = f"/v1/calendar/issue?month={NOW + timedelta(days=1):%Y-%m}&format="
ATTACKS = {
    "preview": Attack(False, lambda _: ("POST", "/v1/changes/preview", change("P", 1, 24 * 300))),  # noqa: FBT003
    "calendar": _reads(_CALENDAR),
    "search": _reads(f"{_CALENDAR}&q=nothing-has-this"),
    "changes": _reads("/v1/changes?limit=1000"),
    "schedule-xlsx": _reads(f"{_ISSUE}xlsx"),
    "schedule-html": _reads(f"{_ISSUE}html"),
    "put": Attack(False, lambda chance: ("PUT", f"/v1/changes/F-{chance.randrange(4000)}", change("x") | {"change_id": None})),  # noqa: FBT003
    "arrays": Attack(False, lambda chance: ("POST", "/v1/changes", thousand(chance))),  # noqa: FBT003
    "known-arrays": Attack(False, lambda _: ("POST", "/v1/changes", thousand())),  # noqa: FBT003
    "bad-events": Attack(True, lambda _: ("POST", "/v1/events", b"{}\n" * 20_000)),  # noqa: FBT003
    "series": Attack(True, lambda chance: ("POST", "/v1/events", _queues(chance))),  # noqa: FBT003
    "wrong-address": _reads(f"/v1/nothing/{'x' * 6000}"),
    "openapi": _reads("/openapi.json"),
    "heat": _reads("/v1/series/heat"),
    "refused-bodies": Attack(False, lambda _: ("POST", "/v1/changes", _TOO_LONG)),  # noqa: FBT003
    "connections": Attack(False, lambda _: ("GET", "/v1/status", None), connects=True),  # noqa: FBT003
    "health": _reads("/healthz"),
}


def _queues(chance: random.Random) -> bytes:
    event = {"kind": "queue", "observed_at": format_time(us(datetime.now(UTC))), "user": "ACME", "depth": 5}
    return b"".join(json.dumps({**event, "queue": f"q{chance.randrange(10**6)}"}).encode() + b"\n" for _ in range(2000))


def attack(port: int, secret: str, name: str, stop: Event) -> None:
    """All connections of the attacker."""

    def one(number: int) -> None:
        chance, client = random.Random(number), Client(port, secret)
        while not stop.is_set():
            if client.ask(*ATTACKS[name].make(chance))[0] in (0, 429):
                time.sleep(PAUSE_S)
            if ATTACKS[name].connects:
                client.close()

    for number in range(CONNECTIONS):
        threading.Thread(target=one, args=(number,), daemon=True).start()
    stop.wait()


@contextmanager
def attacked(port: int, secret: str, name: str) -> Iterator[None]:
    """While the attack goes on, from a second after its begin."""
    stop = FORKS.Event()
    attacker = FORKS.Process(target=attack, args=(port, secret, name, stop))
    attacker.start()
    time.sleep(WARM_UP_S)
    try:
        yield
    finally:
        stop.set()
        attacker.join(5)
        attacker.kill()
        time.sleep(DRAIN_S)


def waits_ms(clients: list[Client], seconds: float) -> list[float]:
    """How long each answer to the others took."""
    took: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        turn = len(took)
        began = time.monotonic()
        status, _ = clients[turn % len(clients)].ask("GET", ROUND_TRIPS[(turn // len(clients) + turn) % len(ROUND_TRIPS)])
        took.append((time.monotonic() - began) * 1000)
        if status != 200:
            raise SystemExit(f"another User was answered {status}")
    return took


def part_of(took: list[float], share: float) -> float:
    """A percentile."""
    return round(sorted(took)[min(len(took) - 1, int(len(took) * share))], 1)


def fleet(port: int) -> tuple[dict[bool, str], list[Client]]:
    """The attacker's secrets (of the ingest token: True) and the others' clients, with some data of each."""

    def secret(role: str) -> str:
        status, body = administrator.ask("POST", "/v1/tokens", {"role": role, "name": "benchmark"})
        if status != 201:
            raise SystemExit(f"no token: {body.decode()}")
        return str(json.loads(body)["secret"])

    administrator = Client(port, SECRET)
    secrets = {False: secret("user:ACME"), True: secret("ingest")}
    acme, source = Client(port, secrets[False]), Client(port, secret("ingest"))
    for first in range(0, CHANGES, 1000):
        status, _ = acme.ask("POST", "/v1/changes", [change(f"F-{number}", number) for number in range(first, first + 1000)])
        if status != 201:
            raise SystemExit(f"the changes were answered {status}")
    others = [Client(port, secret(f"user:U-{number:02d}")) for number in range(OTHERS)]
    for other in others[::2]:
        other.ask("POST", "/v1/changes", change("OWN", 24))
    for window in range(40):
        when = at(minutes=-20, seconds=10 * window)
        events = [{"kind": "queue", "observed_at": when, "user": f"U-{n:02d}", "queue": "to_user", "depth": n} for n in range(OTHERS)]
        source.ask("POST", "/v1/events", events)
    return secrets, others


def main() -> None:
    """Print one JSON line an attack."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.fair_shares", description=__doc__)
    arguments.add_argument("attacks", nargs="*", choices=[*ATTACKS, []], metavar="ATTACK", help=", ".join(ATTACKS))
    arguments.add_argument("--slices", type=int, default=4, help="slices without the attack, and as many with it")
    arguments.add_argument("--slice-s", type=float, default=4, help="length of a slice")
    wanted = arguments.parse_args()
    with running_monitor() as monitor:
        port = monitor.plug.port
        secrets, others = fleet(port)
        waits_ms(others, 2)
        for name in wanted.attacks or ATTACKS:
            alone: list[float] = []
            beside: list[float] = []
            for _ in range(wanted.slices):
                alone += waits_ms(others, wanted.slice_s)
                with attacked(port, secrets[ATTACKS[name].of_ingest], name):
                    beside += waits_ms(others, wanted.slice_s)
            p50, p99 = ([part_of(alone, share), part_of(beside, share)] for share in (0.5, 0.99))
            figures = {"p50_ms": p50, "p99_ms": p99, "times": round(p99[1] / p99[0], 2), "requests": [len(alone), len(beside)]}
            print(json.dumps({"attack": name, **figures}), flush=True)


if __name__ == "__main__":
    main()
