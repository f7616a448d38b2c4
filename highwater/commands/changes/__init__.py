"""`highwater changes`: imports and exports calendars, and checks them for missing items and conflicts."""

import typer

from highwater.commands.changes import add, bring, check, export, publish


def register(app: typer.Typer) -> None:
    """Adds the command group."""
    group = typer.Typer(
        help="Change calendars: import, export, conflicts, items that the SEC requires, the month's schedule.", no_args_is_help=False
    )
    group.command("add")(add.add)
    group.command("import")(bring.bring)
    group.command("check")(check.check)
    group.command("export")(export.export)
    group.command("publish")(publish.publish)
    app.add_typer(group, name="changes")
