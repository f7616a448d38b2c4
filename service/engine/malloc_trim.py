"""Memory: what was only needed for a moment goes back to the operating system."""

import ctypes
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def trim_heap() -> None:
    """After work that took many megabytes for a moment: glibc keeps what is freed among what is not; other allocators need no telling."""
    trim = _trim()
    if trim is not None:
        trim(0)
