"""Many listeners at once: what reaches them, how late, and how soon the API answers meanwhile: `python -m benchmarks.embedded_streams`.

Events come in at a steady rate, one 10 s window of 10,000 series a body. One User after the other stops to report for a while: an alert
for the triage desk and one for that User, and their end. Listeners follow the event stream from the first window on; pages of Users read
their lists and charts again and again. A listener must hear each record that it may see once and in order. An alert's delay counts from the
post of the body that closes its window to its arrival at the listener.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import numpy as np

from benchmarks.embedded import EACH, HEADERS, START_US, USERS, bodies, running_monitor
from models.times import SECOND_US, parse_time
from streams.windowing.assembler import TimeParameters

WINDOW_US = 10 * SECOND_US
QUIET_WINDOWS = 80
"""Windows before the first User stops: a series must be known to be missed."""
BETWEEN, GONE = 2, 16
"""Windows between two Users that stop, and for how long one does."""
PATHS = ("/v1/session", "/v1/alerts?limit=500", "/v1/changes?limit=500", "/v1/series?kind=queue&limit=6", "/v1/series?limit=6")


@dataclass
class Listener:
    """One client of the event stream: what it heard, and when."""

    name: str
    token: str
    received: list[tuple[str, bytes, float]] = field(default_factory=list)
    """(id, record, seconds of the steady clock)."""

    async def follow(self, session: aiohttp.ClientSession, address: str) -> None:
        """Until cancelled."""
        headers = {"authorization": f"Bearer {self.token}", "last-event-id": "0"}
        async with session.get(f"{address}/v1/stream", headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            name = ""
            async for line in answer.content:
                if line.startswith(b"id: "):
                    name = line[4:-1].decode()
                elif line.startswith(b"data: "):
                    self.received.append((name, line[6:-1], time.monotonic()))


async def page(session: aiohttp.ClientSession, address: str, token: str, every_s: float, first_s: float, took_s: list[float]) -> None:
    """A User's page, opened after `first_s`: reads what the page shows, over and over, until cancelled."""
    headers = {"authorization": f"Bearer {token}"}
    await asyncio.sleep(first_s)
    while True:
        for path in PATHS:
            began = time.monotonic()
            async with session.get(address + path, headers=headers) as answer:
                await answer.read()
                if answer.status != 200:
                    raise SystemExit(f"{path} answered {answer.status}")
            took_s.append(time.monotonic() - began)
        await asyncio.sleep(every_s)


def without_the_absent(body: bytes, window: int) -> bytes:
    """The window without the Users that do not report at that time."""
    since = window - QUIET_WINDOWS
    absent = [b'"user":"USER-%03d"' % user for user in range(USERS) if 0 <= since - BETWEEN * user < GONE]
    return b"".join(line for line in body.splitlines(keepends=True) if not any(user in line for user in absent))


async def post(session: aiohttp.ClientSession, address: str, posted: Sequence[bytes], rate: float) -> list[float]:
    """When each body was sent, at `rate` events/s."""
    sent, began = [], time.monotonic()
    for number, body in enumerate(posted):
        await asyncio.sleep(max(0.0, began + number * USERS * EACH / rate - time.monotonic()))
        sent.append(time.monotonic())
        async with session.post(f"{address}/v1/events", data=body, headers=HEADERS) as answer:
            if answer.status != 202:
                raise SystemExit(f"the monitor answered {answer.status}")
    return sent


async def tokens(session: aiohttp.ClientSession, address: str, roles: Sequence[str]) -> list[str]:
    """A token for each role."""
    made = []
    for role in roles:
        async with session.post(f"{address}/v1/tokens", json={"role": role, "name": role}, headers=HEADERS) as answer:
            made.append((await answer.json())["secret"])
    return made


