"""Memory: returns memory that was needed only for a moment to the operating system."""

import ctypes
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def trim_heap() -> None:
    """Call it after work that took many megabytes for a moment: glibc keeps freed memory otherwise; other allocators do not need it."""
    trim = _trim()
    if trim is not None:
        trim(0)
