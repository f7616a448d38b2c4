"""Reader: decodes pieces of text in columns where they are provably valid, and one at a time where they are not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from models.columns import EventBatch, Ints, Rejection
from models.errors import UnreadableInput
from models.events import QueueEvent, TrafficEvent
from streams.decode import columnar
from streams.decode.byte_buffer import ByteBuffer
from streams.decode.compiled import known_events
from streams.decode.event_columns import EventColumns, Row
from streams.decode.json_splitter import extents
from streams.decode.record_splitter import RecordSpans, pieces_of
from streams.decode.scalar import ParseError, event, row
from streams.decode.template_cache import TemplateCache, used

_EMPTY = ParseError("the record is empty", is_json=False)
_FEW = 64
"""Up to this number of pieces the scalar decoder is faster."""


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """A piece of text that is not an event."""

    start: int
    end: int
    refusal: ParseError


@dataclass(frozen=True)
class DecodedText:
    """The events of a text and its invalid records, both in the order of the text."""

    buffer: ByteBuffer
    learned: TemplateCache
    rows: EventColumns
    starts: Ints
    """Where each row's piece of text starts; shape (rows,)."""
    ends: Ints
    refused: tuple[InvalidRecord, ...]

    @cached_property
    def _positions(self) -> Ints:
        return np.sort(np.concatenate([self.starts, np.array([one.start for one in self.refused], np.int64)]))

    def index(self, start: int, since: int) -> int:
        """How many pieces there are from position `since` to the one at `start`."""
        return int(np.searchsorted(self._positions, start) - np.searchsorted(self._positions, since))

    def batch(self, source: str, position: Callable[[int], Mapping[str, int | str]]) -> EventBatch:
        """The events as the batch that leaves the decoder; `position` maps the start of a piece of text to its position in the input."""
        keys, key = self.learned.used_series(self.rows.series)
        with_codes = np.flatnonzero(self.rows.codes >= 0)
        code_sets, which = used(self.learned.code_sets, self.rows.codes[with_codes])
        codes = np.full(len(self.rows), -1, np.int32)
        codes[with_codes] = which
        rejections = tuple(
            Rejection(
                int(np.searchsorted(self.starts, one.start)),
                source,
                position(one.start),
                one.refusal.reason,
                self.buffer.text[one.start : one.end],
            )
            for one in self.refused
        )
        return EventBatch(
            keys=keys,
            key=key,
            observed_us=self.rows.observed_us,
            value=self.rows.value,
            failures=self.rows.failures,
            oldest_age_s=self.rows.oldest_age_s,
            capacity=self.rows.capacity,
            enqueued=self.rows.enqueued,
            delivered=self.rows.delivered,
            codes=codes,
            code_sets=code_sets,
            source=lambda _: source,
            position=lambda number: position(int(self.starts[number])),
            raw=lambda number: self.buffer.text[self.starts[number] : self.ends[number]],
            rejections=rejections,
        )


def read(
    buffer: ByteBuffer, starts: Ints, ends: Ints, learned: TemplateCache, *, records: bool, most_refused: int | None = None
) -> DecodedText:
    """Reads units of text: lines (each an event or a frame; blank lines are skipped), or records (many lines; an empty one is an error).

    Raises UnreadableInput as soon as more than `most_refused` pieces are not events.
    """
    pieces = pieces_of(buffer, starts, ends, records=records)
    rows, left = _in_columns(buffer, pieces, learned)
    empty = np.flatnonzero(starts == ends) if records else left[:0]
    if not len(left) and not len(empty):
        return DecodedText(buffer, learned, rows, pieces.starts[rows.piece], pieces.ends[rows.piece], ())
    singles = _Singles(buffer, starts, ends, learned, records=records, most_refused=most_refused)
    singles.read(pieces, left)
    singles.refused += [InvalidRecord(at, at, _EMPTY) for at in starts[empty].tolist()]
    if singles.to_split_again:
        unit = np.searchsorted(starts, pieces.starts[rows.piece], side="right") - 1
        rows = rows.take(np.flatnonzero(~np.isin(unit, list(singles.to_split_again))))
    return _merged(buffer, learned, rows, pieces, singles)


