"""`highwater doctor`: what could keep Highwater from working."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)


def doctor(
    data: Annotated[Path | None, typer.Option("--data", help="The monitor's data folder; default serve.data_dir.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Look at configuration, data folder, address and clock; says what to do about each fault. Exit 1 if there is one."""
    from service.checkup import looks

    found = settings(config, serve={"data_dir": data})
    seen = list(looks(found.serve))
    if as_json:
        typer.echo(json.dumps([asdict(look) for look in seen]))
    else:
        typer.echo("ok     configuration: every key is known")
        for look in seen:
            typer.echo(f"{'ok   ' if look.good else 'FAULT'}  {look.what}: {look.found}{'' if look.good else f' -> {look.advice}'}")
    if not all(look.good for look in seen):
        raise typer.Exit(1)
