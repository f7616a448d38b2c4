"""Groups: entries whose results are committed together; they share one flush, and memory for no more than one large body."""

from collections.abc import Iterable, Iterator

from service.ingest.intake import Intake, Taken
from service.ingest.journal import Entry

MOST = 32
"""Entries of a group at most."""
_BYTES = 8_000_000


def next_batch(intake: Intake) -> list[Taken | None]:
    """What was taken by now, at least one; None stands for the end."""
    group: list[Taken | None] = [intake.taken.get()]
    while group[-1] is not None and len(group) < MOST and not intake.taken.empty():
        group.append(intake.taken.get())
    return group


def of_journal(entries: Iterable[Entry], last: int) -> Iterator[list[Entry]]:
    """Entries up to number `last`, which are read again after a restart. Later ones may be half written and are not looked at."""
    group: list[Entry] = []
    size = 0
    for entry in entries:
        if entry.seq > last:
            break
        group.append(entry)
        size += len(entry.body)
        if entry.seq == last:
            break
        if len(group) == MOST or size >= _BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
