"""The compiled library of `fields.c`, and the structures that go in and out."""

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.c_source import CSource

SOURCE = CSource(Path(__file__).with_name("fields.c"))
COLUMNS = ("observed_us", "value", "failures", "capacity", "enqueued", "delivered", "codes_start", "codes_end")
_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64


class TemplateStruct(ctypes.Structure):
    """`template_t`: the form of an event."""

    _fields_ = (
        *((name, _NUMBER) for name in ("slots", "is_queue", "run_words")),
        *((name, _POINTER) for name in ("spans", "span_ends", "form", "column", "begins", "ends")),
    )


class NamesStruct(ctypes.Structure):
    """`names_t`: an intern table."""

    _fields_ = (
        *((name, _NUMBER) for name in ("texts", "words", "shift")),
        *((name, _POINTER) for name in ("text", "hash", "number", "table", "order", "sorted", "multiplier")),
        ("last_multiplier", ctypes.c_uint64),
    )


class RowsStruct(ctypes.Structure):
    """`rows_t`: where the values go."""

    _fields_ = (("column", _POINTER * len(COLUMNS)), *((name, _POINTER) for name in ("oldest_age_s", "series", "read_by")))


@dataclass(frozen=True, slots=True)
class Library:
    """What `fields.c` gives."""

    read: Any
    """Tries a template on pieces of text."""
    find: Any
    """Positions of one byte."""


@cache
def library() -> Library | None:
    """None where it was not built, or was built from another source than the one that is here."""
    loaded = SOURCE.load()
    if loaded is None:
        return None
    loaded.fields_read.restype = loaded.fields_find.restype = ctypes.c_int64
    loaded.fields_read.argtypes = [*[_POINTER] * 3, _NUMBER, _NUMBER, *[_POINTER] * 3]
    loaded.fields_find.argtypes = [_POINTER, *[_NUMBER] * 3, _POINTER, _NUMBER]
    return Library(loaded.fields_read, loaded.fields_find)