def delays_s(listener: Listener, sent: Sequence[float]) -> list[float]:
    """Of each alert revision: from the post that closed its window to its arrival."""
    lateness_us = TimeParameters().allowed_lateness_s * SECOND_US
    measured = []
    for _, body, at in listener.received:
        record = json.loads(body)
        if "alert_id" in record:
            closing = -(-(parse_time(record["as_of"]) + lateness_us - START_US) // WINDOW_US) - 1
            if closing < len(sent):
                measured.append(at - sent[closing])
    return measured


def faults(listeners: Sequence[Listener]) -> int:
    """Records that a listener lacks, or heard twice, or out of order, against all listeners of the same name."""
    wrong = 0
    for name in {listener.name for listener in listeners}:
        orders = [[identity for identity, _, _ in listener.received] for listener in listeners if listener.name == name]
        longest = max(orders, key=len)
        wrong += sum(abs(len(longest) - len(one)) + (one != longest[: len(one)]) for one in orders) + len(longest) - len(set(longest))
    return wrong


async def measure(address: str, wanted: argparse.Namespace) -> None:
    """Print one line a figure."""
    made = bodies(QUIET_WINDOWS + wanted.windows)
    posted = [without_the_absent(body, number) for number, body in enumerate(made)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        names = ["observer"] * wanted.listeners + [f"user:USER-{number:03d}" for number in range(wanted.pages)]
        listeners = [Listener(name, token) for name, token in zip(names, await tokens(session, address, names), strict=True)]
        took_s: list[float] = []
        every_s = wanted.page_every_s
        open_pages = [
            page(session, address, one.token, every_s, every_s * index / wanted.pages, took_s)  # people do not click in time
            for index, one in enumerate(listeners[wanted.listeners :])
        ]
        running = [asyncio.create_task(one.follow(session, address)) for one in listeners]
        running += [asyncio.create_task(one) for one in open_pages]
        sent = await post(session, address, posted[:QUIET_WINDOWS], wanted.rate * 5)
        took_s.clear()
        sent += await post(session, address, posted[QUIET_WINDOWS:], wanted.rate)
        await asyncio.sleep(5)
        broken = [task for task in running if task.done()]
        for task in running:
            task.cancel()
    revisions = sum(b'"alert_id"' in body[:20] for _, body, _ in listeners[0].received)
    delays = np.array([delay for listener in listeners for delay in delays_s(listener, sent)])
    rate = (wanted.windows - 1) * USERS * EACH / (sent[-1] - sent[QUIET_WINDOWS])
    print(f"{rate:,.0f} events/s, {len(listeners)} listeners, {wanted.pages} of them pages: {revisions} alert revisions to the desk")
    print(f"heard wrongly (lost, twice, out of order): {faults(listeners)}; streams that broke: {len(broken)}")
    print(f"alert on the stream after its window closed: median {np.median(delays):.2f} s, p99 {np.percentile(delays, 99):.2f} s")
    print(f"API answers: {len(took_s)}, median {1000 * np.median(took_s):.0f} ms, p99 {1000 * np.percentile(took_s, 99):.0f} ms")


def main() -> None:
    """A fresh monitor, its listeners and their figures."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--windows", type=int, default=120, help="bodies of 10,000 events in which Users stop to report")
    arguments.add_argument("--rate", type=float, default=20_000, help="events/s")
    arguments.add_argument("--listeners", type=int, default=200, help="streams of the triage desk")
    arguments.add_argument("--pages", type=int, default=50, help="Users' pages: a stream, and lists and charts again and again")
    arguments.add_argument("--page-every-s", type=float, default=5.0, help="pause of a page between two rounds")
    wanted = arguments.parse_args()
    with running_monitor() as monitor:
        before = monitor.cpu_s()
        asyncio.run(measure(f"http://127.0.0.1:{monitor.plug.port}", wanted))
        print(f"the monitor: {monitor.cpu_s() - before:.1f} CPU-s, {monitor.memory_mb()} MB resident")


if __name__ == "__main__":
    main()
