"""`highwater export openmetrics`: the metrics of recorded events at their own times, for a Prometheus that did not run then."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from highwater.change_files import declared
from highwater.options import ConfigFile, settings

if TYPE_CHECKING:
    from config.settings import Settings
    from streams.metrics.backfill import OpenMetricsBackfill

Events = Annotated[
    list[str] | None, typer.Argument(metavar="[EVENTS...]", help="Event files: .ndjson, .ndjson.gz, or - for standard input.")
]
Changes = Annotated[list[Path] | None, typer.Option("--changes", metavar="FILE", help="A change calendar; may be given several times.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="Instead of event files: the data folder of a monitor.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write; else standard output.")]
Step = Annotated[
    int, typer.Option("--step", metavar="SECONDS", help="Seconds between two samples of a series; at most 240.", min=1, max=240)
]
LearnFrom = Annotated[Path | None, typer.Option("--learn-from", metavar="STATE", help="Expectations to start from (`highwater learn`).")]


def register(app: typer.Typer) -> None:
    """Adds the command and its only subcommand."""
    export = typer.Typer(help="Write history for other systems.", no_args_is_help=True)
    export.command("openmetrics")(openmetrics)
    app.add_typer(export, name="export")


def openmetrics(
    events: Events = None,
    changes: Changes = None,
    data: Data = None,
    out: Out = None,
    step: Step = 60,
    learn_from: LearnFrom = None,
    config: ConfigFile = None,
) -> None:
    """Write the metrics of recorded events at their own times, for `promtool tsdb create-blocks-from openmetrics FILE DIR`."""
    from models.errors import UnreadableInput

    if bool(events) == (data is not None):
        raise UnreadableInput("give either event files, or the data folder of a monitor with --data")
    in_force = settings(config)
    history = _of_events(in_force, events, changes or [], step, learn_from) if events else _of_monitor(in_force, data, step)
    if not history.samples:
        raise UnreadableInput("there is nothing to export: no window closed in this input")
    with _opened(out) as sink:
        history.write(sink)
    if out is not None:
        print(f"{history.samples:,} samples written to {out}", file=sys.stderr)


def _of_events(in_force: "Settings", events: list[str], changes: list[Path], step: int, learn_from: Path | None) -> "OpenMetricsBackfill":
    from config.stages import pipeline_parameters
    from streams.learned_state import read_state
    from streams.pipeline import Pipeline
    from streams.sources.event_files import EventFiles

    pipeline = Pipeline(pipeline_parameters(in_force))
    if learn_from is not None:
        pipeline.learn_from(read_state(learn_from))
    pipeline.declare(declared(changes)[0])
    history = _history(in_force, lambda at_us: pipeline.calendar(at_us).changes, step)
    with EventFiles(events) as source:
        for batch in source:
            history.follow(pipeline.feed(batch), len(batch.rejections))
    history.follow(pipeline.finish())
    return history


def _of_monitor(in_force: "Settings", data: Path | None, step: int) -> "OpenMetricsBackfill":
    from service.charts.export import changes_of, recorded_hours

    folder = data or in_force.serve.data_dir
    changes = changes_of(folder)
    history = _history(in_force, lambda _: changes, step)
    for judged in recorded_hours(folder):
        history.follow(judged)
    return history


def _history(in_force: "Settings", changes: Any, step: int) -> "OpenMetricsBackfill":
    from streams.metrics.backfill import OpenMetricsBackfill
    from streams.metrics.collector import CollectorInputs, HighwaterCollector
    from streams.metrics.state import MetricsState

    board = MetricsState()
    board.correlates = True
    asked = CollectorInputs(
        lambda: history.at_us,
        lambda: changes(history.at_us),
        in_force.serve.metric_users,
        in_force.detection.false_alarms_per_day,
        in_force.detection.fleet_series,
    )
    history = OpenMetricsBackfill(board, HighwaterCollector(board, asked), step)
    return history


def _opened(out: Path | None) -> AbstractContextManager[BinaryIO]:
    from models.errors import UnreadableInput

    if out is None:
        return nullcontext(sys.stdout.buffer)
    try:
        return out.open("wb")
    except OSError as fault:
        raise UnreadableInput(f"can't write {out}: {fault.strerror}") from fault
