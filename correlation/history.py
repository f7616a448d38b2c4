"""History: what each part of each User's traffic carried lately, against what was expected of it."""

from typing import Any

from models.columns import Pulse


class History:
    """The last hours of pulses of every cohort, in bounded memory; packs to a tree."""

    def add(self, pulse: Pulse) -> None:
        """One closed window of one cohort; windows of a cohort come in order of time."""

    def pack(self) -> dict[str, Any]:
        """State as a tree for `models.packed`."""
        return {}

    @classmethod
    def unpack(cls, tree: dict[str, Any]) -> "History":
        """The history that `pack` was called on."""
        del tree
        return cls()
