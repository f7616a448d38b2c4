"""`highwater habits`: what series do at a time of day, or every so often, that is no longer reported."""

import json
from pathlib import Path
from typing import Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("habits")(habits)


def habits(
    data: Annotated[Path | None, typer.Option("--data", help="The monitor's data folder; default serve.data_dir.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Only this User's.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the habits that a monitor has learned, as its newest checkpoint has them. `POST /v1/habits/ID/refuse` refuses one."""
    from config.stages import pipeline_parameters
    from models.errors import UnreadableInput
    from service.engine.checkpoints import Checkpoints
    from service.http.routes.habits import shown
    from streams.pipeline import Pipeline

    in_force = settings(config, serve={"data_dir": data})
    newest, _ = Checkpoints(in_force.serve.data_dir / "checkpoints").newest()
    if newest is None:
        raise UnreadableInput(f"{in_force.serve.data_dir} holds no checkpoint: give --data the folder of a monitor that has run")
    known = Pipeline.unpack(pipeline_parameters(in_force), newest.pipeline).habits()
    lines = [shown(habit) for habit in known if user in (None, habit.key.user)]
    if as_json:
        typer.echo(json.dumps([line.model_dump() for line in lines]))
        return
    for line in lines:
        typer.echo(line.summary)
    if not lines:
        typer.echo("No habits are known.")
