"""Early events: `observed_at` is far ahead of the arrival, because the sender's clock is wrong. They wait (contract 1.3)."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from models.columns import EventBatch
from models.times import SECOND_US, format_time
from streams.windowing.batches import HeldEvent, batch_of, keep, without

HELD_MOST = 100_000
"""At most this many events wait, so that a clock that stays wrong cannot fill the memory."""


class EarlyEvents:
    """Holds events that are more than `allowed_future_s` ahead of their arrival, until an entry arrives near enough to them."""

    def __init__(self, allowed_future_s: int) -> None:
        self._allowed_us = allowed_future_s * SECOND_US
        self._held: list[HeldEvent] = []

    def __len__(self) -> int:
        """Number of events held now."""
        return len(self._held)

    def due(self, arrived_us: int) -> Iterator[tuple[str, EventBatch]]:
        """(stream, events) that are released at `arrived_us`, in order of arrival."""
        limit_us = arrived_us + self._allowed_us
        free = [event for event in self._held if event.observed_us <= limit_us]
        if not free:
            return
        self._held = [event for event in self._held if event.observed_us > limit_us]
        for stream, events in groupby(free, key=lambda event: event.stream):
            yield stream, batch_of(list(events))

    def hold(self, batch: EventBatch, stream: str, arrived_us: int) -> EventBatch:
        """`batch` without its early events. They are held here, or rejected if there is no room."""
        early = np.flatnonzero(batch.observed_us > arrived_us + self._allowed_us)
        if not len(early):
            return batch
        room = max(HELD_MOST - len(self._held), 0)
        self._held += [keep(batch, number, stream) for number in early[:room].tolist()]
        reasons = {n: f"{self._ahead(int(batch.observed_us[n]))}, and {HELD_MOST} earlier events are too" for n in early[room:].tolist()}
        return without(batch, early, {number: f"{why}; check that sender's clock" for number, why in reasons.items()})

    def give_up(self) -> list[tuple[HeldEvent, str]]:
        """Every held event with the reason of its rejection: the input has ended."""
        events, self._held = self._held, []
        return [(event, f"{self._ahead(event.observed_us)}; check that sender's clock") for event in events]

    def _ahead(self, observed_us: int) -> str:
        return f"observed_at {format_time(observed_us)} is more than {self._allowed_us // SECOND_US} s ahead of its arrival"

    def pack(self) -> Any:
        """State as a tree."""
        return [event.as_tree() for event in self._held]

    def unpack(self, tree: Any) -> None:
        """Restores the state that `pack` returned."""
        self._held = [HeldEvent.of_tree(event) for event in tree]
