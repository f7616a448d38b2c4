"""Known events: reads the pieces of a text that have the form of a known template and name a known series."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.columns import Ints
from streams.decode.byte_buffer import MAX_RUN_BYTES, ByteBuffer
from streams.decode.compiled.library import COLUMNS, NamesStruct, RowsStruct, TemplateStruct, library
from streams.decode.event_columns import ABSENT, EventColumns
from streams.decode.event_template import KEY_FIELDS, OWN_FIELDS, EventTemplate, TemplateField, TemplateText
from streams.decode.field_columns import code_numbers
from streams.decode.string_interner import InternTable, multipliers
from streams.decode.template_cache import TemplateCache

IGNORED_TEXT, IGNORED_NUMBER, KEY_TEXT, KEY_NUMBER, WHOLE, DECIMAL, TIME, CODES = range(8)
_COLUMNS = {"observed_at": "observed_us", "messages": "value", "depth": "value"}
_FORMS = {"observed_at": ("text", TIME), "oldest_age_s": ("number", DECIMAL), "codes": ("codes", CODES)}
_TEMPLATES_MOST = 16
"""How many templates are tried on one text: those of the last text first, the most frequent one before the others."""


def read(buffer: ByteBuffer, starts: Ints, ends: Ints, learned: TemplateCache) -> tuple[EventColumns, Ints]:
    """(events, remaining pieces); all pieces remain where the library was not built."""
    pieces, compiled = len(starts), library()
    if compiled is None or not pieces:
        return EventColumns.of([]), np.arange(pieces)
    templates = learned.latest()[:_TEMPLATES_MOST]
    rows = _Rows.empty(pieces)
    left, fitted = pieces, list[tuple[int, EventTemplate]]()
    for number, template in enumerate(templates, 1):
        layout = _layout(template.kind, template.spans, template.slots, template.keys)
        if layout is None or not left:
            continue
        names = _names(template.intern_table)
        texts = (each.ctypes.data for each in (buffer.array, starts, ends))
        fitting = compiled.read(*texts, pieces, number, *map(ctypes.addressof, (layout.struct, names, rows.struct)))
        if fitting:
            left -= fitting
            fitted.append((fitting, template))
            if layout.has_codes:
                left += rows.set_codes(np.flatnonzero(rows.read_by == number), buffer, learned)
    learned.used_now([template for _, template in sorted(fitted, key=lambda one: -one[0])])
    return rows.columns(), np.flatnonzero(rows.read_by == 0) if left else np.zeros(0, np.int64)


@dataclass(frozen=True)
class _Rows:
    """The values of all pieces; those that nothing fits hold anything."""

    values: dict[str, Ints]
    oldest_age_s: NDArray[np.float64]
    series: NDArray[np.int32]
    read_by: NDArray[np.int8]
    codes: NDArray[np.int32]
    struct: RowsStruct

    @classmethod
    def empty(cls, pieces: int) -> "_Rows":
        values = {name: np.empty(pieces, np.int64) for name in COLUMNS}
        ages, series, read_by = np.empty(pieces), np.empty(pieces, np.int32), np.zeros(pieces, np.int8)
        columns = (ctypes.c_void_p * len(COLUMNS))(*(each.ctypes.data for each in values.values()))
        struct = RowsStruct(columns, ages.ctypes.data, series.ctypes.data, read_by.ctypes.data)
        return cls(values, ages, series, read_by, np.full(pieces, ABSENT, np.int32), struct)

    def set_codes(self, at: Ints, buffer: ByteBuffer, learned: TemplateCache) -> int:
        """Reads the codes of the pieces at `at`; returns how many of these pieces are given back because their codes are invalid."""
        spans = self.values["codes_start"][at], self.values["codes_end"][at]
        self.codes[at], good = code_numbers(buffer, *spans, learned, self.values["value"][at])
        self.read_by[at[~good]] = 0
        return int(np.count_nonzero(~good))

    def columns(self) -> EventColumns:
        """The events."""
        observed_us, value, failures, capacity, enqueued, delivered = (self.values[name] for name in COLUMNS[:6])
        rows = EventColumns(
            np.arange(len(self.series)),
            self.series,
            *(observed_us, value, failures, self.oldest_age_s),
            *(capacity, enqueued, delivered, self.codes),
        )
        return rows if self.read_by.all() else rows.take(np.flatnonzero(self.read_by))


@dataclass(frozen=True)
class _Layout:
    """A template as the library reads it."""

    struct: TemplateStruct
    has_codes: bool
    kept: tuple[NDArray[np.generic], ...]
    """What the structure points to."""


@lru_cache(1024)
def _layout(
    kind: str, spans: tuple[TemplateText, ...], slots: tuple[TemplateField, ...], keys: tuple[tuple[int, int], ...]
) -> _Layout | None:
    """None for a template that the library does not read. The template itself is not kept: its intern table may be large."""
    read = [_slot(kind, keys, number, slot) for number, slot in enumerate(slots)]
    if None in read:
        return None
    form, column = (np.array([one[which] for one in read if one], np.int8) for which in (0, 1))
    begins, ends = (_flags(len(slots), [run[which] for run in keys]) for which in (0, 1))
    texts = np.frombuffer(b"".join(span.text for span in spans), np.uint8)
    text_ends = np.cumsum([len(span.text) for span in spans])
    kept = (texts, text_ends, form, column, begins, ends)
    run_words = 0 if len(keys) == 1 else MAX_RUN_BYTES // 8
    struct = TemplateStruct(len(slots), kind == "queue", run_words, *(each.ctypes.data for each in kept))
    return _Layout(struct, bool((form == CODES).any()), kept)


def _slot(kind: str, keys: tuple[tuple[int, int], ...], number: int, slot: TemplateField) -> tuple[int, int] | None:
    """(form, column) of one slot; None if the library does not read it."""
    if slot.name in KEY_FIELDS:
        in_key = any(first <= number <= last for first, last in keys)
        return ((KEY_TEXT if slot.form == "text" else KEY_NUMBER), 0) if in_key else None
    if slot.name in OWN_FIELDS[kind]:
        form, code = _FORMS.get(slot.name, ("number", WHOLE))
        column = _COLUMNS.get(slot.name, slot.name)
        return (code, COLUMNS.index(column) if column in COLUMNS else 0) if form == slot.form else None
    return {"text": (IGNORED_TEXT, 0), "number": (IGNORED_NUMBER, 0)}.get(slot.form)


def _flags(count: int, at: Sequence[int]) -> NDArray[np.int8]:
    flags = np.zeros(count, np.int8)
    flags[list(at)] = 1
    return flags


def _names(table: InternTable) -> NamesStruct:
    known = table.snapshot
    arrays = (known.words, known.hashes, known.numbers, known.table, known.order, known.sorted_hashes, multipliers)
    struct = NamesStruct(len(known.numbers), known.words.shape[1], int(known.shift), *(each.ctypes.data for each in arrays))
    struct.last_multiplier = int(multipliers[-1])
    struct.kept = known  # what it points to
    return struct
