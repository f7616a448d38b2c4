"""Event columns: decoded events that still refer to the text they came from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from models.columns import Floats, Indices, Ints

ABSENT = -1


class Row(NamedTuple):
    """One event; the fields are those of `EventColumns`."""

    piece: int
    series: int
    observed_us: int
    value: int
    failures: int
    oldest_age_s: float
    capacity: int
    enqueued: int
    delivered: int
    codes: int


@dataclass(frozen=True, slots=True)
class EventColumns:
    """n events; every array has shape (n,)."""

    piece: Ints
    """Number of the piece of text that the event stands in."""
    series: Indices
    """Index into the series keys of the template cache."""
    observed_us: Ints
    value: Ints
    """Messages or depth."""
    failures: Ints
    oldest_age_s: Floats
    """NaN where not given."""
    capacity: Ints
    """-1 where not given; likewise the next two."""
    enqueued: Ints
    delivered: Ints
    codes: Indices
    """Index into the code sets of the template cache, -1 where there are none."""

    def __len__(self) -> int:
        """Number of events."""
        return len(self.piece)

    def take(self, at: Ints) -> Self:
        """The rows at positions `at`."""
        return type(self)(*(getattr(self, column.name)[at] for column in fields(self)))

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """From single rows."""
        columns = zip(*rows, strict=True) if rows else [()] * len(_TYPES)
        return cls(*(np.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)))

    @classmethod
    def concatenated(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts, one part after another."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls))) if parts else cls.of([])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts in the order of their pieces."""
        rows = cls.concatenated(parts)
        return rows.take(np.argsort(rows.piece, kind="stable")) if len(parts) > 1 else rows


_TYPES = (np.int64, np.int32, np.int64, np.int64, np.int64, np.float64, np.int64, np.int64, np.int64, np.int32)
