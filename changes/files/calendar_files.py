"""Calendar files: several are read as one calendar; one is written completely or not at all."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from changes.files.merge import Disagreement, merge, no_longer_held, same_content
from changes.files.reader import ReadOptions, read_changes
from changes.files.record_names import name_now, newest_names, same_elsewhere
from changes.files.writer import writer_of
from models.change import Change
from models.columns import Rejection
from models.errors import UnreadableInput
from models.whole_file import SHARED, whole_file


@dataclass(frozen=True, slots=True)
class CalendarRead:
    """The combined contents of several files."""

    changes: tuple[Change, ...]
    """The changes that count, by `change_id` and owner."""
    rejections: list[Rejection]
    disagreements: tuple[Disagreement, ...]
    doubts: tuple[str, ...] = ()
    """Changes that likely stand under two owners, a line each."""

    @property
    def unsettled(self) -> list[str]:
        """What nothing decides, a line each."""
        return [*(one.text for one in self.disagreements), *self.doubts]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A change that a newer export no longer holds under its name."""

    change_id: str
    owner: str
    now: str | None = None
    """`owner/change_id` that its record has now; None where a newer export of its series does not hold it."""

    @property
    def text(self) -> str:
        """One line for people."""
        if self.now is not None:
            return f"{self.change_id} ({self.owner}) withdrawn: the newest export holds it as {self.now}"
        return f"{self.change_id} withdrawn: the newest export of its series does not contain it"


@dataclass(frozen=True, slots=True)
class Added:
    """The differences that an import made in a calendar file."""

    news: tuple[Change, ...]
    """New or revised, by `change_id` and owner."""
    withdrawn: tuple[Withdrawn, ...]
    """Times of a series that a newer export no longer holds, and changes whose record has another name now."""
    disagreements: tuple[Disagreement, ...]
    missing: tuple[Change, ...]
    """Changes that are missing in a full export although nobody cancelled them."""
    doubts: tuple[str, ...] = ()
    """New changes that likely stand under another owner too, a line each."""


@contextmanager
def _collected_later() -> Iterator[None]:
    """Many changes live at once and none refers back to another: looking for cycles among them costs a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_collected_later()
def read_calendar(paths: Iterable[Path], reading: ReadOptions | None = None) -> CalendarRead:
    """The changes of all `paths` that count, and the rows and revisions that can't be used."""
    read = [read_changes(path, reading) for path in paths]
    merged = merge(change for changes, _ in read for change in changes)
    counting = set(map(id, merged.changes)) if len(read) > 1 else set()
    doubts: dict[str, None] = {}
    before: list[Change] = []
    for changes in ([one for one in changes if id(one) in counting] for changes, _ in read if counting):
        doubts |= dict.fromkeys(same_elsewhere(changes, before))
        before += changes
    return CalendarRead(merged.changes, [one for _, rejections in read for one in rejections], merged.disagreements, tuple(doubts))


def write_file(path: Path, content: bytes) -> None:
    """Writes all of `content` or nothing: a reader never sees half a file. Raises UnreadableInput if the file can't be written."""
    try:
        with whole_file(path, permissions=SHARED) as file:
            file.write(content)
    except OSError as fault:
        raise UnreadableInput(f"{path} can't be written: {fault.strerror}") from None


@_collected_later()
def add_to(path: Path, changes: Sequence[Change], full_since: datetime | None = None, owner: str | None = None) -> Added:
    """Puts `changes` into a calendar file (a new one, if there is none).

    `full_since`: they are a full export of their owners' calendars; existing changes after that time that are missing are listed;
    those of `owner` too, where the export holds none of its changes.
    Raises UnreadableInput if a row of the file can't be read: rewriting the file would lose the row.
    """
    write = writer_of(path.suffix)
    known: list[Change] = []
    if path.exists():
        known, faulty = read_changes(path)
        if faulty:
            raise UnreadableInput(f"{path} has {len(faulty)} rows that can't be read (highwater changes check {path}): correct them first")
    before = merge(known).changes
    merged = merge(changes, before)
    write_file(path, write(merged.changes))
    stood = {(one.change_id, one.owner): one for one in before}
    standing = {(one.change_id, one.owner) for one in merged.changes}
    names = newest_names(merged.changes)
    news = [one for one in merged.changes if (earlier := stood.get((one.change_id, one.owner))) is None or not same_content(one, earlier)]
    gone = {key: one for key, one in stood.items() if key not in standing}
    return Added(
        tuple(news),
        tuple(Withdrawn(one.change_id, one.owner, name_now(one, names)) for one in gone.values()),
        merged.disagreements,
        () if full_since is None else no_longer_held(merged.changes, changes, full_since, owner),
        tuple(
            same_elsewhere(
                [one for one in news if (one.change_id, one.owner) not in stood],
                (one for one in before if (one.change_id, one.owner) not in gone),
            )
        ),
    )
