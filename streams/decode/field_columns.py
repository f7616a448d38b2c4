"""Field columns: the field values of many events of one template, under the same rules as the models."""

from functools import lru_cache

import numpy as np

from models.columns import Flags, Floats, Indices, Ints
from models.errors import Malformed
from models.events import MESSAGES_MOST
from models.times import SECOND_US, parse_time
from models.vocabulary import GREATEST
from streams.decode.byte_buffer import MAX_RUN_BYTES, MAX_SPAN_BYTES, ByteBuffer
from streams.decode.event_columns import ABSENT, EventColumns
from streams.decode.event_template import KEY_FIELDS, OWN_FIELDS, EventTemplate, checked
from streams.decode.string_interner import first_equal
from streams.decode.template_cache import INVALID, TemplateCache

Span = tuple[Ints, Ints]
"""Where the text of one field starts and ends in each piece."""

_MINUTE = len("2026-01-05T00:10")
_LONGEST_TIME = 40
_LONGEST_CODES = 256
_NO_TIME = -(2**63)


def columns(template: EventTemplate, buffer: ByteBuffer, pieces: Ints, spans: list[Span], learned: TemplateCache) -> EventColumns:
    """The valid ones of `pieces`. The scalar decoder reads the others and gives the reason why they are invalid."""
    read = _Read(template, buffer, pieces, spans)
    queue = template.kind == "queue"
    observed_us = read.times("observed_at")
    value = read.integers("depth" if queue else "messages", 0)
    failures = read.integers("failures", 0)
    capacity = read.integers("capacity", ABSENT)
    read.good &= (failures <= value) & (capacity != 0) & (queue | (value <= MESSAGES_MOST))
    read.pass_over_others()
    codes = read.codes(learned, value)
    rows = EventColumns(
        pieces,
        read.series(learned),
        observed_us,
        value,
        failures,
        read.decimals("oldest_age_s"),
        capacity,
        read.integers("enqueued", ABSENT),
        read.integers("delivered", ABSENT),
        codes,
    )
    return rows if read.good.all() else rows.take(np.flatnonzero(read.good))