def _in_columns(buffer: ByteBuffer, pieces: RecordSpans, learned: TemplateCache) -> tuple[EventColumns, Ints]:
    """(events, remaining pieces) of what is read in columns."""
    known, left = known_events.read(buffer, pieces.starts, pieces.ends, learned)
    if not len(left) or len(pieces.starts) < _FEW:
        return known, left
    more, remaining = columnar.read(buffer, pieces.starts[left], pieces.ends[left], learned, within_lines=pieces.within_lines)
    more = replace(more, piece=left[more.piece])
    return EventColumns.joined([known, more] if len(known) else [more]), left[remaining]


def _merged(buffer: ByteBuffer, learned: TemplateCache, rows: EventColumns, pieces: RecordSpans, singles: "_Singles") -> DecodedText:
    """The rows of the columnar and the scalar decoder in the order of the text."""
    single_rows = EventColumns.of([single._replace(piece=number) for number, (_, _, single) in enumerate(singles.rows_read)])
    starts = np.concatenate([pieces.starts[rows.piece], np.array([start for start, _, _ in singles.rows_read], np.int64)])
    ends = np.concatenate([pieces.ends[rows.piece], np.array([end for _, end, _ in singles.rows_read], np.int64)])
    order = np.argsort(starts, kind="stable")
    refused = tuple(sorted(singles.refused, key=lambda one: one.start))
    return DecodedText(buffer, learned, EventColumns.concatenated([rows, single_rows]).take(order), starts[order], ends[order], refused)


class _Singles:
    """The pieces that are read one at a time, and the units that have to be split again."""

    def __init__(
        self, buffer: ByteBuffer, starts: Ints, ends: Ints, learned: TemplateCache, *, records: bool, most_refused: int | None
    ) -> None:
        self._buffer, self._starts, self._ends, self._learned, self._records = buffer, starts, ends, learned, records
        self._most_refused = most_refused
        self.to_split_again: set[int] = set()
        """Reads the units again as a whole."""
        self.rows_read: list[tuple[int, int, Row]] = []
        self.refused: list[InvalidRecord] = []

    def read(self, pieces: RecordSpans, left: Ints) -> None:
        """Reads the pieces with numbers `left`."""
        starts, ends = pieces.starts[left], pieces.ends[left]
        unit = np.searchsorted(self._starts, starts, side="right") - 1
        alone = (starts == self._starts[unit]) & (ends == self._buffer.trimmed(self._starts, self._ends)[unit])
        parsed = []
        faults = 0
        for start, end, number, is_alone in zip(starts.tolist(), ends.tolist(), unit.tolist(), alone.tolist(), strict=True):
            text = self._buffer.text[start:end]
            one = event(text)
            if isinstance(one, ParseError):
                faults += 1
                self._check(faults)
            if isinstance(one, ParseError) and not (text.startswith(b"{") and (one.is_json or (is_alone and b"\n" not in text))):
                self.to_split_again.add(number)
            parsed.append((number, start, end, one))
        for number, start, end, one in parsed:
            if number not in self.to_split_again:
                self._take(start, end, one)
        for number in sorted(self.to_split_again):
            self._split_again(int(self._starts[number]), int(self._ends[number]))

    def _split_again(self, start: int, end: int) -> None:
        text = self._buffer.text[start:end]
        pieces = extents(text, lines=self._records)
        if self._records and not text.strip():
            self.refused.append(InvalidRecord(start, end, _EMPTY))
        for first, last in pieces:
            self._take(start + first, start + last, event(text[first:last]))

    def _check(self, faults: int) -> None:
        if self._most_refused is not None and faults > self._most_refused:
            raise UnreadableInput(
                f"more than {self._most_refused} of its events are malformed: nothing of the body was accepted; send smaller bodies"
            )

    def _take(self, start: int, end: int, one: TrafficEvent | QueueEvent | ParseError) -> None:
        if isinstance(one, ParseError):
            self.refused.append(InvalidRecord(start, end, one))
            self._check(len(self.refused))
        else:
            self.rows_read.append((start, end, row(0, one, self._learned)))
