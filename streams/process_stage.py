"""Process stage: a stage of the flow in its own process, whose items are passed on as they are produced."""

import gc
import io
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from models.columns import PulseKey, SeriesKey
from models.errors import HighwaterError, UnreadableInput

T = TypeVar("T")
_KEPT = 64
"""Number of key tuples that both sides remember from one item to the next."""


class StageOutput(Generic[T]):
    """The items of a stage, with the next item received while the last one is processed; can be an argument of another process."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name

    def __iter__(self) -> Iterator[T]:
        """Raises the HighwaterError that the stage raised, and UnreadableInput if its process has ended."""
        keys = _KeyTable()
        try:
            with ThreadPoolExecutor(1) as worker:
                following = worker.submit(keys.receive, self._connection)
                while not isinstance(item := following.result(), _End):
                    following = worker.submit(keys.receive, self._connection)
                    yield item
        except (EOFError, OSError):  # between two items, or in the middle of one
            raise UnreadableInput(f"the process that was to {self._name} has ended unexpectedly: is there enough memory?") from None
        if item.fault is not None:
            raise item.fault

    def close(self) -> None:
        """Somebody else receives."""
        self._connection.close()


def run_in_process(stack: ExitStack, name: str, stage: Callable[..., Iterator[T]], *arguments: Any) -> StageOutput[T]:
    """Runs `stage(*arguments)` in its own process, at most until `stack` unwinds; `name` describes its work.

    Stage and arguments must be picklable. `Received` arguments belong to that process from then on.
    """
    # A copy of this process has everything loaded; if other threads ran here, their locks would be copied in their current state.
    forks = sys.platform == "linux" and threading.active_count() == 1
    context = get_context("fork") if forks else get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_run, args=(sender, receiver if forks else None, stage, arguments), name=f"highwater: {name}", daemon=True
    )
    process.start()
    stack.callback(_end, process)
    sender.close()
    for argument in arguments:
        if isinstance(argument, StageOutput):
            argument.close()
    received: StageOutput[T] = StageOutput(receiver, name)
    stack.callback(received.close)
    return received


def relax_garbage_collection() -> None:
    """For a process that passes on columns and records, which have no reference cycles: collection is rare."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join()


class _End:
    """The last item that is sent."""

    def __init__(self, fault: HighwaterError | None = None) -> None:
        self.fault = fault


def _run(sender: Connection, receiver: Connection | None, stage: Callable[..., Iterator[Any]], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it ends it
    if receiver is not None:
        receiver.close()  # only the receiver may hold it: when it is closed, sending fails
    relax_garbage_collection()
    keys = _KeyTable()
    try:
        try:
            for item in stage(*arguments):
                keys.send(sender, item)
            keys.send(sender, _End())
        except HighwaterError as fault:
            keys.send(sender, _End(fault))
    except BrokenPipeError:
        return


class _KeyTable:
    """Long tuples of keys: one object here is one object there and is sent once; both sides forget the same old ones."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        """Identity → number; the tuple itself is in `_known` and keeps its identity."""
        self._known: dict[int, Any] = {}
        self._news: dict[int, Any] = {}
        self._next = 0

    def send(self, sender: Connection, item: Any) -> None:
        """One item, and its new tuples."""
        body = io.BytesIO()
        _Pickler(body, self).dump(item)
        sender.send(self._news)
        sender.send_bytes(body.getbuffer())
        self._news = {}
        for number in _old(self._known):
            del self._numbers[id(self._known.pop(number))]

    def receive(self, receiver: Connection) -> Any:
        """The item that `send` sent. Raises EOFError if the sender has ended, and OSError if it ended while sending."""
        self._known |= receiver.recv()
        item = _Unpickler(receiver.recv_bytes(), self._known).load()
        for number in _old(self._known):
            del self._known[number]
        return item

    def number(self, value: Any) -> int | None:
        """The number of a tuple of keys; None for anything else."""
        if type(value) is not tuple or not value or type(value[0]) not in (SeriesKey, PulseKey):
            return None
        known_number = self._numbers.get(id(value))
        if known_number is None:
            known_number = self._numbers[id(value)] = self._next
            self._known[known_number] = self._news[known_number] = value
            self._next += 1
        return known_number


def _old(known: Mapping[int, Any]) -> list[int]:
    return list(known)[:-_KEPT]


class _Pickler(pickle.Pickler):
    def __init__(self, body: io.BytesIO, keys: _KeyTable) -> None:
        super().__init__(body, pickle.HIGHEST_PROTOCOL)
        self._keys = keys

    def persistent_id(self, value: Any) -> int | None:
        """Keys by number."""
        return self._keys.number(value)


class _Unpickler(pickle.Unpickler):
    """Bytes from our own process: nobody else can write to the pipe."""

    def __init__(self, body: bytes, known: Mapping[int, Any]) -> None:
        super().__init__(io.BytesIO(body))
        self._known = known

    def persistent_load(self, number: int) -> Any:
        """Keys by number."""
        return self._known[number]
