"""`highwater changes publish`: the month's schedule for Parties."""

from typing import Annotated

import typer

from highwater.commands.changes.options import Files, Out, read_options
from highwater.commands.changes.output import complain, write


def publish(
    files: Files,
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The month in UTC.")],
    out: Out = None,
    kind: Annotated[str, typer.Option("--format", help="md, csv, ics or json.")] = "md",
) -> None:
    """Write the month's schedule for Parties: the DCC's changes in full, Users' only as far as they made them public."""
    from changes.files.calendar_files import read_calendar
    from changes.planning import schedule
    from models.errors import ConfigurationError

    if kind not in schedule.SCHEDULES:
        raise ConfigurationError(f"there is no format {kind}: use one of {', '.join(schedule.SCHEDULES)}")
    read = read_calendar(files, read_options(None, None, None))
    write(schedule.SCHEDULES[kind](schedule.schedule(read.changes, month), month), out)
    complain(read.rejections, [one.text for one in read.disagreements])
    if read.rejections or read.disagreements:
        raise typer.Exit(1)
