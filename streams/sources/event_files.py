"""Event files: one or several, compressed or not, as one stream of decoded batches in constant memory."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from models.columns import EventBatch
from models.errors import UnreadableInput
from streams.decode import decode_ndjson
from streams.sources.line_blocks import LineFile
from streams.sources.merge_files import merged
from streams.windowing.batches import split_by_event_time


class EventFiles:
    """Events of a file set, merged by `observed_at`, ties in argument order; decodes a block ahead in a second thread."""

    def __init__(self, paths: Sequence[str]) -> None:
        """`paths`: .ndjson, .ndjson.gz, or `-` for standard input. Raises UnreadableInput if one can't be opened."""
        self._stack = ExitStack()
        self._files: list[LineFile] = []
        try:
            for path in paths:
                file = LineFile(path)
                self._stack.callback(file.close)
                self._files.append(file)
        except UnreadableInput:
            self._stack.close()
            raise

    @property
    def total_bytes(self) -> int:
        """Size of all files as stored; standard input counts as zero."""
        return sum(file.total_bytes for file in self._files)

    @property
    def read_bytes(self) -> int:
        """How much of it has been read."""
        return sum(file.read_bytes for file in self._files)

    def __iter__(self) -> Iterator[EventBatch]:
        """Batches in order. Raises UnreadableInput if a file is truncated, or if no file contains an event."""
        streams = [_ahead(_batches(file)) for file in self._files]
        empty = True
        for batch in streams[0] if len(streams) == 1 else merged(streams):
            empty = empty and not len(batch) and not batch.rejections
            yield from split_by_event_time(batch)
        if empty:
            raise UnreadableInput(f"there is no event in {', '.join(file.name for file in self._files)}")

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the files."""
        self._stack.close()


def _batches(file: LineFile) -> Iterator[EventBatch]:
    for block in file.blocks():
        yield decode_ndjson(block.text, file.name, block.first_line)


def _ahead(batches: Iterator[EventBatch]) -> Iterator[EventBatch]:
    """The same batches; the next one is decoded while the last one is processed."""
    with ThreadPoolExecutor(1) as worker:
        following: Future[EventBatch | None] = worker.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = worker.submit(next, batches, None)
            yield batch
