"""Learning from history: a new installation's first day beside the same day of one that was there all the time."""

import numpy as np

from benchmarks.detection.asked import Asked
from benchmarks.detection.counting import kinds, rate
from benchmarks.detection.delays import GROUPS, MOST, Start, product_delays
from benchmarks.detection.fleet import Condition, Fleet
from benchmarks.detection.online import Online
from detectors.detection import Detection
from detectors.parameters import DetectionParameters
from models.state_bytes import pack, unpack

FACTORS = (1.5, 2.0, 4.0, 0.0)
NOON_H = 12


def print_learning(asked: Asked) -> None:
    """False alarms of the day after two weeks, and delays at its noon: live all the time, and from a learned state."""
    series, days = (400, 8) if asked.quick else (1000, 14)
    fleet = Fleet(Condition("phi 2"), series, asked.seed, days=days + 2, window_s=300)
    parameters = DetectionParameters(false_alarms_per_day=20.0, fleet_series=series)
    live = Online(fleet, parameters)
    live.run(days * fleet.windows_a_day)
    # Through bytes, as `highwater learn` writes and `--learn-from` reads them.
    learned = unpack(pack(live.detection.learned(), 1), 1)
    fresh = Online(fleet, parameters, live.window)
    fresh.detection = Detection(parameters, fleet.window_s)
    fresh.detection.learn_from(learned)
    print(f"First day from a learned state of {days} days, beside the same day live; {series} series, windows of 300 s; seed {asked.seed}")
    for name, online in (("live", live), ("learned", fresh)):
        online.alarms.clear()
        noon = days * fleet.windows_a_day + NOON_H * 3600 // fleet.window_s
        online.run(noon - online.window)
        start = Start(online.window, online.detection.pack())
        online.run(fleet.windows_a_day - NOON_H * 3600 // fleet.window_s)
        print(f"{name:<8} false alarms that day: {rate(sum(online.alarms.values()), 1.0)}; {kinds(online.alarms)}")
        due = fleet.rates(start.window)
        for factor in FACTORS:
            fleet.branch = 2
            delays = product_delays(fleet, parameters, start, factor)
            fleet.branch = 1
            groups = (delays[(due >= low) & (due < high)] for low, high in GROUPS)
            columns = "  ".join(f"{each.mean():6.1f} ({np.quantile(each, 0.95):.0f})" for each in groups)
            print(
                f"  ×{factor:<5g} windows by messages due {', '.join(f'{low:g}–{high:g}' for low, high in GROUPS)}: {columns} (most {MOST})"
            )
