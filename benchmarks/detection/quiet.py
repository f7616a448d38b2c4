"""Quiet: weeks in which nothing happens, from telemetry to alerts; whoever is woken is woken for nothing."""

import time
from collections import Counter

from benchmarks.detection.asked import Asked
from benchmarks.detection.counting import kinds, rate
from changes.calendar import Calendar
from correlation.correlator import Correlator
from correlation.parameters import CorrelationParameters
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.times import DAY_US, parse_time
from simulator.memory import ticks
from simulator.simulation import find_scenario, simulate

START = "2026-01-05T00:00:00Z"


def print_quiet(asked: Asked) -> None:
    """Alerts of `warning` and above in the `quiet` scenario at the default budget, a line a week."""
    users, days, window_s = (40, 8, 60) if asked.quick else (asked.users, asked.days, asked.window_s)
    simulation = simulate(find_scenario("quiet"), asked.seed, users=users, days=days, start_us=parse_time(START), window_s=window_s)
    world = simulation.world
    print(f"Quiet: {days} days, {users} Users, {len(world.traffic)} series, {len(world.queues)} queues, {window_s} s; seed {asked.seed}")
    calendar = Calendar()
    for change in simulation.changes:
        calendar.declare(change, None)
    detection, correlator = Detection(DetectionParameters(), window_s), Correlator(CorrelationParameters())
    woken: dict[str, str] = {}
    began_s, last_day = time.process_time(), 0
    for tick, depths in ticks(simulation):
        view = calendar.view(tick.at_us)
        declared = view.declared(world.traffic, tick.at_us), view.declared(world.queues, tick.at_us)
        detected = detection.step(tick.at_us, tick, world.traffic, depths, world.queues, *declared)
        for alert in correlator.step(tick.at_us, [detected], view).alerts:
            if alert.severity != "info" and alert.alert_id not in woken:
                woken[alert.alert_id] = alert.kind
                print(f"  {alert.detected_at:%d %b %H:%M:%S} {alert.severity} {alert.kind} {alert.user}: {alert.summary}", flush=True)
        day = (tick.at_us - simulation.timeline.start_us) // DAY_US
        if day != last_day and (day % 7 == 0 or day == days):
            print(f"  after {day} days: {len(woken)} alerts, {time.process_time() - began_s:.0f} CPU-s", flush=True)
        last_day = day
    print(f"  a day: {rate(len(woken), days)}; {kinds(Counter(woken.values()))}")
