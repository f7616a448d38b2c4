"""Culprit: the entry that breaks the work, which may be an earlier one than the entry at which it shows.

An event can break detection when its window closes, and any later entry may close it. Putting that entry into quarantine would not help:
the next one closes the same window. So the entries since a checkpoint are bisected.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from service.ingest.journal import Entry

Load = Callable[[int, int], Sequence[Entry]]
"""The entries after the first number, up to the second."""


class Trial(Protocol):
    """A state that may be spoiled: whoever lends it rebuilds it afterwards."""

    def start(self, state: bytes | None) -> None:
        """Continues from this packed state, None for an empty one."""

    def pack(self) -> bytes:
        """The state now."""

    def apply(self, entry: Entry) -> None:
        """Raises whatever `entry` breaks with."""

    def finish(self) -> None:
        """Closes every window. Raises whatever one of them breaks with."""


def breaks(trial: Trial, state: bytes | None, bad: Entry) -> bool:
    """Whether the work breaks after this state and `bad`, at the latest when every window closes.

    Which entry closes a window depends on what all streams have sent; whether the cause is in the state does not.
    """
    trial.start(state)
    try:
        trial.apply(bad)
        trial.finish()
    except Exception:
        return True
    return False


def culprit_between(trial: Trial, state: bytes | None, seq: int, bad: Entry, load: Load) -> Entry:
    """The entry after number `seq` without which `bad` breaks nothing; `bad` does not break `state`, which covers `seq`.

    About twice the work of these entries: each half that breaks nothing is the start of the next step.
    """
    low, high = seq, bad.seq - 1
    while high - low > 1:
        middle = (low + high) // 2
        trial.start(state)
        for entry in load(low, middle):
            trial.apply(entry)
        packed = trial.pack()
        if breaks(trial, packed, bad):
            high = middle
        else:
            low, state = middle, packed
    entries = load(low, high)
    return entries[-1] if entries else bad
