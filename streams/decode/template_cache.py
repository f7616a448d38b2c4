"""Template cache: templates, series and response codes of earlier events, so that each is validated once."""

import threading
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from models.columns import SeriesKey
from models.events import QueueEvent, TrafficEvent
from models.vocabulary import Codes
from streams.decode.event_template import EventTemplate

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
        self.keys: list[SeriesKey] = []
        self.code_sets: list[dict[str, int]] = []

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

    def codes(self, text: bytes) -> int:
        """The number in `code_sets` of the code set in a JSON object; INVALID if it is not a code set."""
        known = self._codes.get(text)
        if known is not None:
            return known
        try:
            counts: Any = _CODES.validate_json(text)
        except ValidationError:
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
