"""Whatever happens to workers and broker, the alerts are those of one undisturbed process."""

import random
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kafka import faults
from tests.kafka.broker import Broker
from tests.kafka.cluster import expected_lines
from tests.kafka.conftest import settings_for
from tests.kafka.faults import Fault, Scene, play
from tests.kafka.stories import CORE, story
from tests.kafka.workers import Worker, eventually, outputs, prepare, publish

pytestmark = pytest.mark.kafka
LIMIT_S = 420
PACE_S = 0.3
"""Between two hundredths of the telemetry while faults are played, so that they fall between them."""


class Outcome(NamedTuple):
    """What differs between a disturbed run, without repeats, and one undisturbed process."""

    story: str
    strange: list[str]
    """Records that must not be there, each from where it differs from the most similar one that must."""
    lost: list[bytes]

    def __str__(self) -> str:
        lines = (*self.strange[:5], f"{len(self.strange)} records must not be there, {len(self.lost)} are missing")
        return "\n".join((self.story, *lines))


def same_bytes(one: bytes, other: bytes) -> int:
    """How many bytes they have in common from the beginning."""
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other)))


def difference(result: bytes, expected: set[bytes]) -> str:
    """Both texts from shortly before they begin to differ."""
    near = max(expected, key=lambda line: same_bytes(line, result))
    start = max(0, same_bytes(near, result) - 200)
    return f"found:    …{result[start : start + 500].decode()}\nexpected: …{near[start : start + 500].decode()}"


def disturbed(broker: Broker, folder: Path, seed: int, chosen: tuple[Fault, ...]) -> Outcome:
    dice = random.Random(seed)
    scenario = dice.choice(["firewall", "message-storm"])
    lines, changes = story(scenario, 3)
    expected = expected_lines(CORE, lines, changes)
    parameters = settings_for(broker.bootstrap, partitions=dice.choice([2, 3, 5]))
    prepare(parameters, changes)
    numbers = iter(range(100))
    # Long enough that no fault makes a partition look idle: what follows would be late, and rightly so.
    more = lambda: Worker(parameters, folder / f"worker-{next(numbers)}.log", TIME__IDLE_S=45, KAFKA__METRICS_PORT=0)  # noqa: E731
    scene = Scene(parameters, broker, [more(), more()], more, dice)
    done = threading.Event()
    actor = threading.Thread(target=play, args=(scene, chosen, done))
    actor.start()
    try:
        hundredth = len(lines) // 100
        publish(parameters, lines, pause=lambda number: actor.join(PACE_S) if number % hundredth == 0 else None)
        actor.join()
        # Ends when all is there, or something that must not be; only what is lost takes the whole limit, however slow the machine is.
        settled = lambda answer: set(expected) <= set(answer) or not set(answer) <= set(expected)  # noqa: E731
        answer = eventually(lambda: outputs(parameters), settled, LIMIT_S)
    finally:
        done.set()
        actor.join()
        for worker in (*scene.crew, *scene.guests):
            if worker.running:
                worker.thaw()
                worker.kill()
    story_of_it = f"seed {seed}, {scenario}, {parameters.partitions} partitions: {', '.join(scene.story)}"
    strange = [difference(line, set(expected)) for line in sorted(set(answer) - set(expected))]
    return Outcome(story_of_it, strange, sorted(set(expected) - set(answer)))


def test_a_kill_a_broker_that_restarts_and_a_corrupt_checkpoint(own_broker: Broker, tmp_path: Path) -> None:
    outcome = disturbed(own_broker, tmp_path, 1, (faults.kill, faults.restart_broker, faults.corrupt_checkpoint))
    assert (outcome.strange, outcome.lost) == ([], []), str(outcome)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_schedules(own_broker: Broker, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    outcome = disturbed(own_broker, tmp_path, seed, tuple(dice.choice(faults.FAULTS) for _ in range(dice.randrange(2, 6))))
    assert (outcome.strange, outcome.lost) == ([], []), str(outcome)
