"""Announcer: the port through which the desk's actions reach viewers of the page; `EventStream` implements it."""

from collections.abc import Mapping
from typing import Any, Protocol


class Announcer(Protocol):
    """Notifies listeners of the triage desk of an event that is not a record."""

    def announce(self, kind: str, content: Mapping[str, Any]) -> None:
        """At once; other readers find it in a list."""
