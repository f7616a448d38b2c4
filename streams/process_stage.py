"""Apart: a stage of the flow in a process of its own, whose items are handed over as they come."""

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
from models.errors import UnreadableInput

T = TypeVar("T")
_KEPT = 64
"""Tuples of keys that both sides remember from one item to the next."""


class StageOutput(Generic[T]):
    """What a stage hands over, the next item taken in while the last one is worked on; goes along to another process as an argument."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection, self._name = connection, name

    def __iter__(self) -> Iterator[T]:
        """Raises UnreadableInput where the stage did, or where its process is gone."""
        keys = _KeyTable()
        try:
            with ThreadPoolExecutor(1) as worker:
                following = worker.submit(keys.receive, self._connection)
                while not isinstance(item := following.result(), _End):
                    following = worker.submit(keys.receive, self._connection)
                    yield item
        except (EOFError, OSError):  # between two items, or in the middle of one
            raise UnreadableInput(f"the process that was to {self._name} is gone: is there memory left?") from None
        if item.fault is not None:
            raise item.fault

    def close(self) -> None:
        """Somebody else receives."""
        self._connection.close()


def run_in_process(stack: ExitStack, name: str, stage: Callable[..., Iterator[T]], *arguments: Any) -> StageOutput[T]:
    """Runs `stage(*arguments)` in a process of its own, until `stack` unwinds at the latest; `name` says what it is there to do.

    Stage and arguments must be picklable. Of the arguments those that are `Received` are from then on its own.
    """
    # A copy of this process has everything loaded; while other threads run here, their locks would be copied as they are.
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
    """For a process that moves columns and records along, which hold no circles: what is there stays, what comes is searched seldom."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join()


class _End:
    """The last thing that is sent."""

    def __init__(self, fault: UnreadableInput | None = None) -> None:
        self.fault = fault


def _run(sender: Connection, receiver: Connection | None, stage: Callable[..., Iterator[Any]], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    if receiver is not None:
        receiver.close()  # only who receives may hold it: when it is gone, sending fails
    relax_garbage_collection()
    keys = _KeyTable()
    try:
        try:
            for item in stage(*arguments):
                keys.send(sender, item)
            keys.send(sender, _End())
        except UnreadableInput as fault:
            keys.send(sender, _End(fault))
    except BrokenPipeError:
        return


class _KeyTable:
    """Long tuples of keys: what is the same object here is one there, and goes over once; both sides forget the same old ones."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        """Identity → number; the tuple itself is in `_known` and keeps its identity."""
        self._known: dict[int, Any] = {}
        self._news: dict[int, Any] = {}
        self._next = 0

    def send(self, sender: Connection, item: Any) -> None:
        """One item, and the tuples in it that are new."""
        body = io.BytesIO()
        _Pickler(body, self).dump(item)
        sender.send(self._news)
        sender.send_bytes(body.getbuffer())
        self._news = {}
        for number in _old(self._known):
            del self._numbers[id(self._known.pop(number))]

    def receive(self, receiver: Connection) -> Any:
        """What `send` sent. Raises EOFError where the sender is gone, and OSError where it went while it sent."""
        self._known |= receiver.recv()
        item = _Unpickler(receiver.recv_bytes(), self._known).load()
        for number in _old(self._known):
            del self._known[number]
        return item

    def number(self, value: Any) -> int | None:
        """The number of a tuple of keys; None for anything else."""
        if type(value) is not tuple or not value or type(value[0]) not in (SeriesKey, PulseKey):
            return None
        found = self._numbers.get(id(value))
        if found is None:
            found = self._numbers[id(value)] = self._next
            self._known[found] = self._news[found] = value
            self._next += 1
        return found


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
    """Of what our own process sent: nobody else can write to the pipe."""

    def __init__(self, body: bytes, known: Mapping[int, Any]) -> None:
        super().__init__(io.BytesIO(body))
        self._known = known

    def persistent_load(self, number: int) -> Any:
        """Keys by number."""
        return self._known[number]
