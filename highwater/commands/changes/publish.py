"""`highwater changes publish`: the month's schedule for Parties, from files or from the running monitor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highwater.commands.changes.options import Out, Token, is_url, read_options
from highwater.commands.changes.output import complain, write
from highwater.options import ConfigFile, settings

if TYPE_CHECKING:
    from changes.files.calendar_files import CalendarRead

Sources = Annotated[list[str], typer.Argument(metavar="FILE|URL...", help="Calendars, or a monitor such as http://127.0.0.1:8480.")]


def publish(
    sources: Sources,
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="The month in UTC.")],
    out: Out = None,
    kind: Annotated[str | None, typer.Option("--format", help="md, html, csv, xlsx, ics, json; by default from --out, else md.")] = None,
    since: Annotated[
        Path | None, typer.Option("--since", metavar="FILE", help="The previous issue, as JSON: the new issue lists the differences.")
    ] = None,
    token: Token = "",
    config: ConfigFile = None,
) -> None:
    """Write the month's schedule for Parties: the DCC's changes in full, Users' changes only as far as they are public."""
    from changes.planning.issue import ISSUES, issue_of, read_issue
    from changes.planning.schedule import schedule
    from models.errors import ConfigurationError

    chosen = kind or (out.suffix.removeprefix(".") if out is not None and out.suffix.removeprefix(".") in ISSUES else "md")
    if chosen not in ISSUES:
        raise ConfigurationError(f"there is no format {chosen}: use one of {', '.join(ISSUES)}")
    read = _read(sources, token)
    before = read_issue(since, month) if since is not None else None
    in_force = settings(config)
    issue = issue_of(schedule(read.changes, month), month, in_force.changes.sec, in_force.time.holiday_calendar, before)
    write(ISSUES[chosen](issue), out)
    complain(read.rejections, read.unsettled)
    if read.rejections or read.unsettled:
        raise typer.Exit(1)


def _read(sources: list[str], token: str) -> "CalendarRead":
    from changes.files.calendar_files import CalendarRead, read_calendar
    from changes.files.merge import merge
    from changes.http_client import fetch_changes

    read = read_calendar([Path(one) for one in sources if not is_url(one)], read_options(None, None, None))
    fetched = [change for one in sources if is_url(one) for change in fetch_changes(one, token)]
    if not fetched:
        return read
    merged = merge([*read.changes, *fetched])
    return CalendarRead(merged.changes, read.rejections, (*read.disagreements, *merged.disagreements), read.doubts)
