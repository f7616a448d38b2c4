"""Builders of small simulations; name only the values that matter."""

from models.times import parse_time
from simulator.scenarios import SCENARIOS
from simulator.simulation import Simulation, simulate

MONDAY = "2026-01-05T00:00:00Z"


def simulated(
    scenario: str = "quiet", *, seed: int = 1, users: int = 4, days: int = 1, start: str = MONDAY, window_s: int = 60
) -> Simulation:
    """A simulation that takes a fraction of a second."""
    return simulate(SCENARIOS[scenario], seed, users=users, days=days, start_us=parse_time(start), window_s=window_s)
