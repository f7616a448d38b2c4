"""Template cache: templates, series and response codes of earlier events, so that each is validated once."""

import threading
from collections.abc import Sequence
from itertools import compress
from typing import Any, TypeVar

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from models.columns import Flags, Indices, SeriesKey
from models.events import QueueEvent, TrafficEvent
from models.vocabulary import Codes
from streams.decode.event_template import EventTemplate

Item = TypeVar("Item")
INVALID = -1
_MOST = 200_000
"""Maximum number of series or code sets. A full cache starts again, so that invented names cannot fill the memory."""
_LAYOUTS_MOST = 64
_CODES: TypeAdapter[dict[str, int] | None] = TypeAdapter(Codes, config=ConfigDict(strict=True))


def series_key(event: TrafficEvent | QueueEvent) -> SeriesKey:
    """The series that `event` belongs to."""
    if isinstance(event, QueueEvent):
        return SeriesKey(event.user, "", "", "", "", event.queue, event.window_s)
    return SeriesKey(event.user, event.direction, event.message_class, event.service or "", event.region or "", "", event.window_s)


class TemplateCache:
    """Grows while it is used, even by several threads. It affects the speed only, never the result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._series: dict[SeriesKey, int] = {}
        self._codes: dict[bytes, int] = {}
        self._templates: dict[int, tuple[EventTemplate, ...]] = {}
        self._latest: tuple[EventTemplate, ...] = ()
        self.keys: list[SeriesKey] = []
        self.code_sets: list[dict[str, int]] = []
        self._last_used: tuple[Flags, tuple[SeriesKey, ...]] = (np.zeros(0, np.bool_), ())
        """Which series the last text named."""

    @property
    def full(self) -> bool:
        """Whether it is full."""
        return max(len(self.keys), len(self.code_sets)) > _MOST

    def templates(self, quotes: int) -> tuple[EventTemplate, ...]:
        """Known templates of events with that many quotes."""
        return self._templates.get(quotes, ())

    def remember(self, quotes: int, template: EventTemplate) -> None:
        """Adds a template; drops the oldest ones beyond the limit."""
        with self._lock:
            self._templates[quotes] = (*self._templates.get(quotes, ()), template)[-8:]
            while len(self._templates) > _LAYOUTS_MOST:
                self._templates.pop(next(iter(self._templates)))
        self.used_now([template])

    def latest(self) -> tuple[EventTemplate, ...]:
        """Templates, the ones that fitted last first."""
        return self._latest

    def used_now(self, templates: Sequence[EventTemplate]) -> None:
        """These fitted."""
        with self._lock:
            if self._latest[: len(templates)] != tuple(templates):
                others = (one for one in self._latest if all(one is not each for each in templates))
                self._latest = (*templates, *others)[:_LAYOUTS_MOST]

    def series(self, event: TrafficEvent | QueueEvent | None) -> int:
        """The number of the event's series in `keys`; INVALID if the text is not an event."""
        if event is None:
            return INVALID
        key = series_key(event)
        with self._lock:
            if key not in self._series:
                self.keys.append(key)
                self._series[key] = len(self.keys) - 1
            return self._series[key]

    def used_series(self, numbers: Indices) -> tuple[tuple[SeriesKey, ...], Indices]:
        """(the series in use, the index in them of each number); the same object as long as texts name the same series."""
        if len(numbers) * 4 < len(self.keys):
            return used(self.keys, numbers)
        marked, rank = _ranked(len(self.keys), numbers)
        before, series = self._last_used
        if not np.array_equal(before, marked):
            series = tuple(compress(self.keys, marked))
            self._last_used = (marked, series)
        return series, rank[numbers]

    def codes(self, text: bytes) -> int:
        """The number in `code_sets` of the code set in a JSON object; INVALID if it is not a code set."""
        known = self._codes.get(text)
        if known is not None:
            return known
        try:
            counts: Any = _CODES.validate_json(text)
        except ValidationError:
            return INVALID
        if counts is None:  # `null` is valid, but no set: the scalar decoder reads such an event
            return INVALID
        number = self._codes[text] = self.code_set(counts)
        return number

    def code_set(self, counts: dict[str, int]) -> int:
        """The number of a valid code set, new each time."""
        with self._lock:
            self.code_sets.append(counts)
            return len(self.code_sets) - 1

    def greatest_count(self, number: int) -> int:
        """The greatest count in a code set; 0 for none."""
        return 0 if number == INVALID else max((self.code_sets[number] or {}).values(), default=0)


def used(learned: list[Item], numbers: Indices) -> tuple[tuple[Item, ...], Indices]:
    """(the items in use, the index in them of each number)."""
    if len(numbers) * 4 < len(learned):
        some, which = np.unique(numbers, return_inverse=True)
        return tuple(learned[number] for number in some), which.astype(np.int32)
    marked, rank = _ranked(len(learned), numbers)
    return tuple(compress(learned, marked)), rank[numbers]


def _ranked(count: int, numbers: Indices) -> tuple[Flags, Indices]:
    """Of each item whether it is in use, and how many before it are."""
    marked = np.zeros(count, np.bool_)
    marked[numbers] = True
    return marked, (np.cumsum(marked) - 1).astype(np.int32)
