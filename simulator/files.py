"""Files: a simulation on disk, in the form that `replay` and `score` read."""

import zlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from models.canonical_json import to_json
from models.errors import HighwaterError
from simulator.lines import Lines
from simulator.simulation import Simulation

FAST = 1
GZIP = 31
"""zlib's window size for a gzip header without a time: the same simulation gives the same file."""


def write_simulation(simulation: Simulation, folder: Path, *, progress: Callable[[int], None] = lambda _: None) -> None:
    """Write `events.ndjson.gz`, `changes.json` and `truth.json` into `folder`, which is created if it is missing.

    `progress` is called with the number of windows written so far. Raises HighwaterError if the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "changes.json").write_bytes(_changes(simulation))
        (folder / "truth.json").write_bytes(simulation.truth.encode())
        with (folder / "events.ndjson.gz").open("wb") as file:
            _write_events(simulation, file, progress)
    except OSError as fault:
        raise HighwaterError(f"can't write to {fault.filename or folder}: {fault.strerror}; choose another --out") from None


def _write_events(simulation: Simulation, file: BinaryIO, progress: Callable[[int], None]) -> None:
    """One thread draws while another compresses: zlib releases the interpreter lock."""
    squeeze = zlib.compressobj(FAST, zlib.DEFLATED, GZIP)

    def compress(block: bytes) -> None:
        file.write(squeeze.compress(block))

    lines = Lines(simulation.world)
    with ThreadPoolExecutor(1) as compressing:
        pending: Future[None] | None = None
        for stretch in simulation.stretches():
            block = lines.write(stretch)
            if pending is not None:
                pending.result()
            pending = compressing.submit(compress, block)
            progress(stretch.first + len(stretch.ends_us))
        if pending is not None:
            pending.result()
    file.write(squeeze.flush())


def _changes(simulation: Simulation) -> bytes:
    """A JSON array with one change per line."""
    lines = b",\n".join(to_json(change) for change in simulation.changes)
    return b"[\n" + lines + b"\n]\n" if lines else b"[]\n"
