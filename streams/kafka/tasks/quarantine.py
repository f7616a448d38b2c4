"""Quarantine: a record or a window that breaks the work is found and left out, so that it stops neither its task nor its neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.dead_letter import DeadLetter, raw_text
from models.errors import HighwaterError
from streams.kafka.client.output_records import OutputRecord
from streams.kafka.cluster.quarantined_records import KEY_HEADER, NOT_COPIED, REASON_HEADER, SOURCE_HEADER
from streams.kafka.cluster.topic_admin import LARGEST_RECORD

_PIECES = 4
"""A slice that broke is fed in so many pieces when it comes again."""
WINDOWS = "windows"
"""Stands for a topic where a window is left out; the window's end (µs) stands for the offset."""
CHANGES = "changes"
"""Stands for the topic of the calendar, whose records every task applies."""
_REASON_MOST = 500
TRANSIENT = (MemoryError, OSError)
"""Errors of the machine, not of a record: the work is repeated as it is."""
_MOST_IN_A_ROW = {WINDOWS: 10}
_MOST_RECORDS_IN_A_ROW, _MANY_RECORDS_IN_A_ROW = 1_000, 100
"""Left out without one in between that could be processed: the fault is in the program or its state, not in them. Records are kept whole,
windows are not, so few windows are risked."""
_KEY_MOST = 32 << 10
_KEPT_MOST = LARGEST_RECORD - 2 * _KEY_MOST
"""Maximum bytes of a record that is kept whole: its key and headers are sent with it."""


class QuarantineLimitError(HighwaterError):
    """One after the other is left out: the worker stops instead, so that nothing more is lost."""


class PoisonError(Exception):
    """A slice of a topic could not be processed: the records from offset `first` to before `end`."""

    def __init__(self, topic: str, first: int, end: int, count: int, reason: str) -> None:
        super().__init__(f"{topic} from offset {first} to before {end}: {reason}")
        self.topic, self.first, self.end, self.count, self.reason = topic, first, end, count, reason

    @classmethod
    def of(cls, topic: str, offset: int, fault: Exception) -> "PoisonError":
        """One record, or one window."""
        return cls(topic, offset, offset + 1, 1, f"{type(fault).__name__}: {fault}"[:_REASON_MOST])


@dataclass(frozen=True, slots=True)
class _Suspected:
    first: int
    end: int
    piece: int
    """Number of records that are processed at a time."""


@dataclass(slots=True)
class Quarantine:
    """What is suspected and what is left out of one task's work; its worker keeps it while the task begins again at its checkpoint.

    A worker that takes over without it comes to the same records: the same one breaks the same state.
    """

    total: int = 0
    """Records and windows left out by this worker."""
    _in_a_row: dict[str, int] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)
    """Topic → where something was left out last."""
    _suspected: dict[str, list[_Suspected]] = field(default_factory=dict)
    _left_out: dict[tuple[str, int], str] = field(default_factory=dict)

    def note(self, poison: PoisonError) -> None:
        """The slice is fed in pieces from now on; a single record is left out."""
        suspected = [_Suspected(poison.first, poison.end, max(1, poison.count // _PIECES))]
        for each in self._suspected.get(poison.topic, ()):
            # What surrounds the slice stays suspected.
            for first, end in ((each.first, min(each.end, poison.first)), (max(each.first, poison.end), each.end)):
                if first < end:
                    suspected.append(_Suspected(first, end, each.piece))
        self._suspected[poison.topic] = sorted(suspected, key=lambda each: each.first)
        if poison.count == 1 and (poison.topic, poison.first) not in self._left_out:
            self._leave_out(poison)

    def _leave_out(self, poison: PoisonError) -> None:
        topic, most = poison.topic, _MOST_IN_A_ROW.get(poison.topic, _MOST_RECORDS_IN_A_ROW)
        if self._in_a_row.get(topic, 0) >= most:
            what = "windows" if topic == WINDOWS else f"records of {topic}"
            raise QuarantineLimitError(
                f"{most} {what} in a row can't be processed, so the fault is not in them: no more are left out ({poison.reason})."
                " Please report this, and start the worker with a version that mends it"
            )
        self._left_out[topic, poison.first] = poison.reason
        self._last[topic] = max(poison.first, self._last.get(topic, poison.first))
        self._in_a_row[topic] = self._in_a_row.get(topic, 0) + 1
        self.total += 1

    def passed(self, topic: str, offset: int) -> None:
        """A record, or window, was processed: what was left out before it stood alone."""
        if self._in_a_row.get(topic) and offset > self._last[topic]:
            self._in_a_row[topic] = 0

    @property
    def is_uncertain(self) -> bool:
        """Whether the last windows were left out, or very many records of a topic of telemetry.

        No checkpoint covers them then. Whoever restarts begins before them, and a version without the fault processes them. Changes do not
        count: they are kept whole, and the next one may be days away.
        """
        records = [count for topic, count in self._in_a_row.items() if topic not in (WINDOWS, CHANGES)]
        return bool(self._in_a_row.get(WINDOWS)) or max(records, default=0) >= _MANY_RECORDS_IN_A_ROW

    def bounds(self, topic: str, offset: int) -> tuple[int | None, int | None]:
        """How far a slice that begins at `offset` may reach, and how many records it may have; None for no limit."""
        for each in self._suspected.get(topic, ()):
            if each.first <= offset < each.end:
                return each.end, each.piece
            if offset < each.first:
                return each.first, None
        return None, None

    def suspects(self, topic: str, offset: int) -> bool:
        """Whether this record is in a slice that broke the work."""
        return any(each.first <= offset < each.end for each in self._suspected.get(topic, ()))

    def reason(self, topic: str, offset: int) -> str | None:
        """Why this record is excluded; None if it is not."""
        return self._left_out.get((topic, offset))

    def forget(self, positions: Mapping[str, int]) -> None:
        """A checkpoint covers everything before `positions`: it never comes again."""
        for topic, position in positions.items():
            self._suspected[topic] = [each for each in self._suspected.get(topic, ()) if each.end > position]
            for key in [key for key in self._left_out if key[0] == topic and key[1] < position]:
                del self._left_out[key]


def letter_of(topic: str, partition: int, offset: int, value: bytes, reason: str) -> DeadLetter:
    """What the dead letters say of a record that is in quarantine."""
    position: dict[str, int | str] = {"topic": topic, "partition": partition, "offset": offset, "index": 0}
    text = f"the record can't be worked on and is in quarantine: please report this ({reason})"
    return DeadLetter(source=topic, position=position, reason=text, raw=raw_text(value))


def kept_whole(quarantine_topic: str, origin: tuple[str, int, int], key: bytes | None, value: bytes, reason: str) -> OutputRecord:
    """The record of `origin` (topic, partition, offset) with its reason: a worker that comes to it again replaces it.

    A record that the brokers would not take again is not copied; it stands in its topic.
    """
    source, kept_key = "/".join(map(str, origin)).encode(), key if key is not None and len(key) <= _KEY_MOST else None
    if len(value) > _KEPT_MOST or kept_key != key:
        reason, value = f"{NOT_COPIED}: {len(value) + len(key or b'')} bytes are too many, it stands in its topic only; {reason}", b""
    headers = [(SOURCE_HEADER, source), (REASON_HEADER, reason.encode("utf-8", "replace")[:_REASON_MOST])]
    if kept_key is not None:
        headers.append((KEY_HEADER, kept_key))
    return OutputRecord(quarantine_topic, source, value, tuple(headers), 0)
