"""`highwater backup` and `highwater restore`: saves and restores the data folder."""

import json
from pathlib import Path
from typing import Annotated

import typer

from highwater.options import AsJson, ConfigFile, settings

Data = Annotated[Path | None, typer.Option("--data", help="The monitor's data folder; default serve.data_dir.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    archive: Annotated[Path, typer.Argument(help="The file to write, such as highwater.tar.gz.")],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy the data file, the journal and the checkpoints into one archive; the monitor may be running."""
    from service.operations.backup import back_up

    size = back_up(settings(config, serve={"data_dir": data}).serve.data_dir, archive)
    typer.echo(json.dumps({"archive": str(archive), "bytes": size}) if as_json else f"{archive}: {size / 1e6:.1f} MB")


def restore(
    archive: Annotated[Path, typer.Argument(help="A file that `highwater backup` wrote.")],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Unpack a backup into a new or empty data folder."""
    from service.operations.backup import restore as unpack

    folder = settings(config, serve={"data_dir": data}).serve.data_dir
    unpack(archive, folder)
    typer.echo(json.dumps({"data": str(folder)}) if as_json else f"restored into {folder}; start it with: highwater serve --data {folder}")