class _Read:
    """Reads slots by field name; pieces with an invalid value are removed from `good`."""

    def __init__(self, template: EventTemplate, buffer: ByteBuffer, pieces: Ints, spans: list[Span]) -> None:
        self._template, self._buffer, self._spans = template, buffer, spans
        self._number = {slot.name: number for number, slot in enumerate(template.slots) if slot.name in OWN_FIELDS[template.kind]}
        self._count = len(pieces)
        self.good: Flags = np.ones(self._count, np.bool_)

    def integers(self, name: str, absent: int) -> Ints:
        """A whole number per piece; `absent` where the template has none."""
        if name not in self._number:
            return np.full(self._count, absent, np.int64)
        starts, ends = self._spans[self._number[name]]
        values, good = self._buffer.integers(starts, ends)
        other = np.flatnonzero(~good)
        if len(other):  # `5.0` is whole, too
            decimals, good[other] = self._buffer.decimals(starts[other], ends[other])
            good[other] &= decimals == np.floor(decimals)
            values[other] = np.where(good[other], decimals, 0)
        self.good &= good & (values <= GREATEST)
        return values

    def decimals(self, name: str) -> Floats:
        """A number per piece; NaN where the template has none."""
        if name not in self._number:
            return np.full(self._count, np.nan)
        values, good = self._buffer.decimals(*self._spans[self._number[name]])
        self.good &= good
        return values

    def pass_over_others(self) -> None:
        """Numbers in fields that are ignored must still be numbers, and codes there are left to the scalar decoder."""
        own = OWN_FIELDS[self._template.kind] | KEY_FIELDS
        for slot, span in zip(self._template.slots, self._spans, strict=True):
            if slot.name in own:
                continue
            if slot.form == "codes":
                self.good[:] = False
            elif slot.form == "number":
                self.good &= self._buffer.decimals(*span)[1]

    def times(self, name: str) -> Ints:
        """Microseconds since the epoch."""
        starts, ends = self._spans[self._number[name]]
        observed_us, good = instants(self._buffer, starts, ends)
        self.good &= good
        return observed_us

    def series(self, learned: TemplateCache) -> Indices:
        """The number of each piece's series, by the text of all slots that make it."""
        runs = [(self._spans[first][0], self._spans[last][1]) for first, last in self._template.keys]
        most = MAX_SPAN_BYTES if len(runs) == 1 else MAX_RUN_BYTES
        widths = []
        for starts, ends in runs:
            length = ends - starts
            self.good &= length <= most
            # The positions of the words of several runs must not depend on the lengths found, or the intern table would not recognise them.
            widths.append(-(-int(length.clip(1, most).max(initial=1)) // 8) * 8 if len(runs) == 1 else most)
        words = [
            self._buffer.words(starts, np.minimum(ends, starts + width), width) for (starts, ends), width in zip(runs, widths, strict=True)
        ]
        numbers = self._template.intern_table.numbers(np.hstack(words), lambda piece: self._ask(piece, learned))
        self.good &= numbers != INVALID
        return numbers

    def _ask(self, piece: int, learned: TemplateCache) -> int:
        if not self.good[piece]:
            return INVALID
        texts = {
            number: self._buffer.text[self._spans[number][0][piece] : self._spans[number][1][piece]]
            for first, last in self._template.keys
            for number in range(first, last + 1)
        }
        return learned.series(checked(self._template.filled(texts)))

    def codes(self, learned: TemplateCache, messages: Ints) -> Indices:
        """The number of each piece's code set, -1 where the template has none. No code may count more than all `messages`."""
        if "codes" not in self._number:
            return np.full(self._count, ABSENT, np.int32)
        numbers, good = code_numbers(self._buffer, *self._spans[self._number["codes"]], learned, messages)
        self.good &= good
        return numbers


def code_numbers(buffer: ByteBuffer, starts: Ints, ends: Ints, learned: TemplateCache, messages: Ints) -> tuple[Indices, Flags]:
    """(number of each text's code set, valid). No code may count more than all `messages`."""
    longest = int((ends - starts).max(initial=1))
    width = -(-min(max(longest, 1), _LONGEST_CODES) // 8) * 8
    same, which = np.unique(first_equal(buffer.words(starts, np.minimum(ends, starts + width), width)), return_inverse=True)
    known = [learned.codes(buffer.text[starts[one] : ends[one]]) for one in same]
    numbers = np.array(known, np.int32)[which]
    most = np.array([learned.greatest_count(number) for number in known], np.int64)[which]
    return numbers, (numbers != INVALID) & (ends - starts <= width) & (most <= messages)


def instants(buffer: ByteBuffer, starts: Ints, ends: Ints) -> tuple[Ints, Flags]:
    """(microseconds since the epoch, valid): RFC 3339 with an offset, as `parse_time` reads it."""
    length = ends - starts
    plain = (length >= 20) & (length <= 30) & (buffer.array[starts + _MINUTE] == ord(":")) & (buffer.array[ends - 1] == ord("Z"))
    observed_us = np.full(len(starts), _NO_TIME, np.int64)
    at = np.flatnonzero(plain)
    if len(at):
        observed_us[at] = _plain(buffer, starts[at], length[at])
    other = np.flatnonzero(~plain & (length >= 1) & (length <= _LONGEST_TIME))
    if len(other):
        same, which = np.unique(first_equal(buffer.words(starts[other], ends[other], _LONGEST_TIME)), return_inverse=True)
        texts = [buffer.text[starts[one] : ends[one]] for one in other[same]]
        observed_us[other] = np.array([_instant(text) for text in texts], np.int64)[which]
    return observed_us, observed_us != _NO_TIME


def _plain(buffer: ByteBuffer, starts: Ints, length: Ints) -> Ints:
    """Times such as `2026-01-05T00:10:00Z` or `2026-01-05T00:10:00.250Z`: each minute is parsed once."""
    same, which = np.unique(first_equal(buffer.gather(starts, _MINUTE).view("<u8")), return_inverse=True)
    minutes = [_instant(buffer.text[starts[one] : starts[one] + _MINUTE] + b":00Z") for one in same]
    minute_us = np.array(minutes, np.int64)[which]
    seconds, good = buffer.digits(starts + _MINUTE + 1, starts + _MINUTE + 3)
    good &= (seconds < 60) & (minute_us != _NO_TIME)
    behind = np.zeros(len(starts), np.int64)
    fine = np.flatnonzero(length > 20)
    if len(fine):
        digits = length[fine] - 21
        fraction, whole = buffer.digits(starts[fine] + 20, starts[fine] + length[fine] - 1)
        behind[fine] = fraction * 10 ** np.maximum(6 - digits, 0) // 10 ** np.maximum(digits - 6, 0)
        good[fine] &= whole & (buffer.array[starts[fine] + 19] == ord("."))
    return np.where(good, minute_us + seconds * SECOND_US + behind, _NO_TIME)


@lru_cache(maxsize=8192)
def _instant(text: bytes) -> int:
    try:
        return parse_time(text.decode("latin-1"))
    except Malformed:
        return _NO_TIME
