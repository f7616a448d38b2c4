"""Instants: microseconds since the Unix epoch internally, RFC 3339 in UTC externally."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from models.errors import Malformed

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_REMEMBERED = 32_768
"""Texts and instants that are remembered: a calendar repeats the hours at which work begins, and a year has 35,000 quarter hours."""


def parse_time(text: str) -> int:
    """RFC 3339 with an offset → microseconds since the epoch (finer digits are cut off).

    Raises Malformed for anything else; a time without an offset is an error, never a guess.
    """
    return us(_parsed(text))


def _parsed(text: str) -> datetime:
    """The same as an aware datetime in UTC."""
    return _remembered(text) if len(text) == 20 else _read(text)


@lru_cache(_REMEMBERED)
def _remembered(text: str) -> datetime:
    return _read(text)


def _read(text: str) -> datetime:
    if len(text) == 20 and text[4] + text[7] + text[10] + text[13] + text[16] + text[19] == "--T::Z":
        try:
            return datetime.fromisoformat(text)  # The form that nearly all times have, without a regular expression.
        except ValueError:
            return _read_any(text)
    return _read_any(text)


def _read_any(text: str) -> datetime:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise Malformed(f"{text!r:.60} is not an RFC 3339 time with an offset, such as 2026-01-05T00:10:00Z")
    fraction = match[1] or ""
    try:
        at = datetime.fromisoformat(text[:19] + fraction[:7] + match[2].upper())
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise Malformed(f"{text!r:.60} is not a valid time: {fault}") from None


def us(at: datetime) -> int:
    """Aware datetime → microseconds since the epoch."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(at_us: int) -> datetime:
    """Microseconds since the epoch → aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=at_us)


def format_time(at_us: int) -> str:
    """`2026-01-05T00:10:00Z`; milliseconds only if they are not zero."""
    return _written(instant(at_us))


def round_up(at_us: int, window_s: int) -> int:
    """End of the window of `window_s` that holds `at_us`, on the grid counted from the epoch."""
    window_us = window_s * SECOND_US
    return -(-at_us // window_us) * window_us


def _aware(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            return _remembered(value) if len(value) == 20 else _read(value)
        except Malformed as fault:
            raise ValueError(str(fault)) from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    raise ValueError("a time must be text in RFC 3339 with an offset, such as 2026-01-05T00:10:00Z")


@lru_cache(_REMEMBERED)
def _written(at: datetime) -> str:
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)  # Equal instants of several zones are one key: they must give one text.
    millis = at.microsecond // 1000
    return f"{at.isoformat()[:19]}{f'.{millis:03d}' if millis else ''}Z"


At = Annotated[
    datetime,
    BeforeValidator(_aware),
    PlainSerializer(_written, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-05T00:10:00Z"]}),
]
"""An instant in a model: an aware datetime in UTC internally, RFC 3339 externally; a time without an offset is an error."""
