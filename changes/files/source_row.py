"""Row: one change as it stands in a file, before anybody knows whether it is one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Row:
    """Where it stood, what it said, and its fields by name; or why it has none."""

    position: Mapping[str, int | str]
    raw: bytes
    fields: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A calendar file that was read whole, and what the reader may assume about it."""

    name: str
    content: bytes
    zone: ZoneInfo | None = None
    """Of times that carry none."""
    rows_at: tuple[str, ...] = ()
    """Dotted paths to the list of rows in a JSON document, of which the first that is there counts; none: the document itself."""
    own_names: bool = True
    """Whether a table's header holds our field names; False where a mapping translates it."""
    columns: frozenset[str] = frozenset()
    """The columns that the mapping reads: how its header is told from a title above it."""
    now: datetime | None = None
    """When it is read; without it an endless series is followed from its own export."""


Format = Callable[[Source], Iterator[Row]]
"""Reads one file format. Raises UnreadableInput if the file can't be read at all."""


def position_text(position: Mapping[str, int | str]) -> str:
    """`line 12, index 3`, for people."""
    return ", ".join(f"{name} {value}" for name, value in position.items())
