"""The other side of the planning process: takes changes and questions, gives answers, and ends with the monitor."""

import gc
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from models.change import Change
from models.errors import HighwaterError
from service.planning.plans import Plans

READY = "ready"
_NICE = 10
_COLLECT_AFTER = (50_000, 20, 20)


@dataclass(frozen=True, slots=True)
class Patch:
    """Changes by their indices in the list of all, and how many there are now."""

    at: Mapping[int, Change]
    total: int


Question = tuple[int, Callable[..., bytes], tuple[object, ...]]
"""The time of the question, a function of `answers`, and its arguments."""


def work(connection: Connection) -> None:
    """Answers until the monitor closes the connection, or is gone."""
    known: list[Change] = []
    plans: Plans | None = None
    connection.send(READY)
    with suppress(EOFError, ConnectionError):
        while True:
            message: Patch | Plans | Question = connection.recv()
            if isinstance(message, Patch):
                _apply(message, known)
            elif isinstance(message, Plans):
                plans = message
            elif plans is not None:
                now_us, job, arguments = message
                connection.send(_answer(replace(plans, changes=known, now_us=now_us), job, arguments))


def _apply(patch: Patch, known: list[Change]) -> None:
    for index, change in sorted(patch.at.items()):
        known[index : index + 1] = [change]
    del known[patch.total :]


def _answer(plans: Plans, job: Callable[..., bytes], arguments: tuple[object, ...]) -> bytes | Exception:
    try:
        return job(plans, *arguments)
    except HighwaterError as fault:
        return fault
    except Exception as fault:  # The monitor answers 500 and logs it; the process goes on.
        return RuntimeError(f"{type(fault).__name__}: {fault}")


def main() -> None:
    """With the number of the connection's file as argument."""
    os.nice(_NICE)
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    work(Connection(int(sys.argv[1])))
