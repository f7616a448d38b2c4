"""`highwater learn`: expectations from history, so that a new installation is useful on its first day."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from highwater.change_files import declared
from highwater.options import AsJson, ConfigFile, settings
from highwater.progress import progress

if TYPE_CHECKING:
    from models.columns import Rejection

Events = Annotated[list[str], typer.Argument(metavar="EVENTS...", help="Recorded events: .ndjson, .ndjson.gz, or - for standard input.")]
Out = Annotated[Path, typer.Option("--out", metavar="STATE", help="File to write the expectations to.")]
Changes = Annotated[
    list[Path] | None,
    typer.Option("--changes", metavar="FILE", help="The changes that were declared then: their windows are not learned from."),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("learn")(learn)


def learn(events: Events, out: Out, changes: Changes = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Learn the usual traffic of each series from recorded events; `replay --learn-from` starts from it."""
    from streams.replay import detect_windows, read_windows
    from streams.sources.event_files import EventFiles

    in_force = settings(config)
    with ExitStack() as stack:
        with EventFiles(events) as files:
            total_bytes = files.total_bytes
        source = read_windows(stack, events, in_force.time)
        from config.stages import pipeline_parameters
        from streams.learned_state import write_state

        known, _ = declared(changes or [])
        counts = {"events": 0, "windows": 0, "rejected": 0}
        learned: dict[str, Any] = {}
        reason = ""
        with progress(total_bytes, "learning") as advance:
            for one in detect_windows(stack, source, pipeline_parameters(in_force), known, save=True, findings=False):
                counts["events"] += one.detections.assembled.accepted
                counts["rejected"] += len(one.detections.assembled.rejected)
                if not reason and one.detections.assembled.rejected:
                    reason = described(one.detections.assembled.rejected[0])
                counts["windows"] += one.windows
                learned = one.learned or learned
                advance(one.read_bytes)
    write_state(out, learned)
    left_out = f"; {counts['rejected']:,} could not be used, the first is {reason}" if reason else ""
    learned_from = f"learned from {counts['events']:,} events in {counts['windows']:,} windows: {out}{left_out}"
    typer.echo(json.dumps(counts) if as_json else learned_from)


def described(rejection: "Rejection") -> str:
    """The place and the reason of an event that was left out alone."""
    position = ", ".join(f"{name} {value}" for name, value in rejection.position.items())
    return f"{rejection.source} {position}: {rejection.reason}"
