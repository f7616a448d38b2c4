"""How many events a second the embedded monitor takes in, durably, and what it needs at rest: `python -m benchmarks.embedded`."""

import argparse
import http.client
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from models.times import format_time, parse_time

SECRET = "benchmark-secret-0123456789"  # noqa: S105 - of a monitor that lives a minute
HEADERS = {"authorization": f"Bearer {SECRET}"}
START_US = parse_time("2026-01-05T00:00:00Z")
USERS, EACH = 100, 100
CLASSES = ("service_request", "service_response", "device_alert", "acknowledgement")
REGIONS = ("north", "central", "south")
HOUR_WINDOWS = 400
"""After so many windows the first hour is packed."""
ROW_BYTES = 20
"""What SQLite adds to a row of charts: key, sizes, and its share of inner pages."""


def bodies(windows: int) -> list[bytes]:
    """One NDJSON body a window of 10 s, with one event of each of 10,000 series."""
    chance = np.random.default_rng(1)
    heads = [
        f'"window_s":10,"user":"USER-{user:03d}","direction":"{"to_dsp" if part % 2 else "to_user"}","message_class":"{CLASSES[part % 4]}",'
        f'"service":"4.{part // 4}.1","region":"{REGIONS[part % 3]}"'
        for user in range(USERS)
        for part in range(EACH)
    ]
    made = []
    for window in range(windows):
        at = format_time(START_US + (window + 1) * 10_000_000)
        counts = chance.poisson(100, len(heads)).tolist()
        lines = [
            f'{{"kind":"traffic","observed_at":"{at}",{head},"messages":{count},"failures":1}}\n'
            for head, count in zip(heads, counts, strict=True)
        ]
        made.append("".join(lines).encode())
    return made


class Monitor:
    """`highwater serve` on a fresh folder."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "HIGHWATER_SERVE__ADMIN_TOKEN": SECRET, "HIGHWATER_SERVE__LOG_LEVEL": "error"}
        command = [sys.executable, "-m", "highwater", "serve", "--port", "0", "--data", str(folder)]
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        port = int(self._output().readline().rsplit(":", 1)[1])
        self.started_s = time.monotonic() - began
        self.plug = http.client.HTTPConnection("127.0.0.1", port)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body."""
        self.plug.request(method, path, body, HEADERS)
        answer = self.plug.getresponse()
        return answer.status, answer.read()

    def post(self, body: bytes) -> None:
        """Until it is taken."""
        while (status := self.ask("POST", "/v1/events", body)[0]) != 202:
            if status != 429:
                raise SystemExit(f"the monitor answered {status}")
            time.sleep(0.02)

    def settle(self) -> None:
        """Until everything posted is judged."""
        while b"highwater_backlog_bytes 0.0" not in self.ask("GET", "/metrics")[1]:
            time.sleep(0.02)

    def cpu_s(self) -> float:
        """CPU time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self, kind: str = "VmRSS") -> int:
        """Resident memory; `VmHWM`: the most so far."""
        (line,) = [line for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if line.startswith(kind)]
        return int(line.split()[1]) // 1000

    def stop(self, *, hard: bool = False) -> None:
        """SIGTERM, or SIGKILL."""
        self.plug.close()
        self.process.kill() if hard else self.process.terminate()
        self.process.wait(60)
        self._output().close()

    def _output(self) -> IO[str]:
        if self.process.stdout is None:
            raise SystemExit("the monitor's output is not read")
        return self.process.stdout


@contextmanager
def running_monitor() -> Iterator[Monitor]:
    """A monitor on a fresh folder, both of which go at the end."""
    with tempfile.TemporaryDirectory() as folder:
        monitor = Monitor(Path(folder) / "data")
        try:
            yield monitor
        finally:
            monitor.stop()


def packed_mb(folder: Path) -> float:
    """What the packed hours of charts take, an hour; waits until there is one."""
    with closing(sqlite3.connect(f"file:{folder / 'highwater.sqlite'}?mode=ro", uri=True)) as connection:
        while True:
            hours, size = connection.execute(
                f"SELECT count(DISTINCT start_us), sum(length(body) + {ROW_BYTES}) FROM chunks WHERE level < 900"  # noqa: S608 - a number
            ).fetchone()
            if hours and connection.execute("SELECT count(*) FROM packed_until WHERE level = 0").fetchone()[0]:
                return float(size) / hours / 1e6
            time.sleep(1)


def main() -> None:
    """Print one line a figure."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--windows", type=int, default=420, help="bodies of 10,000 events; the first hour of them is packed")
    arguments.add_argument("--rest-s", type=int, default=60, help="how long 10,000 series report every 10 s in real time")
    wanted = arguments.parse_args()
    posted = bodies(wanted.windows + wanted.rest_s // 10)
    with tempfile.TemporaryDirectory() as folder:
        monitor = Monitor(Path(folder) / "data")
        for body in posted[:4]:
            monitor.post(body)
        monitor.settle()
        began, before = time.monotonic(), monitor.cpu_s()
        for body in posted[4 : wanted.windows]:
            monitor.post(body)
        monitor.settle()
        took, events = time.monotonic() - began, (wanted.windows - 4) * USERS * EACH
        per_cpu = events / (monitor.cpu_s() - before)
        print(f"{events / took:,.0f} events/s posted, journalled, answered and judged; {per_cpu:,.0f} a CPU-second of the monitor")
        began, before = time.monotonic(), monitor.cpu_s()
        for body in posted[wanted.windows :]:
            monitor.post(body)
            time.sleep(10)
        share = (monitor.cpu_s() - before) / (time.monotonic() - began)
        print(
            f"10,000 series at 10 s: {100 * share:.1f} % of a core, {monitor.memory_mb()} MB resident, {monitor.memory_mb('VmHWM')} at most"
        )
        if wanted.windows >= HOUR_WINDOWS:
            an_hour = packed_mb(Path(folder) / "data")
            print(f"charts on disk: {24 * an_hour:,.0f} MB a day as they came and by the minute")
        monitor.stop(hard=True)
        again = Monitor(Path(folder) / "data")
        print(f"restart after kill -9: {again.started_s:.1f} s to listening, {again.cpu_s():.1f} CPU-s")
        again.stop()


if __name__ == "__main__":
    main()
