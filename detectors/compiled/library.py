"""The compiled library: its three passes, and the tables of what they read and write, which the C source itself defines."""

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from models.c_source import CSource, text

SOURCE = CSource(Path(__file__).with_name("window.c"))
_TYPES = {
    "double": np.float64,
    "float": np.float32,
    "flag": np.bool_,
    "int8_t": np.int8,
    "uint32_t": np.uint32,
    "int64_t": np.int64,
}


@dataclass(frozen=True, slots=True)
class Library:
    """What `window.c` gives."""

    expect: Any
    weigh: Any
    judge: Any
    """The passes, in this order."""
    judge_slot: Any
    set_slot: Any
    shares: Any
    bounds: Any
    """What happens once in ten minutes: to the expectation, and to the usual shares of failures."""
    take: Any
    put_back: Any
    """Some series of a block as a block of their own, and back."""
    columns: tuple[tuple[str, str, Any], ...]
    """Columns of a block's state that they work on: part, name, type."""
    buffers: tuple[tuple[str, Any], ...]
    """Arrays that go in and out: name, type."""
    parameters: tuple[str, ...]
    sizes: tuple[int, ...]
    """Factors of storm, drop and failures, families of failures, ratios a series and logarithms a pair."""


@cache
def library() -> Library | None:
    """None where it was not built, or was built from another source than the one that is here."""
    loaded = SOURCE.load()
    if loaded is None:
        return None
    columns = (line.split() for line in text(loaded, "window_columns").splitlines())
    buffers = (line.split() for line in text(loaded, "window_buffers").splitlines())
    passes = (loaded.window_expect, loaded.window_weigh, loaded.window_judge)
    pointers = [ctypes.c_void_p] * 6
    for each, more in zip(passes, (0, 0, 2), strict=True):
        each.restype = None
        each.argtypes = [*pointers, *[ctypes.c_int64] * 3, *[ctypes.c_void_p] * more]
    seldom = (loaded.window_judge_slot, loaded.window_set_slot, loaded.window_shares, loaded.window_bounds)
    for each, more in zip(seldom, (0, 1, 1, 1), strict=True):
        each.restype = None
        each.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, *[ctypes.c_void_p] * more]
    moves = (loaded.window_take, loaded.window_put_back)
    for each in moves:
        each.restype = None
        each.argtypes = [*[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64]
    return Library(
        *passes,
        *seldom,
        *moves,
        columns=tuple((part.replace("_latch", ".latch"), name, np.dtype(_TYPES[kind])) for part, name, kind in columns),
        buffers=tuple((name, np.dtype(_TYPES[kind])) for name, kind in buffers),
        parameters=tuple(text(loaded, "window_parameters").split()),
        sizes=tuple((ctypes.c_int64 * 6).in_dll(loaded, "window_sizes")),
    )
