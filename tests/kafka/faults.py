"""Faults on a real broker, from a seed: what happens to workers and broker while telemetry flows."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kafka import KafkaProducer

from streams.kafka.cluster.parameters import KafkaParameters
from streams.kafka.cluster.security import client_settings
from streams.kafka.cluster.topic_admin import admin
from streams.kafka.cluster.topic_names import Topics
from tests.kafka.broker import Broker
from tests.kafka.workers import Worker, eventually

FROZEN_S = 8.0
"""Beyond the session time-out of the tests' settings."""
OUTAGE_S, LONG_OUTAGE_S = 6.0, 60.0
STOP_S = 180.0
"""On a slow machine."""
START_S = 60.0
"""After which a worker that took nothing over is left alone."""


@dataclass
class Scene:
    """What a fault may touch."""

    parameters: KafkaParameters
    broker: Broker
    crew: list[Worker]
    more: Callable[[], Worker]
    dice: random.Random
    story: list[str] = field(default_factory=list)
    guests: list[Worker] = field(default_factory=list)
    """Workers that nobody starts again."""

    def any_worker(self) -> Worker:
        """One that runs, if one does."""
        running = [worker for worker in self.crew if worker.running]
        return self.dice.choice(running or self.crew)


def kill(scene: Scene) -> None:
    """`kill -9`, and a restart by whatever supervises workers."""
    worker = scene.any_worker()
    worker.kill()
    time.sleep(scene.dice.uniform(0.1, 2))
    worker.restart()


def freeze(scene: Scene) -> None:
    """A worker that stops past its session time-out, is taken over from, and wakes up."""
    worker = scene.any_worker()
    worker.freeze()
    time.sleep(FROZEN_S)
    worker.thaw()


def restart_broker(scene: Scene) -> None:
    """A broker that is killed and comes back after a while."""
    scene.broker.kill()
    time.sleep(scene.dice.uniform(0.5, OUTAGE_S))
    scene.broker.start()


def join(scene: Scene) -> None:
    """One more worker: everything is shared out anew."""
    scene.crew.append(scene.more())


def leave(scene: Scene) -> None:
    """A worker that is asked to stop; the last one starts again."""
    worker = scene.any_worker()
    if worker.running:
        worker.stop(STOP_S)
    if not any(each.running for each in scene.crew):
        worker.restart()


def outage(scene: Scene) -> None:
    """A broker that is away for a minute."""
    scene.broker.kill()
    time.sleep(LONG_OUTAGE_S)
    scene.broker.start()


def storm(scene: Scene) -> None:
    """Workers that come and go faster than the group can share out the work."""
    for _ in range(3):
        guest = scene.more()
        scene.guests.append(guest)
        guest.ready(START_S)
        if scene.dice.random() < 0.5:
            scene.guests.pop(0).kill()
    while scene.guests:
        scene.guests[0].stop(STOP_S)
        scene.guests.pop(0)


def full_disk(scene: Scene) -> None:
    """Not one byte more can be written by a worker, neither to its log nor anywhere else; then it is killed and starts on the full disk."""
    worker = scene.any_worker()
    worker.fill_disk()
    time.sleep(scene.dice.uniform(1, 4))
    if scene.dice.random() < 0.5:
        worker.kill()
        worker.restart()
        time.sleep(scene.dice.uniform(1, 4))
    worker.free_disk()


def delete_checkpoints(scene: Scene) -> None:
    """The topic with everything that workers know is gone: they stop, say so, make it anew at their next start and begin at the oldest."""
    topic = Topics(scene.parameters.topic_prefix).checkpoints
    with admin(scene.parameters) as client:
        client.delete_topics([topic])
        eventually(client.list_topics, lambda result: topic not in result, 20)
        # A worker that was only starting makes it anew itself, and nobody stops.
        over = lambda: topic in client.list_topics() or not any(worker.running for worker in scene.crew)  # noqa: E731
        assert eventually(over, bool, 90), "nobody noticed that the checkpoints are gone"


def corrupt_checkpoint(scene: Scene) -> None:
    """Rubbish where a checkpoint would be; then a worker has to read it."""
    topics = Topics(scene.parameters.topic_prefix)
    sender = KafkaProducer(**client_settings(scene.parameters))
    for partition in range(scene.parameters.partitions):
        key = f"partition-{partition}/{10**9}/manifest/0/a".encode()
        sender.send(topics.checkpoints, scene.dice.randbytes(500), key=key, partition=partition)
    sender.flush()
    sender.close()
    kill(scene)


Fault = Callable[[Scene], None]
FAULTS: tuple[Fault, ...] = (
    kill, freeze, restart_broker, outage, join, leave, storm, full_disk, corrupt_checkpoint, delete_checkpoints,
)  # fmt: skip


def play(scene: Scene, faults: tuple[Fault, ...], done: threading.Event) -> None:
    """One fault after the other until `done`; whoever died of it is started again, as a supervisor would."""
    for fault in faults:
        for worker in scene.crew:
            # Now and then the next fault comes while some are still starting.
            if worker.running and scene.dice.random() < 0.8:
                worker.ready(START_S)
        if done.wait(scene.dice.uniform(0.5, 4)):
            return
        scene.story.append(fault.__name__)
        fault(scene)
        for worker in scene.crew:
            if not worker.running and fault is not leave:
                worker.restart()
