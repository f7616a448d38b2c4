"""Quarantine: a record that breaks processing is found and left out, so that it stops neither its task nor other records."""

from dataclasses import dataclass, field

from models.errors import StateError

_PIECES = 100
"""Number of pieces in which a broken slice is processed again."""
_MOST_IN_A_ROW = 3
"""Number of consecutive broken records from which the records are not the cause; to continue would discard everything."""


class PoisonError(Exception):
    """A slice of a topic could not be processed: the records from offset `first` to before `end`."""

    def __init__(self, topic: str, first: int, end: int, count: int, reason: str) -> None:
        super().__init__(f"{topic} from offset {first} to before {end}: {reason}")
        self.topic, self.first, self.end, self.count, self.reason = topic, first, end, count, reason


@dataclass(frozen=True, slots=True)
class _Suspected:
    first: int
    end: int
    piece: int
    """Number of records that are processed at a time."""


@dataclass(slots=True)
class Quarantine:
    """The suspected and the excluded records of one partition; its worker keeps it while the task restarts from its checkpoint.

    A successor without it finds the same records: the same record breaks the same state.
    """

    _suspected: dict[str, list[_Suspected]] = field(default_factory=dict)
    _left_out: dict[tuple[str, int], str] = field(default_factory=dict)

    def note(self, poison: PoisonError) -> None:
        """Processes the slice in pieces from now on; a single record is excluded. Raises StateError if consecutive records break."""
        known = [each for each in self._suspected.get(poison.topic, ()) if each.end <= poison.first or each.first >= poison.end]
        piece = max(1, poison.count // _PIECES)
        self._suspected[poison.topic] = sorted([*known, _Suspected(poison.first, poison.end, piece)], key=lambda each: each.first)
        if poison.count > 1:
            return
        self._left_out[poison.topic, poison.first] = poison.reason
        before = range(poison.first - _MOST_IN_A_ROW + 1, poison.first)
        if all((poison.topic, offset) in self._left_out for offset in before):
            raise StateError(f"no record of {poison.topic} can be processed any more, from offset {before.start} on: {poison.reason}")

    def bounds(self, topic: str, offset: int) -> tuple[int | None, int | None]:
        """How far a slice that begins at `offset` may reach, and how many records it may have; None for no limit."""
        for each in self._suspected.get(topic, ()):
            if each.first <= offset < each.end:
                return each.end, each.piece
            if offset < each.first:
                return each.first, None
        return None, None

    def reason(self, topic: str, offset: int) -> str | None:
        """Why this record is excluded; None if it is not."""
        return self._left_out.get((topic, offset))
