"""Row: one change in a file, before it is validated."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Row:
    """Its position, its text, and its fields by name; or the reason why it has none."""

    position: Mapping[str, int | str]
    raw: bytes | Callable[[], bytes]
    """The text, or how to make it: only a row that is refused needs it."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def text(self) -> bytes:
        """The row as it stood in the file."""
        return self.raw if isinstance(self.raw, bytes) else self.raw()


@dataclass(frozen=True, slots=True)
class Source:
    """A calendar file that was read completely, and the defaults for it."""

    name: str
    content: bytes
    zone: ZoneInfo | None = None
    """The zone of times without an offset."""
    rows_at: tuple[str, ...] = ()
    """Dotted paths to the list of rows in a JSON document, of which the first that exists counts; none: the document itself."""
    own_names: bool = True
    """Whether a table's header contains our field names; False if a mapping translates it."""
    columns: frozenset[str] = frozenset()
    """The columns that the mapping reads: they distinguish the header from a title above it."""
    now: datetime | None = None
    """The time of reading; without it an endless series is followed from its own export."""
    encoding: str | None = None
    """The encoding of a table that is not UTF-8."""


Format = Callable[[Source], Iterator[Row]]
"""Reads one file format. Raises UnreadableInput if the file can't be read at all."""


def position_text(position: Mapping[str, int | str]) -> str:
    """`line 12, index 3`, for people."""
    return ", ".join(f"{name} {value}" for name, value in position.items())
