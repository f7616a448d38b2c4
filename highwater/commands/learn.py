"""`highwater learn`: expectations from history, so that a new installation is useful on its first day."""

import json
from pathlib import Path
from typing import Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings
from highwater.progress import progress

Events = Annotated[list[str], typer.Argument(metavar="EVENTS...", help="Recorded events: .ndjson, .ndjson.gz, or - for standard input.")]
Out = Annotated[Path, typer.Option("--out", metavar="STATE", help="File to write the expectations to.")]
Changes = Annotated[
    list[Path] | None, typer.Option("--changes", metavar="FILE", help="What was declared then: nothing is learned from it.")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("learn")(learn)


def learn(events: Events, out: Out, changes: Changes = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Learn what each series usually carries from recorded events; `replay --learn-from` starts from it."""
    from streams.sources.windows import EventWindows

    found = settings(config)
    with EventWindows(events, found.time) as source, progress(source.total_bytes, "learning") as advance:
        from changes.reading import read_changes
        from config.stages import pipeline_parameters
        from streams.pipeline import Pipeline
        from streams.states import write_state

        pipeline = Pipeline(pipeline_parameters(found), for_users=False)
        for path in changes or []:
            pipeline.declare(read_changes(path)[0])
        counts = {"events": 0, "windows": 0}
        for reached in source:
            counts["events"] += reached.assembled.accepted
            counts["windows"] += pipeline.follow(reached.assembled).windows
            advance(reached.read_bytes)
    write_state(out, pipeline.learned())
    typer.echo(json.dumps(counts) if as_json else f"learned from {counts['events']:,} events in {counts['windows']:,} windows: {out}")
