"""Entry batches: entries whose results are committed together; they share one flush, and memory for at most one large body."""

from collections.abc import Iterable, Iterator

from service.ingest.intake import Intake, Taken
from service.ingest.journal import Entry

MOST = 32
"""Maximum number of entries in a batch."""
_BYTES = 8_000_000


def next_batch(intake: Intake) -> list[Taken | None]:
    """The entries taken so far, at least one; None marks the end."""
    group: list[Taken | None] = [intake.taken.get()]
    while group[-1] is not None and len(group) < MOST and not intake.taken.empty():
        group.append(intake.taken.get())
    return group


def of_journal(entries: Iterable[Entry], last: int) -> Iterator[list[Entry]]:
    """Entries up to number `last`, which are read again after a restart. Later ones may be incomplete and are not read."""
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
