"""The calendar as metrics see it: which declared windows are open, and which open soon."""

from collections.abc import Iterable, Iterator

from changes.windows import window_us
from models.change import Change
from models.times import DAY_US


def active(changes: Iterable[Change], at_us: int) -> Iterator[Change]:
    """Those whose window is open."""
    for change in changes:
        start_us, end_us = window_us(change)
        if change.explains and start_us <= at_us <= end_us:
            yield change


def upcoming(changes: Iterable[Change], at_us: int) -> Iterator[Change]:
    """Those whose window opens within a day."""
    return (change for change in changes if change.explains and at_us < window_us(change)[0] <= at_us + DAY_US)
