"""Whatever happens to workers and broker, the alerts are those of one undisturbed process."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kafka import faults
from tests.kafka.broker import Broker
from tests.kafka.cluster import expected_lines
from tests.kafka.conftest import settings_for
from tests.kafka.faults import Scene, play
from tests.kafka.stories import CORE, story
from tests.kafka.workers import Worker, eventually, outputs, prepare, publish

pytestmark = pytest.mark.kafka
LIMIT_S = 150
PACE_S = 0.02
"""Between two hundredths of the telemetry, so that faults fall between them."""


def disturbed(broker: Broker, folder: Path, seed: int, chosen: tuple[Callable[[Scene], None], ...]) -> None:
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
        publish(parameters, lines, pause=lambda number: done.wait(PACE_S) if number % 100 == 0 else None)
        actor.join()
        found = eventually(lambda: outputs(parameters), lambda found: len(set(found)) >= len(expected), LIMIT_S)
    finally:
        done.set()
        actor.join()
        for worker in scene.crew:
            if worker.running:
                worker.thaw()
                worker.kill()
    told = f"seed {seed}, {scenario}: {', '.join(scene.story)}"
    assert sorted(set(found) - set(expected)) == [], f"different: {told}"
    assert sorted(set(expected) - set(found)) == [], f"lost: {told}"


@pytest.mark.parametrize(
    ("seed", "chosen"),
    [
        (1, (faults.kill, faults.freeze)),
        (2, (faults.restart_broker, faults.kill)),
        (3, (faults.corrupt_checkpoint, faults.join, faults.leave)),
    ],
)
def test_a_few_faults(own_broker: Broker, tmp_path: Path, seed: int, chosen: tuple[Callable[[Scene], None], ...]) -> None:
    disturbed(own_broker, tmp_path, seed, chosen)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_schedules(own_broker: Broker, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    disturbed(own_broker, tmp_path, seed, tuple(dice.choice(faults.FAULTS) for _ in range(dice.randrange(2, 6))))
