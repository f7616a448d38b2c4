"""Time to judge one incident with 1,000 candidate changes and 500 Users, with nothing remembered and with everything remembered.

python benchmarks/judging.py
"""

import random
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the neighbour correlation.py would hide the package of that name

import numpy as np

from changes.calendar import Calendar, CalendarView
from correlation.attribution.suspects import assess_cause
from correlation.history.traffic_history import History
from correlation.parameters import CorrelationParameters
from correlation.snapshots import AlertSnapshot, IncidentSnapshot
from models.change import Change
from models.columns import Detected, Findings, Pulse, PulseKey, QueuePulse, SeriesKey
from models.times import HOUR_US, MINUTE_US, instant, parse_time

USERS = tuple(f"USER-{number:03d}" for number in range(500))
SERVICES = ("2.2", "4.6.1", "4.8.1", "8.1.1")
START = parse_time("2026-01-05T00:00:00Z")
ONSET = START + 12 * HOUR_US
WINDOW_S = 60
HIT = USERS[7]


def history() -> History:
    """Half a day of every User's requests, and ten minutes without those of one."""
    groups = tuple(sorted(PulseKey(user, "to_dsp", "service_request", service, "north") for user in USERS for service in SERVICES))
    expected, seen = np.full(len(groups), 50.0), np.ones(len(groups), np.bool_)
    silent = np.array([group.user == HIT for group in groups], np.bool_)
    draw, past = np.random.default_rng(1), History()
    none, flags = np.zeros(0), np.zeros(0, np.bool_)
    nothing = Findings.none()
    for at_us in range(START + MINUTE_US, ONSET + 11 * MINUTE_US, MINUTE_US):
        counts = draw.poisson(expected).astype(np.float64)
        counts[silent & (at_us > ONSET)] = 0
        pulse = Pulse(at_us, WINDOW_S, groups, seen, counts, np.zeros(len(groups)), expected, expected)
        past.add(Detected(at_us, WINDOW_S, (), (), nothing, nothing, pulse, QueuePulse(at_us, WINDOW_S, (), flags, none, none)))
    return past


def incident() -> IncidentSnapshot:
    """The silence of one User, ten minutes old."""
    keys = tuple(SeriesKey(HIT, "to_dsp", "service_request", service, "north", "", WINDOW_S) for service in SERVICES)
    at_us, detected_us = ONSET + 10 * MINUTE_US, ONSET + 2 * MINUTE_US
    silence = AlertSnapshot(
        alert_id="A-1",
        kind="silence",
        user=HIT,
        region="north",
        series=keys,
        onset_us=ONSET,
        detected_us=detected_us,
        at_us=at_us,
        ended_us=None,
        direction="silent",
        ratio=0.0,
        observed=0.0,
        expected=200.0,
        score=40.0,
        peak=0.0,
        serious=True,
        active=keys,
    )
    return IncidentSnapshot("I-1", (silence,), HIT, ONSET, detected_us, at_us, ())


def changes(count: int) -> list[Change]:
    """`count` changes around the onset, half of them of that User or of everyone: all must be weighed."""
    draw = random.Random(2)
    rows = []
    for number in range(count):
        owner = draw.choice((HIT, "DCC", draw.choice(USERS), draw.choice(USERS)))
        scope = sorted({HIT, *draw.sample(USERS, draw.randint(1, 200))}) if owner == "DCC" and draw.random() < 0.5 else []
        start = ONSET - round(draw.uniform(-0.5, 6) * HOUR_US)
        fields = {
            "change_id": f"CHG-{number:04d}",
            "owner": owner,
            "title": "Work",
            "category": draw.choice(("firewall", "release", "network", "tariff")),
            "users": scope,
            "planned_start": instant(start),
            "planned_end": instant(start + round(draw.uniform(0.5, 9) * HOUR_US)),
        }
        rows.append(Change.model_validate(fields, strict=False))
    return rows


def fresh(declared: list[Change], at_us: int) -> CalendarView:
    """A view that remembers nothing."""
    calendar = Calendar()
    for change in declared:
        calendar.declare(change, None)
    return calendar.view(at_us)


def main() -> None:
    """Print the median of 20 judgements of each kind, in milliseconds of CPU time and of the clock."""
    past, case, declared, parameters = history(), incident(), changes(1000), CorrelationParameters()
    for name in ("nothing remembered", "calendar and panels remembered"):
        spent: list[tuple[float, float]] = []
        view = fresh(declared, case.at_us)
        for _ in range(20):
            view = fresh(declared, case.at_us) if name == "nothing remembered" else view
            seen = History.unpack(past.pack()) if name == "nothing remembered" else past
            began, used = time.perf_counter(), time.process_time()
            assess_cause(case, view, seen, parameters)
            spent.append((time.process_time() - used, time.perf_counter() - began))
        cpu_ms, wall_ms = (1e3 * float(np.median([one[index] for one in spent])) for index in (0, 1))
        print(f"{name}: {cpu_ms:.1f} ms CPU, {wall_ms:.1f} ms wall")
    print(f"{len(declared)} changes, {len(USERS)} Users, window of {WINDOW_S} s")


if __name__ == "__main__":
    main()
