"""Windows of event files: read, decoded and put on the grid in a process of its own, ahead of whoever judges them."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from os import cpu_count
from pathlib import Path
from types import TracebackType
from typing import Self

from models.columns import SeriesKey
from models.errors import UnreadableInput
from streams.sources.files import EventFiles
from streams.ticks import Assembled, Assembler, Closed, TimeParameters


@dataclass(frozen=True, slots=True)
class Reached:
    """What one batch of events, or the end of the files, led to."""

    assembled: Assembled
    events: int
    """Events of the batch, malformed ones too."""
    read_bytes: int
    """How much of the files has been read so far."""


class EventWindows:
    """The windows of a file set as they close; the same as `Assembler.feed` of each batch of `EventFiles`, then `finish`."""

    def __init__(self, paths: Sequence[str], parameters: TimeParameters) -> None:
        """`paths` as of `EventFiles`. Raises UnreadableInput if one can't be opened."""
        self._paths, self._parameters = list(paths), parameters
        with EventFiles(self._paths) as files:
            self.total_bytes = files.total_bytes
            """Size of all files as stored; standard input counts nothing."""
        self._process: _Process | None = None

    def __enter__(self) -> Self:
        """Itself, reading ahead from here on."""
        # A pipe can be opened once only, and by this process alone.
        if (cpu_count() or 1) > 1 and all(Path(path).is_file() for path in self._paths):
            self._process = _Process(self._paths, self._parameters)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Reads no further."""
        if self._process is not None:
            self._process.end()

    def __iter__(self) -> Iterator[Reached]:
        """What was reached, batch by batch. Raises UnreadableInput where a file breaks off, or if there is nothing in any of them."""
        return _windows(self._paths, self._parameters) if self._process is None else self._process.reached()


def _windows(paths: Sequence[str], parameters: TimeParameters) -> Iterator[Reached]:
    assembler = Assembler(parameters)
    with EventFiles(paths) as files:
        for batch in files:
            yield Reached(assembler.feed(batch), len(batch) + len(batch.rejections), files.read_bytes)
        yield Reached(assembler.finish(), 0, files.read_bytes)


class _Process:
    """The reading process, and what it sends."""

    def __init__(self, paths: Sequence[str], parameters: TimeParameters) -> None:
        context = get_context("spawn")
        self._name = ", ".join(paths)
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_send, args=(sender, paths, parameters), name="highwater-reader", daemon=True)
        self._process.start()
        sender.close()

    def reached(self) -> Iterator[Reached]:
        """What it sends, the next one taken in while the last one is worked on."""
        keys = _Keys()
        try:
            with ThreadPoolExecutor(1) as worker:
                following = worker.submit(self._receiver.recv)
                while isinstance(reached := following.result(), Reached):
                    following = worker.submit(self._receiver.recv)
                    yield replace(reached, assembled=keys.filled(reached.assembled))
        except EOFError:
            self._process.join()
            ended = f"the process that read {self._name} ended with {self._process.exitcode}"
            raise UnreadableInput(f"{ended}: is there memory left?") from None
        if isinstance(reached, UnreadableInput):
            raise reached

    def end(self) -> None:
        """Whether it has come to the end or not."""
        self._process.terminate()
        self._process.join()
        self._receiver.close()


class _Keys:
    """The series of each window length: they go over once, and again when there are more; `()` stands for those sent last."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[SeriesKey, ...]] = {}
        """By twice the window length, and one more for queues."""

    def emptied(self, assembled: Assembled) -> Assembled:
        """`assembled` without the keys that the other side has."""
        return replace(assembled, closed=[self._turned(closed, self._left_out) for closed in assembled.closed])

    def filled(self, assembled: Assembled) -> Assembled:
        """What `emptied` was called on."""
        return replace(assembled, closed=[self._turned(closed, self._put_back) for closed in assembled.closed])

    def _turned(self, closed: Closed, turn: Callable[[int, tuple[SeriesKey, ...]], tuple[SeriesKey, ...]]) -> Closed:
        number = 2 * closed.window_s
        return closed._replace(traffic_keys=turn(number, closed.traffic_keys), queue_keys=turn(number + 1, closed.queue_keys))

    def _left_out(self, number: int, keys: tuple[SeriesKey, ...]) -> tuple[SeriesKey, ...]:
        before, self._last[number] = self._last.get(number), keys
        return () if keys is before else keys

    def _put_back(self, number: int, keys: tuple[SeriesKey, ...]) -> tuple[SeriesKey, ...]:
        self._last[number] = keys or self._last.get(number, ())
        return self._last[number]


def _send(sender: Connection, paths: Sequence[str], parameters: TimeParameters) -> None:
    """The reading process: everything reached, then None, or the fault that ended it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it stops it
    try:
        keys = _Keys()
        for reached in _windows(paths, parameters):
            sender.send(replace(reached, assembled=keys.emptied(reached.assembled)))
        sender.send(None)
    except UnreadableInput as fault:
        sender.send(fault)
    except BrokenPipeError:
        return
