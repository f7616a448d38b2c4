"""Speed of the simulator: the usual day to compressed files, to lines, and to columns in memory."""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from models.times import parse_time
from simulator.files import write_simulation
from simulator.memory import batches, ticks
from simulator.scenarios import SCENARIOS
from simulator.simulation import Simulation, simulate


def main() -> None:
    """Print events a second of each way out, the best of `--repeats` runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one run")
    asked = parser.parse_args()
    day = SCENARIOS["day"]
    simulation = simulate(day, 1, users=60, days=day.days, start_us=parse_time(day.start))
    with tempfile.TemporaryDirectory() as folder:
        ways: dict[str, Callable[[], object]] = {
            "compressed files": lambda: write_simulation(simulation, Path(folder)),
            "NDJSON blocks": lambda: sum(map(len, simulation.blocks())),
            "event batches": lambda: sum(map(len, batches(simulation))),
            "ticks": lambda: sum(1 for _ in ticks(simulation)),
        }
        for name, way in ways.items():
            print(f"{name:<18} {rate(simulation, way, 1 if asked.quick else asked.repeats):>12,.0f} events/s")


def rate(simulation: Simulation, way: Callable[[], object], repeats: int) -> float:
    """Events a second of the best run."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        way()
        best = min(best, time.perf_counter() - began)
    return simulation.events / best


if __name__ == "__main__":
    main()
