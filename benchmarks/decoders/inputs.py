"""The same simulated events, written in the ways in which senders write them."""

import json
import random
from collections.abc import Callable
from functools import cache
from itertools import islice

from models.times import parse_time
from simulator.simulation import find_scenario, simulate

LARGE, SMALL = 10_000, 20
"""Events a body: of a collector, and of a sender that posts each minute."""


def _as_written(line: bytes, _dice: random.Random) -> bytes:
    return line


def _with_spaces(line: bytes, _dice: random.Random) -> bytes:
    return json.dumps(json.loads(line)).encode() + b"\n"


def _in_any_order(line: bytes, dice: random.Random) -> bytes:
    fields = list(json.loads(line).items())
    dice.shuffle(fields)
    return json.dumps(dict(fields), separators=(",", ":")).encode() + b"\n"


INPUTS: dict[str, tuple[Callable[[bytes, random.Random], bytes], int]] = {
    "one program's lines, 10,000 a body": (_as_written, LARGE),
    "one program's lines, 20 a body": (_as_written, SMALL),
    "with spaces, 10,000 a body": (_with_spaces, LARGE),
    "fields in another order in every line, 10,000 a body": (_in_any_order, LARGE),
}


def bodies(name: str, events: int) -> list[bytes]:
    """NDJSON bodies of `events` events in all."""
    write, size = INPUTS[name]
    dice = random.Random(1)
    written = [write(line, dice) for line in _lines(events)]
    return [b"".join(written[first : first + size]) for first in range(0, len(written), size)]


@cache
def _lines(events: int) -> list[bytes]:
    """The first lines of the day of both incidents."""
    scenario = find_scenario("day")
    simulation = simulate(scenario, 1, users=60, days=3, start_us=parse_time(scenario.start))
    return list(islice((line for block in simulation.blocks() for line in block.splitlines(keepends=True)), events))
