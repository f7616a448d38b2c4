"""Output of the calendar commands for people and for machines."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from highwater.commands.changes.options import is_url

if TYPE_CHECKING:
    from changes.files.calendar_files import Added, CalendarRead
    from models.change import Change
    from models.columns import Rejection


def put(
    read: "CalendarRead",
    to: str,
    *,
    token: str,
    as_json: bool,
    full_owner: str | None = None,
    full: bool = False,
    more: dict[str, Any] | None = None,
) -> None:
    """Put changes into a calendar file or a running monitor, and report the result of each; exit 1 if any can't be used.

    `full`: they are everything that their owners, and `full_owner`, plan.
    """
    from changes.files.calendar_files import Added, add_to
    from changes.files.opaque_names import joined_names, opaque_names
    from changes.http_client import send_changes

    refused: list[dict[str, str]] = []
    if is_url(to):
        sent = send_changes(read.changes, to, token)
        refused = [{"change_id": one.change.change_id, "reason": one.reason} for one in sent.refused]
        missing = _missing_at(to, token, read.changes, full_owner) if full else ()
        added = Added(tuple(sent.taken), tuple(sent.withdrawn), (), missing)
    else:
        added = add_to(Path(to), read.changes, datetime.now(UTC) if full else None, full_owner)
    notes = opaque_names(read.changes) + joined_names(read.changes)
    unsettled = [*read.disagreements, *added.disagreements]
    if as_json:
        answer = {
            "changes": [{"change_id": change.change_id, "revision": change.revision} for change in added.news],
            "withdrawn": list(added.withdrawn),
            "rejected": objects(read.rejections),
            "refused": refused,
            "unsettled": [{"change_id": one.change_id, "owner": one.owner, "revision": one.revision} for one in unsettled],
            "missing": [change.change_id for change in added.missing],
            "notes": notes,
            **(more or {}),
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(added, len(read.changes) - len(added.news) - len(refused) - len(added.disagreements))
        lines = [f"{one['change_id']}: {one['reason']}" for one in refused] + [one.text for one in unsettled]
        complain(read.rejections, notes + lines)
    if read.rejections or refused or unsettled or added.missing:
        raise typer.Exit(1)


def _missing_at(to: str, token: str, changes: Sequence["Change"], owner: str | None) -> tuple["Change", ...]:
    """What the monitor holds of the owners of a full export, and the export does not."""
    from changes.files.merge import no_longer_held
    from changes.http_client import fetch_changes

    owners = frozenset({one.owner for one in changes} | ({owner} if owner else set()))
    return no_longer_held(fetch_changes(to, token, owners), changes, datetime.now(UTC), owner) if owners else ()


def complain(rejections: Iterable["Rejection"], lines: Iterable[str] = ()) -> None:
    """Lists what can't be used, on standard error."""
    from changes.files.reader import describe

    for line in [*map(describe, rejections), *lines]:
        print(f"highwater: {line}", file=sys.stderr)


def objects(rejections: Iterable["Rejection"]) -> list[dict[str, Any]]:
    """Rejections for machines."""
    return [{"source": one.source, "position": dict(one.position), "reason": one.reason} for one in rejections]


def write(content: bytes, out: Path | None) -> None:
    """Writes to a file, completely or not at all, or to standard output."""
    from changes.files.calendar_files import write_file

    if out is not None:
        write_file(out, content)
    else:
        sys.stdout.buffer.write(content)


def _print(added: "Added", known: int) -> None:
    lines = [f"{change.change_id}, revision {change.revision}: {change.title}" for change in added.news]
    lines += [f"{change_id} withdrawn: the newest export of its series does not contain it" for change_id in added.withdrawn]
    if lines:
        typer.echo("\n".join(lines))
    for change in added.missing:
        typer.echo(f"{change.change_id} is missing in the full export and not cancelled: {change.title}")
    withdrawn = f", {len(added.withdrawn)} withdrawn" if added.withdrawn else ""
    typer.echo(f"{len(added.news)} new or revised, {known} known already{withdrawn}")
