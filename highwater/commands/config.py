"""`highwater config check`: the settings in force."""

import typer

from highwater.options import AsJson, ConfigFile, settings


def register(app: typer.Typer) -> None:
    """Adds the command group."""
    group = typer.Typer(help="The settings in force.", no_args_is_help=False)
    group.command("check")(check)
    app.add_typer(group, name="config")


def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the settings and print those in force: defaults, file and environment together."""
    from config.toml import as_toml

    in_force = settings(config)
    typer.echo(in_force.model_dump_json(indent=2) if as_json else as_toml(in_force), nl=as_json)
