"""Demo producer: a simulated DSP that sends its calendar and its telemetry to Kafka, history at once and the last day in real time.

`python -m highwater.kafka_demo_producer SCENARIO` (the `simulator` profile of docker-compose.yml).
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from config.settings import load
from models.canonical_json import to_json
from models.errors import HighwaterError
from models.times import DAY_US, SECOND_US, parse_time
from streams.kafka.cluster.parameters import needs_kafka

HISTORY_DAYS = 2


def main() -> int:
    """Sends until the simulated days are over; returns 2 if a broker or the scenario does not exist."""
    parser = argparse.ArgumentParser(prog="python -m highwater.rehearsal")
    parser.add_argument("scenario")
    parser.add_argument("--users", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second of real time")
    chosen = parser.parse_args()
    try:
        needs_kafka()
        send(chosen.scenario, chosen.users, chosen.seed, chosen.speed)
    except HighwaterError as fault:
        print(f"rehearsal: {fault}", file=sys.stderr)
        return 2
    return 0


def send(scenario: str, users: int, seed: int, speed: float) -> None:
    """Two days of history end now; later events are sent when they are due."""
    from kafka import KafkaProducer

    from simulator.simulation import find_scenario, simulate
    from streams.kafka.cluster.security import client_settings
    from streams.kafka.cluster.topic_names import Topics

    kafka = load().kafka
    now_us = int(time.time()) * SECOND_US
    start_us = (now_us - HISTORY_DAYS * DAY_US) // (60 * SECOND_US) * 60 * SECOND_US
    simulation = simulate(find_scenario(scenario), seed, users=users, days=HISTORY_DAYS + 1, start_us=start_us)
    topics = Topics(kafka.topic_prefix)
    sender = KafkaProducer(**client_settings(kafka), compression_type="lz4", linger_ms=20)
    for change in simulation.changes:
        sender.send(topics.calendar, to_json(change), key=change.key.encode())
    sender.flush()
    for line in paced(simulation.blocks(), now_us, speed, time.time, time.sleep):
        user = line.split(b'"user":"', 1)[1].split(b'"', 1)[0]
        sender.send(topics.depths if b'"kind":"queue"' in line else topics.rates, line, key=user)
    sender.flush()
    sender.close()


def paced(
    blocks: Iterable[bytes], now_us: int, speed: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[bytes]:
    """The lines of `blocks`: those observed before `now_us` at once, the others when they are due at `speed`."""
    began = clock()
    for block in blocks:
        for line in block.splitlines():
            at_us = parse_time(line.split(b'"observed_at":"', 1)[1].split(b'"', 1)[0].decode())
            due_s = began + (at_us - now_us) / SECOND_US / speed - clock()
            if at_us > now_us and due_s > 0:
                sleep(due_s)
            yield line


if __name__ == "__main__":
    sys.exit(main())
