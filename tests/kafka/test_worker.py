"""Workers on a real broker come to the same alerts as one process does, byte for byte."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.partitioner import Partitioner, by_java, by_librdkafka
from tests.kafka.cluster import expected_lines
from tests.kafka.stories import CORE, story
from tests.kafka.workers import Worker, eventually, outputs, prepare, publish, values

pytestmark = pytest.mark.kafka
LIMIT_S = 240


@contextmanager
def working(parameters: KafkaParameters, folder: Path, count: int, **settings: object) -> Iterator[list[Worker]]:
    folder.mkdir(exist_ok=True)
    workers = [Worker(parameters, folder / f"worker-{number}.log", **settings) for number in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            if worker.running:
                worker.thaw()
                worker.kill()


@pytest.mark.parametrize(
    ("scenario", "partitions", "workers", "partitioner", "compressions"),
    [("firewall", 4, 2, by_librdkafka, ("lz4", "zstd", None)), ("message-storm", 3, 1, by_java, ("snappy", "gzip"))],
)
def test_any_number_of_workers_and_partitions_gives_the_bytes_of_one_process(
    parameters: KafkaParameters,
    tmp_path: Path,
    scenario: str,
    partitions: int,
    workers: int,
    partitioner: Partitioner,
    compressions: tuple[str | None, ...],
) -> None:
    parameters = parameters.model_copy(update={"partitions": partitions})
    lines, changes = story(scenario, 3)
    expected = expected_lines(CORE, lines, changes)
    prepare(parameters, changes)
    publish(parameters, lines, partitioner=partitioner, compressions=compressions)
    with working(parameters, tmp_path, workers) as crew:
        answer = eventually(lambda: outputs(parameters), lambda answer: len(set(answer)) >= len(expected), LIMIT_S)
        codes = [worker.stop() for worker in crew]
    # A worker that joins takes work over: what had not been checkpointed is sent again, the same under the same id and revision.
    assert sorted(set(answer)) == expected
    assert codes == [0] * workers


def test_a_worker_that_is_killed_is_taken_over_from_without_a_lost_or_a_different_alert(
    parameters: KafkaParameters, tmp_path: Path
) -> None:
    # Every partition has Users, and none looks idle before the rest is published: what it brings would then be late, and rightly so.
    parameters = parameters.model_copy(update={"partitions": 2})
    lines, changes = story("firewall", 3)
    expected = expected_lines(CORE, lines, changes)
    prepare(parameters, changes)
    under_way = len(lines) * 4 // 5
    with working(parameters, tmp_path, 2, TIME__IDLE_S=40) as crew:
        publish(parameters, lines[:under_way])
        assert len(eventually(lambda: outputs(parameters), lambda answer: len(answer) > 10, LIMIT_S)) > 10
        crew[0].kill()
        publish(parameters, lines[under_way:])
        answer = eventually(lambda: outputs(parameters), lambda answer: len(set(answer)) >= len(expected), LIMIT_S)
    assert sorted(set(answer)) == expected


def steady(count: Callable[[], int]) -> int:
    """The count if it stays the same for some seconds; 0 if not."""
    before = count()
    time.sleep(3)
    return before if count() == before else 0


def test_a_worker_with_a_name_of_its_own_restarts_without_moving_anybody_s_work(parameters: KafkaParameters, tmp_path: Path) -> None:
    parameters = parameters.model_copy(update={"partitions": 2, "session_timeout_s": 60})
    lines, changes = story("firewall", 3)
    expected = expected_lines(CORE, lines, changes)
    prepare(parameters, changes)
    under_way = len(lines) * 4 // 5
    with ExitStack() as stack:
        crew = [
            stack.enter_context(working(parameters.model_copy(update={"group_instance_id": name}), tmp_path / name, 1, TIME__IDLE_S=40))[0]
            for name in ("one", "two")
        ]
        publish(parameters, lines[:under_way])
        assert len(eventually(lambda: outputs(parameters), lambda answer: len(answer) > 10, LIMIT_S)) > 10
        began = lambda: crew[1].log.read_text().count("continues at")  # noqa: E731
        before = eventually(lambda: steady(began), lambda count: count > 0, LIMIT_S)
        crew[0].kill()
        crew[0].restart()
        publish(parameters, lines[under_way:])
        answer = eventually(lambda: outputs(parameters), lambda answer: len(set(answer)) >= len(expected), 2 * LIMIT_S)
        after = began()
    assert sorted(set(answer)) == expected
    assert after == before, "the other worker took nothing over"


def test_a_poison_record_goes_to_the_dead_letters_with_its_place_and_its_neighbours_go_on(
    parameters: KafkaParameters, tmp_path: Path
) -> None:
    parameters = parameters.model_copy(update={"partitions": 1})
    lines, changes = story("firewall", 3)
    expected = expected_lines(CORE, lines, changes)
    topics = prepare(parameters, changes)
    rates = [line for line in lines if b'"kind":"traffic"' in line]
    depths = [line for line in lines if b'"kind":"queue"' in line]
    frames = list(_framed(rates, random.Random(5)))
    frames.insert(7, b"no JSON at all")
    frames.insert(9, b"[" + rates[0].replace(b'"messages":', b'"messages":-') + b"]")
    _send(parameters, topics.rates, frames)
    _send(parameters, topics.depths, [b"\n".join(depths[at : at + 50]) for at in range(0, len(depths), 50)])
    with working(parameters, tmp_path, 1):
        answer = eventually(lambda: outputs(parameters), lambda answer: len(answer) >= len(expected), LIMIT_S)
        letters = [json.loads(value) for value in values(parameters, topics.dead_letters)]
    assert answer == expected
    assert [letter["position"] for letter in letters] == [
        {"topic": topics.rates, "partition": 0, "offset": 7, "index": 0},
        {"topic": topics.rates, "partition": 0, "offset": 9, "index": 0},
    ]
    assert letters[0]["raw"] == "no JSON at all"


def _framed(lines: list[bytes], dice: random.Random) -> Iterator[bytes]:
    """Single events, arrays and lines of events, as producers may send them."""
    at = 0
    while at < len(lines):
        count = dice.choice([1, 30, 60])
        part = lines[at : at + count]
        yield part[0] if len(part) == 1 else dice.choice([b"[" + b",".join(part) + b"]", b"\n".join(part)])
        at += count


def _send(parameters: KafkaParameters, topic: str, records: list[bytes]) -> None:
    from kafka import KafkaProducer

    from streams.kafka.cluster.security import client_settings

    sender = KafkaProducer(**client_settings(parameters))
    for record in records:
        sender.send(topic, record, partition=0)
    sender.flush()
    sender.close()
