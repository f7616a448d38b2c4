"""Partitions at their own paces, moved from worker to worker, come to what one process makes of the same events."""

import random

import pytest

from tests.kafka.cluster import by_java, by_librdkafka, expected_lines, lines_of, replayed
from tests.kafka.stories import CORE, story


@pytest.mark.parametrize(
    ("scenario", "partitions", "seed", "moves"),
    [("firewall", 1, 1, 0.0), ("firewall", 3, 2, 0.2), ("message-storm", 2, 3, 0.0), ("message-storm", 3, 4, 0.3)],
)
def test_paces_and_moves_change_nothing(scenario: str, partitions: int, seed: int, moves: float) -> None:
    lines, changes = story(scenario, 3)
    partitioner = by_java if seed % 2 else by_librdkafka
    sent = replayed(lines, changes, CORE, partitions, random.Random(seed), partitioner, restart_share=moves)
    assert lines_of(sent) == expected_lines(CORE, lines, changes)
