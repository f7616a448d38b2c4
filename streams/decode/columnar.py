"""Columnar decoding: all events of one template at once. The scalar decoder handles every event that may not fit."""

import numpy as np

from models.columns import Ints
from streams.decode.byte_buffer import QUOTE, ByteBuffer
from streams.decode.event_columns import EventColumns
from streams.decode.event_template import EventTemplate, infer_template
from streams.decode.field_columns import columns
from streams.decode.template_cache import TemplateCache

_ATTEMPTS = 8
"""Templates inferred from events with the same number of quotes, in one text; the scalar decoder reads the rest."""
_QUOTES_MOST = 1000


def read(buffer: ByteBuffer, starts: Ints, ends: Ints, learned: TemplateCache, *, within_lines: bool) -> tuple[EventColumns, Ints]:
    """(events, remaining pieces): the pieces that fit a template, each one event, and the numbers of the others.

    `within_lines`: no piece has a line end in it.
    """
    quotes = buffer.find(QUOTE)
    first = np.searchsorted(quotes, starts)
    count = np.searchsorted(quotes, ends) - first
    doubtful = buffer.unsafe_positions(newlines=not within_lines)
    if len(doubtful):
        count[np.searchsorted(doubtful, starts) != np.searchsorted(doubtful, ends)] = 0
    count[count > _QUOTES_MOST] = 0
    parts: list[EventColumns] = []
    left = [np.flatnonzero(count == 0)]
    for number in np.flatnonzero(np.bincount(count)):
        if number:
            reader = _Reader(buffer, starts, ends, quotes, first, learned)
            left.append(reader.read(np.flatnonzero(count == number), int(number)))
            parts += reader.parts
    return EventColumns.joined(parts), np.sort(np.concatenate(left))


class _Reader:
    """Decodes pieces that have the same number of quotes, one template after another."""

    def __init__(self, buffer: ByteBuffer, starts: Ints, ends: Ints, quotes: Ints, first: Ints, learned: TemplateCache) -> None:
        self._buffer, self._starts, self._ends = buffer, starts, ends
        self._quotes, self._first, self._learned = quotes, first, learned
        self.parts: list[EventColumns] = []

    def read(self, pieces: Ints, quotes: int) -> Ints:
        """Adds the pieces that fit to `parts`; returns the others."""
        for template in self._learned.templates(quotes):
            pieces = self._fit(template, pieces)
        left: list[Ints] = []
        for _ in range(_ATTEMPTS):
            if not len(pieces):
                break
            example = int(pieces[0])
            layout_or_none = infer_template(self._buffer.text[self._starts[example] : self._ends[example]])
            if layout_or_none is not None:
                self._learned.remember(quotes, layout_or_none)
                pieces = self._fit(layout_or_none, pieces)
            if len(pieces) and pieces[0] == example:
                left.append(pieces[:1])
                pieces = pieces[1:]
        return np.concatenate([*left, pieces])

    def _fit(self, template: EventTemplate, pieces: Ints) -> Ints:
        """Decodes the pieces that fit `template` into `parts`; returns the others."""
        fitting, slots = self._with_spans(template, pieces)
        if not len(fitting):
            return pieces
        rows = columns(template, self._buffer, fitting, slots, self._learned)
        if len(rows):
            self.parts.append(rows)
            self._learned.used_now([template])
        return pieces[:0] if len(rows) == len(pieces) else np.setdiff1d(pieces, rows.piece, assume_unique=True)

    def _with_spans(self, template: EventTemplate, pieces: Ints) -> tuple[Ints, list[tuple[Ints, Ints]]]:
        """Those of `pieces` in which every span is at its position, and where each slot of each of them starts and ends."""
        first, ends = self._first[pieces], self._ends[pieces]
        positions: list[Ints] = []
        for span in template.spans:
            positions.append((ends if span.anchor < 0 else self._quotes[first + span.anchor]) - span.offset)
            same = self._buffer.matches(positions[-1], span.text)
            if span is template.spans[0]:
                same &= positions[0] == self._starts[pieces]
            if not same.all():
                pieces, first, ends, *positions = (each[same] for each in (pieces, first, ends, *positions))
        after = zip(template.spans, positions, positions[1:], strict=False)
        return pieces, [(begin + len(span.text), end) for span, begin, end in after]
