"""The planning process: computes answers at low priority beside the monitor, with a copy of all changes that is kept up to date."""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from operator import is_not

import structlog

from service.ingest.intake import StoppingError
from service.planning.plans import Plans
from service.planning.worker import READY, Patch

_LONGEST_S = 60.0
"""A process that gives no answer for so long is ended."""
_SENT_AT_ONCE = 50
"""Changes of one message: no other thread runs while it is packed."""
log = structlog.get_logger()


class PlanningProcess:
    """It starts when it is first needed, and again after it ended; it ends with the monitor, however that ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._is_ready = self._is_closed = False
        self._sent: Plans | None = None

    def answer(self, plans: Plans, job: Callable[..., bytes], arguments: tuple[object, ...]) -> bytes | None:
        """What `job` gives; None if it has to be computed here: the process still starts, or it has ended.

        Raises what `job` raises, and StoppingError after `close`.
        """
        with self._lock:
            if self._is_closed:
                raise StoppingError("the monitor is stopping: send this again later")
            try:
                made = self._asked(self._connected(), plans, job, arguments)
            except (OSError, EOFError) as fault:
                if self._is_closed:
                    raise StoppingError("the monitor is stopping: send this again later") from fault
                log.warning("the planning process ended; it starts again when it is needed", fault=str(fault))
                self._end()
                made = None
        if isinstance(made, Exception):
            raise made
        return made

    def close(self) -> None:
        """Ends the process; whoever waits for it gets no answer."""
        self._is_closed = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _asked(
        self, connection: Connection, plans: Plans, job: Callable[..., bytes], arguments: tuple[object, ...]
    ) -> bytes | Exception | None:
        if not self._is_ready:
            if not connection.poll():
                return None
            self._is_ready = connection.recv() == READY
        self._bring_up_to_date(connection, plans)
        connection.send((plans.now_us, job, arguments))
        if not connection.poll(_LONGEST_S):
            raise EOFError(f"no answer within {_LONGEST_S:g} s")
        made: bytes | Exception = connection.recv()
        return made

    def _bring_up_to_date(self, connection: Connection, plans: Plans) -> None:
        """Sends what differs: what was neither declared nor learned again is the same object as before."""
        before, self._sent = self._sent, plans
        if before is None or before.rules is not plans.rules or before.risks is not plans.risks:
            connection.send(replace(plans, changes=()))
        old, new = before.changes if before else (), plans.changes
        differing = [index for index, differs in enumerate(map(is_not, old, new)) if differs]
        differing += range(len(old), len(new))
        for first in range(0, max(len(differing), len(old) != len(new)), _SENT_AT_ONCE):
            connection.send(Patch({index: new[index] for index in differing[first : first + _SENT_AT_ONCE]}, len(new)))

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection, theirs = multiprocessing.Pipe()
            with theirs:
                number = str(theirs.fileno())
                path = os.pathsep.join(filter(None, sys.path))
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-P", "-c", "from service.planning.worker import main; main()", number],
                    env={**os.environ, "PYTHONPATH": path},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C is the monitor's to answer
                )
        return self._connection

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self._process = self._connection = None
        self._is_ready, self._sent = False, None
