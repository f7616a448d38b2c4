"""Scalar decoding: reads one event at a time through the models, which decide what is valid and give the reason if it is not."""

from typing import NamedTuple

from pydantic import ValidationError

from models.events import EVENT, QueueEvent, TrafficEvent
from models.times import us
from models.wire_model import reason
from streams.decode.event_columns import ABSENT, Row
from streams.decode.template_cache import TemplateCache


class ParseError(NamedTuple):
    """The reason why a text is not an event."""

    reason: str
    is_json: bool


def event(text: bytes) -> TrafficEvent | QueueEvent | ParseError:
    """The event in `text`."""
    try:
        return EVENT.validate_json(text)
    except ValidationError as fault:
        return ParseError(
            reason(fault), is_json=all(error["type"] != "json_invalid" for error in fault.errors(include_url=False, include_context=False))
        )


def row(piece: int, one: TrafficEvent | QueueEvent, learned: TemplateCache) -> Row:
    """The event of piece number `piece` as a row."""
    series, observed_us = learned.series(one), us(one.observed_at)
    if isinstance(one, TrafficEvent):
        codes = ABSENT if one.codes is None else learned.code_set(one.codes)
        return Row(piece, series, observed_us, one.messages, one.failures, float("nan"), ABSENT, ABSENT, ABSENT, codes)
    age = float("nan") if one.oldest_age_s is None else one.oldest_age_s
    capacity, enqueued, delivered = (ABSENT if count is None else count for count in (one.capacity, one.enqueued, one.delivered))
    return Row(piece, series, observed_us, one.depth, 0, age, capacity, enqueued, delivered, ABSENT)
