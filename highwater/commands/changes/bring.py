"""`highwater changes import`: calendars of any format into a calendar file or a running monitor."""

from typing import Annotated

import typer

from highwater.commands.changes.options import DefaultOwner, Files, MappingFile, Timezone, To, Token, read_options
from highwater.commands.changes.output import put
from highwater.options import AsJson

Full = Annotated[
    bool, typer.Option("--full", help="The files hold everything that their owners plan: list declared changes that are missing in them.")
]


def bring(
    files: Files,
    to: To,
    mapping: MappingFile = None,
    owner: DefaultOwner = None,
    timezone: Timezone = None,
    full: Full = False,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Bring calendars of any format into a calendar file or a running monitor; exit 1 if a row or a revision can't be used."""
    from changes.files.calendar_files import read_calendar

    put(read_calendar(files, read_options(mapping, owner, timezone)), to, token=token, as_json=as_json, full=full, full_owner=owner)
