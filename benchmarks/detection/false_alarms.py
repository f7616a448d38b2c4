"""False alarms: what the budget allows against what noise, seasons and levels really raise, with expectations learned online."""

from collections import Counter

from benchmarks.detection.asked import Asked
from benchmarks.detection.counting import kinds, rate
from benchmarks.detection.fleet import Condition, Fleet
from benchmarks.detection.online import Online
from detectors.parameters import DetectionParameters

BUDGET = 20.0
"""False alarms a day that the fleet is allowed: enough to count them."""
WINDOW_S = 300
CONDITIONS = (
    Condition("phi 1", dispersion=1.0),
    Condition("phi 2", dispersion=2.0),
    Condition("phi 4", dispersion=4.0),
    Condition("phi 2, no seasons", dispersion=2.0, flat=True),
    Condition("phi 2, r 0.3", dispersion=2.0, correlation=0.3),
    Condition("phi 2, r 0.5", dispersion=2.0, correlation=0.5),
    Condition("phi 4, r 0.5", dispersion=4.0, correlation=0.5),
    Condition("phi 2, seasonal misfit 5 %", dispersion=2.0, misfit=0.05),
    Condition("phi 2, seasonal misfit 10 %", dispersion=2.0, misfit=0.1),
    Condition("phi 2, level ± 3 % a day", dispersion=2.0, drift=0.03),
    Condition("phi 2, r 0.3, misfit 5 %, level ± 3 %", dispersion=2.0, correlation=0.3, misfit=0.05, drift=0.03),
)


def print_false_alarms(asked: Asked) -> None:
    """One line a condition: while it learns, and after that."""
    series, first, then = (400, 8, 6) if asked.quick else (2000, 14, 14)
    print(f"False alarms of {series} series in windows of {WINDOW_S} s, budget {BUDGET:g} a fleet-day, all kinds; seed {asked.seed}")
    print(f"{'':<40} {f'days 1 to {first}':>24} {f'days {first + 1} to {first + then}':>24}  of all these")
    for condition in CONDITIONS:
        fleet = Fleet(condition, series, asked.seed, days=first + then, window_s=WINDOW_S)
        online = Online(fleet, DetectionParameters(false_alarms_per_day=BUDGET, fleet_series=series))
        counted: list[Counter[str]] = []
        for days in (first, then):
            online.run(days * fleet.windows_a_day)
            counted.append(online.alarms)
            online.alarms = Counter()
        rates = [rate(sum(each.values()), days) for each, days in zip(counted, (first, then), strict=True)]
        print(f"{condition.name:<40} {rates[0]:>24} {rates[1]:>24}  {kinds(counted[0] + counted[1])}", flush=True)
