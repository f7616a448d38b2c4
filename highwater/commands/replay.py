"""`highwater replay`: an event-time run over files, the same bytes every time."""

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from highwater.change_files import declared
from highwater.options import AsJson, ConfigFile, settings
from highwater.progress import progress

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.replay import Replayed
    from streams.sinks.result_files import ResultFiles

Events = Annotated[list[str], typer.Argument(metavar="EVENTS...", help="Event files: .ndjson, .ndjson.gz, or - for standard input.")]
Changes = Annotated[list[Path] | None, typer.Option("--changes", metavar="FILE", help="A change calendar; may be given several times.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the four result files.")]
LearnFrom = Annotated[Path | None, typer.Option("--learn-from", metavar="STATE", help="Expectations to start from (`highwater learn`).")]
SaveState = Annotated[Path | None, typer.Option("--save-state", metavar="STATE", help="Write the expectations at the end of the run.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("replay")(replay)


def replay(
    events: Events,
    out: Out,
    changes: Changes = None,
    learn_from: LearnFrom = None,
    save_state: SaveState = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Process recorded events and write alerts, incidents, change reports and rejected events."""
    from streams.replay import detect_windows, read_windows
    from streams.sources.event_files import EventFiles

    in_force = settings(config)
    with ExitStack() as stack:
        with EventFiles(events) as files:
            total_bytes = files.total_bytes
        source = read_windows(stack, events, in_force.time)
        # These imports take time, so they load while the first events are read.
        from config.stages import pipeline_parameters
        from streams.learned_state import read_state, write_state
        from streams.pipeline import Pipeline
        from streams.sinks.result_files import ResultFiles

        learned = None if learn_from is None else read_state(learn_from)
        known, bad_rows = declared(changes or [])
        parameters = pipeline_parameters(in_force)
        pipeline = Pipeline(parameters, for_users=False)
        pipeline.declare(known)
        replayed = detect_windows(stack, source, parameters, known, learned, save=save_state is not None)
        with ResultFiles(out) as sink, progress(total_bytes, "replaying") as advance:
            counts, state = _run(pipeline, replayed, sink, advance)
    if save_state is not None:
        write_state(save_state, state)
    counts |= {"changes_rejected": bad_rows} | {name.removesuffix(".ndjson").replace("-", "_"): n for name, n in sink.counts.items()}
    typer.echo(json.dumps(counts) if as_json else _sentence(counts, out))


def _run(
    pipeline: "Pipeline", replayed: Iterable["Replayed"], sink: "ResultFiles", advance: Callable[[int], None]
) -> tuple[dict[str, int], dict[str, Any]]:
    """The counts, and the expectations at the end if they were requested."""
    from streams.process_stage import relax_garbage_collection

    relax_garbage_collection()
    counts = dict.fromkeys(("events", "accepted", "repeated", "late", "windows"), 0)
    learned: dict[str, Any] = {}
    for one in replayed:
        step = pipeline.decide(one.detections)
        sink.write(step)
        counts["events"] += one.events
        for name in ("accepted", "repeated", "late", "windows"):
            counts[name] += getattr(step, name)
        learned = one.learned or learned
        advance(one.read_bytes)
    return counts, learned


def _sentence(counts: dict[str, int], out: Path) -> str:
    return (
        f"{counts['events']:,} events in {counts['windows']:,} windows: "
        f"{counts['incidents']:,} incident and {counts['alerts']:,} alert revisions, "
        f"{counts['change_reports']:,} change reports, {counts['rejected']:,} rejected; written to {out}"
    )
