"""Settings as a TOML file that explains itself."""

import json
from typing import Any

from pydantic import BaseModel


def as_toml(settings: BaseModel) -> str:
    """Every key with its value, below its description; a key without a value is written as a comment."""
    lines = ["# Highwater's settings with their defaults. Any of them may be set in a file (--config), or as HIGHWATER_<SECTION>__<KEY>."]
    for name in type(settings).model_fields:
        lines += _section(name, getattr(settings, name))
    return "\n".join(lines) + "\n"


def _section(name: str, section: BaseModel) -> list[str]:
    lines = ["", f"[{name}]"]
    nested = []
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            nested += _section(f"{name}.{key}", value)
            continue
        if field.description:
            lines.append(f"# {field.description}")
        shown = _value(value)
        lines.append(f"# {key} =" if shown is None else f"{key} = {shown}")
    return lines + nested


def _value(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(str(key))} = {_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(str(_value(item)) for item in value) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if hasattr(value, "get_secret_value"):
        return '"********"'
    if isinstance(value, BaseModel):
        return _value(value.model_dump())
    return json.dumps(str(value), ensure_ascii=False)
