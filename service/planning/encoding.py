"""Encoding: an answer as JSON, in pieces, so that other threads run between them."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json


def encoded(made: BaseModel | dict[str, Any]) -> bytes:
    """JSON. Long lists are encoded item by item: the encoder lets no other thread run before it is done."""
    body = b",".join(_json(name) + b":" + _value(value) for name, value in _fields(made))
    return b"{" + body + b"}"


def _fields(made: BaseModel | dict[str, Any]) -> Iterable[tuple[str, Any]]:
    if isinstance(made, dict):
        return made.items()
    return ((field.serialization_alias or name, getattr(made, name)) for name, field in type(made).model_fields.items())


def _value(value: Any) -> bytes:
    return b"[" + b",".join(map(_json, value)) + b"]" if isinstance(value, list) else _json(value)


def _json(value: Any) -> bytes:
    return to_json(value, by_alias=True, inf_nan_mode="null")
