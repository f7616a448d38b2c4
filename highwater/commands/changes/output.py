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
    by_hand: bool = False,
    more: dict[str, Any] | None = None,
) -> None:
    """Put changes into a calendar file or a running monitor, and report the result of each; exit 1 if any can't be used.

    `full`: they are everything that their owners, and `full_owner`, plan. `by_hand`: a person named the owner, who is not in doubt.
    """
    from changes.files.import_notes import notes_on

    added, refused, left_out = _deliver(read.changes, to, token, full_owner, full=full)
    notes = notes_on(read.changes)
    if left_out:
        notes.append(f"note: {left_out} times of repeating events that were over more than 40 days ago are not sent")
    doubts = [] if by_hand else [*read.doubts, *(one for one in added.doubts if one not in read.doubts)]
    unsettled = [*read.disagreements, *added.disagreements]
    if as_json:
        answer = {
            "changes": [{"change_id": change.change_id, "revision": change.revision} for change in added.news],
            "withdrawn": [one.change_id for one in added.withdrawn],
            "rejected": objects(read.rejections),
            "refused": refused,
            "unsettled": [{"change_id": one.change_id, "owner": one.owner, "revision": one.revision} for one in unsettled],
            "doubts": doubts,
            "missing": [change.change_id for change in added.missing],
            "notes": notes,
            **(more or {}),
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        unread = sum(one.name is None for one in added.disagreements) + len(refused) + left_out
        _print(added, len(read.changes) - len(added.news) - unread)
        lines = [f"{one['change_id']}: {one['reason']}" for one in refused] + [one.text for one in unsettled] + doubts
        complain(read.rejections, notes + lines)
    if read.rejections or refused or unsettled or doubts or added.missing:
        raise typer.Exit(1)


def _deliver(
    changes: Sequence["Change"], to: str, token: str, owner: str | None, *, full: bool
) -> tuple["Added", list[dict[str, str]], int]:
    """What the changes did there, which the monitor refused, and how many were not sent."""
    from changes.files.calendar_files import Added, add_to
    from changes.http_client import send_changes
    from models.times import us

    if not is_url(to):
        return add_to(Path(to), changes, datetime.now(UTC) if full else None, owner), [], 0
    sent = send_changes(changes, to, token, us(datetime.now(UTC)))
    missing = _missing_at(to, token, changes, owner) if full else ()
    refused = [{"change_id": one.change.change_id, "reason": one.reason} for one in sent.refused]
    return Added(tuple(sent.taken), tuple(sent.withdrawn), (), missing, tuple(sent.doubts)), refused, sent.left_out


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
    lines += [one.text for one in added.withdrawn]
    if lines:
        typer.echo("\n".join(lines))
    for change in added.missing:
        typer.echo(f"{change.change_id} is missing in the full export and not cancelled: {change.title}")
    withdrawn = f", {len(added.withdrawn)} withdrawn" if added.withdrawn else ""
    typer.echo(f"{len(added.news)} new or revised, {known} known already{withdrawn}")
