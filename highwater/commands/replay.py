"""`highwater replay`: an event-time run over files, the same bytes every time."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings
from highwater.progress import progress

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.sinks.files import ResultFiles
    from streams.sources.windows import EventWindows

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
    """Run over recorded events and write alerts, incidents, change reports and what was rejected."""
    from streams.sources.windows import EventWindows

    found = settings(config)
    with EventWindows(events, found.time) as source:
        # All this takes its time to load, while the first events are read.
        from config.stages import pipeline_parameters
        from streams.pipeline import Pipeline
        from streams.sinks.files import ResultFiles
        from streams.states import read_state, write_state

        pipeline = Pipeline(pipeline_parameters(found), for_users=False)
        if learn_from is not None:
            pipeline.learn_from(read_state(learn_from))
        bad_rows = _declare(pipeline, changes or [])
        with ResultFiles(out) as sink:
            counts = _run(pipeline, source, sink)
    if save_state is not None:
        write_state(save_state, pipeline.learned())
    counts |= {"changes_rejected": bad_rows} | {name.removesuffix(".ndjson").replace("-", "_"): n for name, n in sink.counts.items()}
    typer.echo(json.dumps(counts) if as_json else _sentence(counts, out))


def _declare(pipeline: "Pipeline", paths: list[Path]) -> int:
    """Reads the calendars; says on stderr which rows can't be used, and how many there were."""
    from changes.reading import read_changes, told

    bad = 0
    for path in paths:
        good, rejected = read_changes(path)
        pipeline.declare(good)
        bad += len(rejected)
        for row in rejected:
            print(f"highwater: {told(row)}", file=sys.stderr)
    return bad


def _run(pipeline: "Pipeline", source: "EventWindows", sink: "ResultFiles") -> dict[str, int]:
    counts = dict.fromkeys(("events", "accepted", "repeated", "late", "windows"), 0)
    with progress(source.total_bytes, "replaying") as advance:
        for reached in source:
            step = pipeline.follow(reached.assembled)
            sink.write(step)
            counts["events"] += reached.events
            for name in ("accepted", "repeated", "late", "windows"):
                counts[name] += getattr(step, name)
            advance(reached.read_bytes)
    return counts


def _sentence(counts: dict[str, int], out: Path) -> str:
    return (
        f"{counts['events']:,} events in {counts['windows']:,} windows: "
        f"{counts['incidents']:,} incident and {counts['alerts']:,} alert revisions, "
        f"{counts['change_reports']:,} change reports, {counts['rejected']:,} rejected; written to {out}"
    )
