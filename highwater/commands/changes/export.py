"""`highwater changes export`: calendars as one file."""

from typing import Annotated

import typer

from highwater.commands.changes.options import DefaultOwner, Files, MappingFile, Out, Timezone, read_options
from highwater.commands.changes.output import complain, write


def export(
    files: Files,
    out: Out = None,
    kind: Annotated[
        str | None, typer.Option("--format", help="json, ndjson, csv or ics; by default from the name of --out, else json.")
    ] = None,
    mapping: MappingFile = None,
    owner: DefaultOwner = None,
    timezone: Timezone = None,
) -> None:
    """Write calendars as one file: the highest revision of every change; CSV cells are safe to open in a spreadsheet."""
    from changes.files.calendar_files import read_calendar
    from changes.files.writer import writer_of

    writer = writer_of(f".{kind}" if kind else out.suffix if out else ".json")
    read = read_calendar(files, read_options(mapping, owner, timezone))
    write(writer(read.changes), out)
    complain(read.rejections, read.unsettled)
    if read.rejections or read.unsettled:
        raise typer.Exit(1)
