"""Announcer: the port through which the desk's acts reach those who look at the page; `EventStream` is one."""

from collections.abc import Mapping
from typing import Any, Protocol


class Announcer(Protocol):
    """Tells listeners of the triage desk something that is no record."""

    def announce(self, kind: str, said: Mapping[str, Any]) -> None:
        """At once; whoever does not listen reads it from a list."""
