"""Wire model: the base of every model of the contract, and its errors in one plain line."""

import ast
import inspect
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class WireModel(BaseModel):
    """A frozen, strict model: `"5"` and `true` are not integers; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", json_schema_serialization_defaults_required=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The text below a field describes it; with Pydantic's own setting for that, each start of the program would parse the source."""
        return cls.described(handler(core_schema), handler)

    @classmethod
    def described(cls, schema: JsonSchemaValue, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The model's schema with the descriptions of its fields."""
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for base in reversed(cls.__mro__[: cls.__mro__.index(WireModel)]):
            for name, text in _descriptions(base).items():
                if name in fields:
                    fields[name]["description"] = text
        return schema


@cache
def _descriptions(model: type) -> dict[str, str]:
    """Field → the text below it."""
    (defined,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(model))).body
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(getattr(defined, "body", []))
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def reason(fault: ValidationError) -> str:
    """The errors in one line that names field and reason; at most the first three."""
    # An error of a default that depends on an invalid field is not reported: its own field is valid.
    faults = [_one(error) for error in fault.errors(include_url=False) if error["type"] != "default_factory_not_called"]
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return "; ".join(faults[:3]) + more


def _one(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    field = ".".join(_named(part) for part in _location(error["loc"], kind))
    if kind == "missing":
        return f"{field} is missing"
    text = _TEXTS[kind].format(**context) if kind in _TEXTS else _plain(error)
    if kind == "value_error":
        return f"{field}: {text}" if field else text
    shown = "" if kind in _WITHOUT_VALUE else f", not {_shown(error['input'])}"
    return f"{field or 'the record'} {text}{shown}"


def _location(loc: tuple[int | str, ...], kind: str) -> tuple[int | str, ...]:
    """The location without the tag that distinguishes the two kinds of event."""
    tagged = loc[:1] in (("traffic",), ("queue",)) and (len(loc) > 1 or kind == "value_error")
    return loc[1:] if tagged else loc


def _named(part: int | str) -> str:
    """Quotes a name from the input: it may hold anything, including line ends."""
    text = str(part)
    return text if text and text.isprintable() else repr(part)


_TEXTS = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a whole number that fits 64 bits",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be 1 to 64 letters, digits, '_', '.' or '-'",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "json_invalid": "is not valid JSON: {error}",
    "union_tag_not_found": "has no `kind` (traffic or queue)",
    "union_tag_invalid": "has `kind` {tag!r}; it must be traffic or queue",
}
_WITHOUT_VALUE = frozenset({"json_invalid", "union_tag_not_found", "union_tag_invalid", "string_too_short", "value_error"})


def _plain(error: Any) -> str:
    text = str(error["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:] if error["type"] != "value_error" else text


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
