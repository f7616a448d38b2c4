"""Small worlds with an incident in them, so that equality says something."""

from models.change import Change
from simulator.simulation import find_scenario, simulate
from streams.pipeline import PipelineParameters
from tests.streams.test_pipeline import START_US, recorded

CORE = PipelineParameters()


def story(scenario: str, seed: int) -> tuple[tuple[bytes, ...], list[Change]]:
    """Two days of six Users in windows of 10 minutes: the events as lines, and the calendar."""
    changes = simulate(find_scenario(scenario), seed, users=6, days=2, start_us=START_US, window_s=600).changes
    return recorded(scenario, seed), list(changes)
