"""Windows of event files: read, decoded and put on the grid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streams.sources.files import EventFiles
from streams.ticks import Assembled, Assembler, TimeParameters


@dataclass(frozen=True, slots=True)
class Reached:
    """What one batch of events, or the end of the files, led to."""

    assembled: Assembled
    events: int
    """Events of the batch, malformed ones too."""
    read_bytes: int
    """How much of the files has been read so far."""


def windows(paths: Sequence[str], parameters: TimeParameters) -> Iterator[Reached]:
    """`paths` as of `EventFiles`, to the end. Raises UnreadableInput as it does."""
    assembler = Assembler(parameters)
    with EventFiles(paths) as files:
        for batch in files:
            yield Reached(assembler.feed(batch), len(batch) + len(batch.rejections), files.read_bytes)
        yield Reached(assembler.finish(), 0, files.read_bytes)
