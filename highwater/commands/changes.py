"""`highwater changes`: calendars in and out, what is missing in them, and what collides."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from highwater.options import AsJson

if TYPE_CHECKING:
    from changes.files.calendar_files import Added, CalendarRead
    from changes.files.reader import ReadOptions
    from changes.planning.conflicts import Conflict
    from models.columns import Rejection

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Calendars: .json, .ndjson, .csv, .xlsx or .ics, each also with .gz.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", metavar="FILE", help="TOML that translates another system's export.")]
DefaultOwner = Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Owner of rows that name none.")]
Timezone = Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="Zone of times without offset, such as Europe/London.")]
To = Annotated[
    str, typer.Option("--to", metavar="FILE|URL", help="Calendar file to put them into, or a monitor such as http://127.0.0.1:8480.")
]
Token = Annotated[str, typer.Option("--token", envvar="HIGHWATER_TOKEN", show_default=False, help="API token, for a URL.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write; without it standard output.")]
Full = Annotated[bool, typer.Option("--full", help="The files hold all that their owners plan: name what stands and is missing.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Any field, such as services=4.8.1;8.1.1")]


def register(app: typer.Typer) -> None:
    """Adds the command group."""
    group = typer.Typer(help="Change calendars: in and out, conflicts, what the SEC asks for, the month's schedule.", no_args_is_help=False)
    group.command("add")(add)
    group.command("import")(import_)
    group.command("check")(check)
    group.command("export")(export)
    group.command("publish")(publish)
    app.add_typer(group, name="changes")


def add(
    to: To,
    change_id: Annotated[str, typer.Option("--id", help="change_id; one that the file holds is revised.")],
    owner: Annotated[str | None, typer.Option("--owner", help="DCC, a User ID, or a service provider's name.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="The activity.")] = None,
    category: Annotated[str | None, typer.Option("--category", help="Such as firewall, release, planned_maintenance.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="Such as declared, in_progress, completed, cancelled.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="Planned start, such as 2026-01-05T22:00:00Z.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Planned end.")] = None,
    other: Set = None,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Declare one change, or revise it: what is not given stays as it was."""
    from changes.files.calendar_files import CalendarRead
    from changes.files.reader import read_changes
    from changes.files.revise import revise

    named = {"owner": owner, "title": title, "category": category, "status": status, "planned_start": start, "planned_end": end}
    known = read_changes(to)[0] if not _is_url(to) and Path(to).exists() else []
    given = {name: value for name, value in named.items() if value is not None} | dict(map(_assignment, other or []))
    made = revise(known, change_id, given, datetime.now(UTC))
    _put(CalendarRead((made,), [], ()), to, token=token, as_json=as_json)


