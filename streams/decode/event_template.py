"""Event template: the form in which a producer writes its events. Two events of one template differ only in their fields."""

import re
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from models.events import EVENT, QueueEvent, TrafficEvent
from streams.decode.byte_buffer import MAX_SPAN_BYTES
from streams.decode.string_interner import InternTable

KEY_FIELDS = frozenset({"window_s", "user", "direction", "message_class", "service", "region", "queue"})
"""The fields that make a series; they are read together as one text."""
OWN_FIELDS: dict[str, frozenset[str]] = {
    "traffic": frozenset({"observed_at", "messages", "failures", "codes"}),
    "queue": frozenset({"observed_at", "depth", "oldest_age_s", "capacity", "enqueued", "delivered"}),
}
"""The other fields of each kind. Any other field is ignored, but has to be JSON."""

_TOKEN = re.compile(rb'"[^"]*"|[{}\[\]:,]|[^\s"{}\[\]:,]+')
_END = -1


@dataclass(frozen=True, slots=True)
class TemplateText:
    """Text between two fields: the same in every event of the template."""

    text: bytes
    anchor: int
    """Number of the quote, counted within the event, at which the span is found; -1 for the event's end."""
    offset: int
    """Position of the anchor in `text`."""


@dataclass(frozen=True, slots=True)
class TemplateField:
    """A value that differs between events."""

    name: str
    """Field of the event; "" for a field that is ignored."""
    form: Literal["text", "number", "codes"]
    start: int
    end: int
    """Its position in the example."""


@dataclass(frozen=True)
class EventTemplate:
    """spans[0] slots[0] spans[1] … slots[n-1] spans[n], as inferred from one valid event.

    An event is valid JSON with the example's fields if all spans are at their positions, it has as many quotes as the example,
    no escape and no control character, and its slots hold plain text and numbers: all its quotes are then in the spans.
    """

    example: bytes
    kind: Literal["traffic", "queue"]
    spans: tuple[TemplateText, ...]
    slots: tuple[TemplateField, ...]
    keys: tuple[tuple[int, int], ...]
    """Runs of neighbouring slots that make the series: (first slot, last slot)."""
    intern_table: InternTable = field(default_factory=InternTable, compare=False)
    """The keys' text → number of the series."""

    def filled(self, texts: dict[int, bytes]) -> bytes:
        """The example with different texts in some slots."""
        parts, at = [], 0
        for number, slot in enumerate(self.slots):
            parts += [self.example[at : slot.start], texts.get(number, self.example[slot.start : slot.end])]
            at = slot.end
        return b"".join([*parts, self.example[at:]])


def infer_template(example: bytes) -> EventTemplate | None:
    """The template of a valid event; None if the event is invalid, names a field twice, or holds much text besides its fields."""
    try:
        event = EVENT.validate_json(example)
    except ValidationError:
        return None
    slots = _slots(example)
    spans = _spans(example, slots) if slots is not None else ()
    if slots is None or max(len(span.text) for span in spans) > MAX_SPAN_BYTES:
        return None
    return EventTemplate(example, event.kind, spans, slots, _runs(slots))


def checked(text: bytes) -> TrafficEvent | QueueEvent | None:
    """The event; None if the text is not a valid event."""
    try:
        return EVENT.validate_json(text)
    except ValidationError:
        return None


def _slots(example: bytes) -> tuple[TemplateField, ...] | None:
    """Fields of every value except `kind`, literals, and numbers without a quote between them and the field before."""
    slots: list[TemplateField] = []
    seen: set[bytes] = set()
    name = b""
    inside: list[bytes] = []
    expects_key = False
    codes_from = None
    for token in _TOKEN.finditer(example):
        text, first = token[0], token[0][:1]
        if text in (b"{", b"["):
            if name == b"codes" and len(inside) == 1 and text == b"{":
                codes_from = token.start()
            inside.append(text)
            expects_key = text == b"{"
        elif text in (b"}", b"]"):
            inside.pop()
            if codes_from is not None and len(inside) == 1:
                slots.append(TemplateField("codes", "codes", codes_from, token.end()))
                codes_from = None
        elif text == b",":
            expects_key = inside[-1] == b"{"
        elif expects_key and first == b'"':
            expects_key = False
            if len(inside) == 1:
                name = text[1:-1]
                if name in seen:
                    return None
                seen.add(name)
        elif text != b":" and codes_from is None:
            slots += _slot(example, token, name if len(inside) == 1 else b"", slots[-1].end if slots else 0)
    return tuple(slots)


def _slot(example: bytes, token: "re.Match[bytes]", name: bytes, free_from: int) -> list[TemplateField]:
    """The slot of one value, or none."""
    known = name.decode() if name in _FIELDS else ""
    if name == b"kind":
        return []
    if token[0].startswith(b'"'):
        return [TemplateField(known, "text", token.start() + 1, token.end() - 1)]
    if token[0][:1] in b"-0123456789" and b'"' in example[free_from : token.start()]:
        return [TemplateField(known, "number", token.start(), token.end())]
    return []


_FIELDS = frozenset(name.encode() for model in (TrafficEvent, QueueEvent) for name in model.model_fields)


def _spans(example: bytes, slots: tuple[TemplateField, ...]) -> tuple[TemplateText, ...]:
    edges = [0, *(edge for slot in slots for edge in (slot.start, slot.end)), len(example)]
    spans = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        text = example[start:end]
        last = end == len(example)
        spans.append(TemplateText(text, _END, len(text)) if last else TemplateText(text, example.count(b'"', 0, start), text.index(b'"')))
    return tuple(spans)


def _runs(slots: tuple[TemplateField, ...]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for number, slot in enumerate(slots):
        if slot.name not in KEY_FIELDS:
            continue
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return tuple(runs)
