"""Calendar files: several read as one calendar, one written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from changes.calendar import Calendar
from changes.files.reader import ReadOptions, read_changes
from changes.files.writer import writer_of
from models.change import Change
from models.columns import Rejection
from models.errors import UnreadableInput

_END_OF_TIME = 2**61


def read_calendar(paths: Iterable[Path], reading: ReadOptions | None = None) -> tuple[tuple[Change, ...], list[Rejection]]:
    """The highest revision of every change in `paths`, in order of `change_id`, and the rows that can't be used."""
    read = [read_changes(path, reading) for path in paths]
    return newest(change for changes, _ in read for change in changes), [one for _, rejections in read for one in rejections]


def newest(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The highest revision of every change, whatever the order, by `change_id`."""
    calendar = Calendar()
    for change in changes:
        calendar.declare(change, None)
    return calendar.view(_END_OF_TIME).changes


def write_file(path: Path, content: bytes) -> None:
    """All of `content` or nothing: a reader never sees half a file. Raises UnreadableInput if it can't be written."""
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except OSError as fault:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise UnreadableInput(f"{path} can't be written: {fault.strerror}") from None


def add_to(path: Path, changes: Iterable[Change]) -> tuple[Change, ...]:
    """Puts `changes` into a calendar file (a new one, if there is none) and gives those that are news, by `change_id`.

    Raises UnreadableInput if a row of the file can't be read: rewriting it would lose the row.
    """
    write = writer_of(path.suffix)
    known: list[Change] = []
    if path.exists():
        known, faulty = read_changes(path)
        if faulty:
            raise UnreadableInput(f"{path} has {len(faulty)} rows that can't be read (highwater changes check {path}): correct them first")
    before = newest(known)
    after = newest([*known, *changes])
    write_file(path, write(after))
    return tuple(change for change in after if change not in before)
