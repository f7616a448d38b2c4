"""Replay: event files through the detectors, each stage in its own process where that is faster."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from os import cpu_count
from pathlib import Path
from typing import Any

from models.change import Change
from streams.pipeline import Detections, Pipeline, PipelineParameters
from streams.process_stage import StageOutput, run_in_process
from streams.sources.event_files import EventFiles
from streams.windowing.assembler import Assembler, AssemblyResult, TimeParameters


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """The result of one batch of events, or of the end of the files."""

    assembled: AssemblyResult
    events: int
    """Events of the batch, including malformed ones."""
    read_bytes: int
    """How much of the files has been read so far."""


def windows(paths: Sequence[str], parameters: TimeParameters) -> Iterator[WindowBatch]:
    """Assembles `paths` (as of `EventFiles`) to the end. Raises UnreadableInput as it does."""
    assembler = Assembler(parameters)
    with EventFiles(paths) as files:
        for batch in files:
            yield WindowBatch(assembler.feed(batch), len(batch) + len(batch.rejections), files.read_bytes)
        yield WindowBatch(assembler.finish(), 0, files.read_bytes)


@dataclass(frozen=True, slots=True)
class Replayed:
    """The input of the detectors from one batch of events, or from the end of the files."""

    detections: Detections
    events: int
    """Events of the batch, including malformed ones."""
    read_bytes: int
    """How much of the files has been read so far."""
    windows: int = 0
    """Windows closed, over all resolutions."""
    learned: dict[str, Any] | None = None
    """The expectations at the end, if requested."""


def read_windows(stack: ExitStack, paths: Sequence[str], parameters: TimeParameters) -> Iterable[WindowBatch]:
    """The assembled files, ahead of the reader, until `stack` unwinds. Raises UnreadableInput as `EventFiles` does."""
    # A pipe can be opened once only, and only by this process.
    if (cpu_count() or 1) > 1 and all(Path(path).is_file() for path in paths):
        return run_in_process(stack, f"read {', '.join(paths)}", windows, list(paths), parameters)
    return windows(paths, parameters)


def detect_windows(
    stack: ExitStack,
    source: Iterable[WindowBatch],
    parameters: PipelineParameters,
    changes: Sequence[Change],
    learned: dict[str, Any] | None = None,
    *,
    save: bool = False,
    findings: bool = True,
) -> Iterable[Replayed]:
    """The detectors' results. `learned`: expectations to start from; `save`: the final ones are requested.

    `findings` False: only the final expectations matter, and results are not sent from process to process.
    """
    if isinstance(source, StageOutput):
        stage = partial(_detected, save=save, findings=findings)
        return run_in_process(stack, "detect", stage, source, parameters, changes, learned)
    return _detected(source, parameters, changes, learned, save=save, findings=findings)


def _detected(
    source: Iterable[WindowBatch],
    parameters: PipelineParameters,
    changes: Sequence[Change],
    learned: dict[str, Any] | None,
    *,
    save: bool,
    findings: bool,
) -> Iterator[Replayed]:
    pipeline = Pipeline(parameters)
    pipeline.declare(changes)
    if learned is not None:
        pipeline.learn_from(learned)
    reached = None
    for reached in source:
        detections = pipeline.detect(reached.assembled)
        sent = replace(detections, windows=detections.windows if findings else [], assembled=replace(reached.assembled, closed=[]))
        yield Replayed(sent, reached.events, reached.read_bytes, len(reached.assembled.closed))
    if save and reached is not None:
        yield Replayed(Detections([], AssemblyResult()), 0, reached.read_bytes, learned=pipeline.learned())
