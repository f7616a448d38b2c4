"""Holidays: a year of ordinary traffic with the holidays of England and Wales, in which nothing is wrong."""

import numpy as np

from benchmarks.detection.asked import Asked
from benchmarks.detection.online import begun
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.times import instant, parse_time
from simulator.memory import ticks
from simulator.simulation import find_scenario, simulate

START, DAYS, USERS, WINDOW_S = "2026-01-05T00:00:00Z", 364, 12, 900


def print_holidays(asked: Asked) -> None:
    """What begins and is serious, one line each; then how much it is, as findings and as alerts (a User, a kind and a day)."""
    simulation = simulate(
        find_scenario("quiet"), asked.seed, users=USERS, days=DAYS, start_us=parse_time(START), window_s=WINDOW_S, realities=("holidays",)
    )
    detection, keys, queues = Detection(DetectionParameters(), WINDOW_S), tuple(simulation.world.traffic), tuple(simulation.world.queues)
    none, alerts, findings = (np.zeros(len(keys), np.bool_), np.zeros(len(queues), np.bool_)), set(), 0
    for tick, depths in ticks(simulation):
        detected = detection.step(tick.at_us, tick, keys, depths, queues, *none)
        for of, named in ((detected.traffic, keys), (detected.queues, queues)):
            for kind, series in begun(of):
                at, user, findings = instant(tick.at_us), named[series].user, findings + 1
                alerts.add((user, kind, at.date()))
                print(f"{at:%Y-%m-%d %H:%M} {kind} {user}", flush=True)
    print(f"A year with holidays, seed {asked.seed}: {findings} findings in {len(keys)} series, {len(alerts)} alerts")