def import_(
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

    _put(read_calendar(files, _reading(mapping, owner, timezone)), to, token=token, as_json=as_json, full=full)


def check(
    files: Files,
    mapping: MappingFile = None,
    owner: DefaultOwner = None,
    timezone: Timezone = None,
    capacity: Annotated[float | None, typer.Option("--capacity", metavar="X", help="What can be carried, times the usual total.")] = None,
    usual: Annotated[Path | None, typer.Option("--usual", metavar="FILE", help="JSON: User → usual messages a second.")] = None,
    as_json: AsJson = False,
) -> None:
    """List rows that can't be used, missing SEC H8.4 and H8.8 items, conflicts and load collisions; exit 1 if any."""
    from changes.files.calendar_files import read_calendar
    from changes.planning.conflicts import Capacity, conflicts
    from changes.planning.load import read_usual
    from changes.planning.sec_completeness import all_missing

    read = read_calendar(files, _reading(mapping, owner, timezone))
    changes, rejections = read.changes, read.rejections
    lacking = all_missing(changes)
    found = conflicts(changes, Capacity(capacity, read_usual(usual) if usual is not None else {}))
    if as_json:
        from changes.planning import sec_completeness
        from changes.planning.conflicts import as_object

        answer = {
            "changes": len(changes),
            "rejected": _objects(rejections),
            "unsettled": [one.text for one in read.disagreements],
            "missing": [sec_completeness.as_object(one) for one in lacking],
            "conflicts": [as_object(one) for one in found],
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for one in read.disagreements:
            typer.echo(one.text)
        _tell(len(changes), rejections, [f"{one.change_id}: {one.item} is missing: {one.text}" for one in lacking], found)
    if rejections or lacking or found or read.disagreements:
        raise typer.Exit(1)


def export(
    files: Files,
    out: Out = None,
    kind: Annotated[str | None, typer.Option("--format", help="json, ndjson, csv or ics; else by the name of --out, else json.")] = None,
    mapping: MappingFile = None,
    owner: DefaultOwner = None,
    timezone: Timezone = None,
) -> None:
    """Write calendars as one file: the highest revision of every change; CSV cells are safe to open in a spreadsheet."""
    from changes.files.calendar_files import read_calendar
    from changes.files.writer import writer_of

    write = writer_of(f".{kind}" if kind else out.suffix if out else ".json")
    read = read_calendar(files, _reading(mapping, owner, timezone))
    changes, rejections = read.changes, read.rejections
    _write(write(changes), out)
    _complain(rejections)
    for one in read.disagreements:
        print(f"highwater: {one.text}", file=sys.stderr)
    if rejections or read.disagreements:
        raise typer.Exit(1)


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
    read = read_calendar(files, _reading(None, None, None))
    changes, rejections = read.changes, read.rejections
    _write(schedule.SCHEDULES[kind](schedule.schedule(changes, month), month), out)
    _complain(rejections)
    for one in read.disagreements:
        print(f"highwater: {one.text}", file=sys.stderr)
    if rejections or read.disagreements:
        raise typer.Exit(1)


def _reading(mapping: Path | None, owner: str | None, timezone: str | None) -> "ReadOptions":
    from changes.files.field_mapping import read_mapping
    from changes.files.reader import ReadOptions

    return ReadOptions(read_mapping(mapping) if mapping is not None else None, owner, timezone, datetime.now(UTC))


def _put(read: "CalendarRead", to: str, *, token: str, as_json: bool, full: bool = False) -> None:
    from changes.files.calendar_files import Added, add_to
    from changes.http_client import send_changes

    refused: list[dict[str, str]] = []
    if _is_url(to):
        taken, refusals = send_changes(read.changes, to, token)
        refused = [{"change_id": one.change.change_id, "reason": one.reason} for one in refusals]
        added = Added(tuple(taken), (), (), ())
    else:
        added = add_to(Path(to), read.changes, datetime.now(UTC) if full else None)
    unsettled = [*read.disagreements, *added.disagreements]
    if as_json:
        answer = {
            "changes": [{"change_id": change.change_id, "revision": change.revision} for change in added.news],
            "withdrawn": [change.change_id for change in added.withdrawn],
            "rejected": _objects(read.rejections),
            "refused": refused,
            "unsettled": [{"change_id": one.change_id, "owner": one.owner, "revision": one.revision} for one in unsettled],
            "missing": [change.change_id for change in added.missing],
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        known = len(read.changes) - len(added.news) - len(refused) - len(added.disagreements)
        _tell_added(added, known)
        _complain(read.rejections)
        for line in [f"{one['change_id']}: {one['reason']}" for one in refused] + [one.text for one in unsettled]:
            print(f"highwater: {line}", file=sys.stderr)
    if read.rejections or refused or unsettled or added.missing:
        raise typer.Exit(1)


def _tell_added(added: "Added", known: int) -> None:
    for change in added.news:
        typer.echo(f"{change.change_id}, revision {change.revision}: {change.title}")
    for change in added.withdrawn:
        typer.echo(f"{change.change_id} withdrawn: the newest export of its series does not hold it")
    for change in added.missing:
        typer.echo(f"{change.change_id} is missing in the full export and not cancelled: {change.title}")
    withdrawn = f", {len(added.withdrawn)} withdrawn" if added.withdrawn else ""
    typer.echo(f"{len(added.news)} new or revised, {known} known already{withdrawn}")


def _tell(number: int, rejections: Sequence["Rejection"], lacking: Sequence[str], found: Sequence["Conflict"]) -> None:
    from changes.files.reader import describe

    for line in [*map(describe, rejections), *lacking, *(f"{one.kind.replace('_', ' ')}: {one.text}" for one in found)]:
        typer.echo(line)
    typer.echo(f"{number} changes: {len(rejections)} bad rows, {len(lacking)} items missing, {len(found)} conflicts")


def _complain(rejections: Iterable["Rejection"]) -> None:
    from changes.files.reader import describe

    for one in rejections:
        print(f"highwater: {describe(one)}", file=sys.stderr)


def _objects(rejections: Iterable["Rejection"]) -> list[dict[str, Any]]:
    return [{"source": one.source, "position": dict(one.position), "reason": one.reason} for one in rejections]


def _write(content: bytes, out: Path | None) -> None:
    from changes.files.calendar_files import write_file

    if out is not None:
        write_file(out, content)
    else:
        sys.stdout.buffer.write(content)


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text!r} is no assignment: write FIELD=VALUE")
    return name.strip(), value


def _is_url(to: str) -> bool:
    return to.startswith(("http://", "https://"))
