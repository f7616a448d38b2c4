"""Partitions at their own paces, moved from worker to worker, come to what one process makes of the same events."""

import random

import pytest

from streams.kafka.cluster.partitioner import by_java, by_librdkafka
from tests.kafka.cluster import expected_lines, lines_of, replayed
from tests.kafka.stories import CORE, learned_before, story


@pytest.mark.parametrize(
    ("scenario", "partitions", "seed", "moves"),
    [("firewall", 3, 5, 0.3), ("message-storm", 2, 4, 0.0)],
)
def test_paces_and_moves_change_nothing(scenario: str, partitions: int, seed: int, moves: float) -> None:
    lines, changes = story(scenario, 3)
    partitioner = by_java if seed % 2 else by_librdkafka
    sent = replayed(lines, changes, CORE, partitions, random.Random(seed), partitioner, restart_share=moves)
    assert lines_of(sent) == expected_lines(CORE, lines, changes)


def test_workers_that_start_from_what_was_learned_come_to_what_replay_makes_of_it() -> None:
    lines, changes = story("firewall", 3)
    learned = learned_before("firewall", 3)
    expected = expected_lines(CORE, lines, changes, learned)
    sent = replayed(lines, changes, CORE, 3, random.Random(6), by_java, restart_share=0.3, learned=learned)
    assert lines_of(sent) == expected
    assert expected != expected_lines(CORE, lines, changes)
