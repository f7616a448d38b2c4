"""What one correlator costs by the size of the fleet, and what shards of it would cost: `python -m benchmarks.correlator`.

Each User has four series. In each window as many Users as `--begin` says begin a storm that lasts ten windows, so that ten times as many
are open. CPU time of one process; detection is not part of it. With `--shards N` the same fleet is cut by region into N correlators that
know nothing of each other, one after the other in this process: the largest of them is what the slowest of N machines would need.
"""

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np

from changes.calendar import Calendar
from correlation.parameters import CorrelationParameters
from models.columns import BEGAN, CONTINUES, ENDED, Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.state_bytes import pack
from models.times import SECOND_US, parse_time
from streams.flow import DecisionFlow

START_US = parse_time("2026-01-05T00:00:00Z")
PARTS = (
    ("to_dsp", "service_request", "4.6.1"),
    ("to_user", "service_response", "4.6.1"),
    ("to_dsp", "service_request", "8.1.1"),
    ("to_user", "device_alert", "8F36"),
)
DUE, STORM = 50.0, 400.0
LASTS = 10
"""Windows from the beginning to the end of each storm."""


@dataclass(frozen=True)
class Cost:
    """CPU time of one correlator a window."""

    users: int
    quiet_ms: float
    busy_ms: float
    busiest_ms: float
    records_per_window: float
    state_mb: float


class Fleet:
    """Windows of some Users as detection hands them on."""

    def __init__(self, users: int, region: str, window_s: int) -> None:
        names = [f"USER-{region}-{number:05d}" for number in range(users)]
        self._keys = tuple(sorted(SeriesKey(name, *part, region, "", window_s) for name in names for part in PARTS))
        self._groups = tuple(PulseKey(*key[:5]) for key in self._keys)
        self._window_s = window_s
        self._draw = np.random.default_rng(1)
        self._stormy = [index for index, key in enumerate(self._keys) if key.message_class == "service_request" and key.service == "8.1.1"]
        size = len(self._keys)
        self._due, self._all, self._none = np.full(size, DUE), np.ones(size, np.bool_), np.zeros(size)

    def window(self, number: int, storms: dict[int, int]) -> Detected:
        """Window `number`; `storms`: User → window in which its storm began."""
        at_us = START_US + number * self._window_s * SECOND_US
        counts = self._draw.poisson(self._due).astype(np.float64)
        rows = np.array([self._stormy[user] for user in storms], np.int32)
        counts[rows] = self._draw.poisson(STORM, len(rows))
        pulse = Pulse(at_us, self._window_s, self._groups, self._all, counts, self._none, self._due, self._due)
        queues = QueuePulse(at_us, self._window_s, (), np.zeros(0, np.bool_), np.zeros(0), np.zeros(0))
        return Detected(
            at_us, self._window_s, self._keys, (), self._storms(at_us, number, storms, rows, counts), Findings.none(), pulse, queues
        )

    def _storms(self, at_us: int, number: int, storms: dict[int, int], rows: np.ndarray, counts: np.ndarray) -> Findings:
        ages = np.array([number - began for began in storms.values()], np.int64)
        began_us = at_us - (ages + 1) * self._window_s * SECOND_US
        phases = np.where(ages == 0, BEGAN, np.where(ages == LASTS, ENDED, CONTINUES)).astype(np.uint8)
        return replace(
            Findings.none(),
            kind=np.zeros(len(rows), np.uint8),
            series=rows,
            phase=phases,
            began_us=began_us,
            detected_us=began_us + self._window_s * SECOND_US,
            score=np.full(len(rows), 50.0),
            observed=counts[rows],
            expected=np.full(len(rows), DUE),
            serious=np.ones(len(rows), np.bool_),
        )


def measure(users: int, begin: int, windows: int, region: str = "north", window_s: int = 60) -> Cost:
    """One correlator over half the windows quiet and half with storms."""
    fleet, flow = Fleet(users, region, window_s), DecisionFlow(CorrelationParameters(), Calendar())
    storms: dict[int, int] = {}
    quiet: list[float] = []
    busy: list[float] = []
    records = 0
    for number in range(1, windows * 2 + 1):
        if number > windows:
            first = (number - windows) * begin
            storms = {user: began for user, began in storms.items() if number - began <= LASTS}
            storms |= {user % users: number for user in range(first, first + begin) if user % users not in storms}
        detected = fleet.window(number, storms)
        began_s = time.process_time()
        decisions = flow.decide(detected.at_us, [detected])
        (quiet if number <= windows else busy).append((time.process_time() - began_s) * 1e3)
        records += len(decisions.alerts) + len(decisions.incidents) + len(decisions.user_alerts)
    state = len(pack(flow.correlator.pack(), 1)) / 1e6
    settled = busy[len(busy) // 2 :]
    return Cost(users, float(np.median(quiet)), float(np.median(settled)), max(settled), records / windows, state)


def main() -> None:
    """Prints one row for each size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--users", default="100,1000,10000")
    options.add_argument("--begin", type=int, default=1, help="Users whose storm begins in each window")
    options.add_argument("--windows", type=int, default=40, help="quiet windows, and as many with storms")
    options.add_argument("--shards", type=int, default=1, help="correlators that share the Users by region")
    chosen = options.parse_args()
    print("   users  shards  quiet ms  with storms ms: median, most  records a window  state MB   (of the largest shard)")
    for users in map(int, chosen.users.split(",")):
        begin = -(-chosen.begin // chosen.shards)
        costs = [measure(users // chosen.shards, begin, chosen.windows, f"R{shard:03d}") for shard in range(chosen.shards)]
        worst = max(costs, key=lambda cost: cost.busy_ms)
        figures = (
            f"{worst.quiet_ms:9.1f} {worst.busy_ms:22.1f} {worst.busiest_ms:8.1f} {worst.records_per_window:17.1f} {worst.state_mb:9.1f}"
        )
        print(f"{users:8d} {chosen.shards:7d} {figures}", flush=True)


if __name__ == "__main__":
    main()
