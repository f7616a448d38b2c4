"""Quarantine: a record that breaks the work is found and left out, so that it stops neither its task nor its neighbours."""

from dataclasses import dataclass, field

from models.errors import StateError

_PIECES = 100
"""A slice that broke is fed in so many pieces when it comes again."""
_MOST_IN_A_ROW = 3
"""One record after the other breaks the work: then it is no record's fault, and going on would throw everything away."""


class PoisonError(Exception):
    """A slice of a topic could not be worked on: the records from offset `first` to before `end`."""

    def __init__(self, topic: str, first: int, end: int, count: int, reason: str) -> None:
        super().__init__(f"{topic} from offset {first} to before {end}: {reason}")
        self.topic, self.first, self.end, self.count, self.reason = topic, first, end, count, reason


@dataclass(frozen=True, slots=True)
class _Suspected:
    first: int
    end: int
    piece: int
    """Records that are fed at a time."""


@dataclass(slots=True)
class Quarantine:
    """What is suspected and what is left out of one partition; its worker keeps it while the task begins again at its checkpoint.

    Whoever takes over without it comes to the same records: the same one breaks the same state.
    """

    _suspected: dict[str, list[_Suspected]] = field(default_factory=dict)
    _left_out: dict[tuple[str, int], str] = field(default_factory=dict)

    def note(self, poison: PoisonError) -> None:
        """The slice is fed in pieces from now on; a single record is left out. Raises StateError where one after the other breaks."""
        known = [each for each in self._suspected.get(poison.topic, ()) if each.end <= poison.first or each.first >= poison.end]
        piece = max(1, poison.count // _PIECES)
        self._suspected[poison.topic] = sorted([*known, _Suspected(poison.first, poison.end, piece)], key=lambda each: each.first)
        if poison.count > 1:
            return
        self._left_out[poison.topic, poison.first] = poison.reason
        before = range(poison.first - _MOST_IN_A_ROW + 1, poison.first)
        if all((poison.topic, offset) in self._left_out for offset in before):
            raise StateError(f"no record of {poison.topic} can be worked on any more, from offset {before.start} on: {poison.reason}")

    def bounds(self, topic: str, offset: int) -> tuple[int | None, int | None]:
        """How far a slice that begins at `offset` may reach, and how many records it may have; None for no bound."""
        for each in self._suspected.get(topic, ()):
            if each.first <= offset < each.end:
                return each.end, each.piece
            if offset < each.first:
                return each.first, None
        return None, None

    def reason(self, topic: str, offset: int) -> str | None:
        """Why this record is left out; None where it is not."""
        return self._left_out.get((topic, offset))
