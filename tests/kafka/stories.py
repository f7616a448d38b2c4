"""Small worlds with an incident in them, so that equality says something."""

from typing import Any

from models.change import Change
from models.state_bytes import pack, unpack
from models.times import DAY_US
from simulator.simulation import find_scenario, simulate
from streams.decode import decode_ndjson
from streams.learned_state import LEARNED_VERSION
from streams.pipeline import Pipeline, PipelineParameters
from tests.streams.test_pipeline import START_US, recorded

CORE = PipelineParameters()


def story(scenario: str, seed: int) -> tuple[tuple[bytes, ...], list[Change]]:
    """Two days of six Users in windows of 10 minutes: the events as lines, and the calendar."""
    changes = simulate(find_scenario(scenario), seed, users=6, days=2, start_us=START_US, window_s=600).changes
    return recorded(scenario, seed), list(changes)


def learned_before(scenario: str, seed: int) -> dict[str, Any]:
    """What the three days before the story teach, as `highwater learn` writes it and a worker reads it."""
    history = simulate(find_scenario(scenario), seed, users=6, days=3, start_us=START_US - 3 * DAY_US, window_s=600)
    pipeline = Pipeline(CORE)
    for block in history.blocks():
        pipeline.feed(decode_ndjson(block, "history", 1))
    pipeline.finish()
    learned: dict[str, Any] = unpack(pack(pipeline.learned(), LEARNED_VERSION), LEARNED_VERSION)
    return learned
