"""Trees: the correlation's records as plain values, and the way back, for checkpoints."""

import dataclasses
from collections.abc import Hashable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel

Record = TypeVar("Record")


def to_plain(value: Any) -> Any:
    """Dataclasses, named tuples, models and containers of them → what `models.state_bytes.pack` takes; mappings become lists of pairs."""
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [[to_plain(key), to_plain(item)] for key, item in value.items()]
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return [to_plain(item) for item in sorted(value)]
    return value


def from_tree(kind: type[Record], tree: Any) -> Record:
    """Inverse of `to_tree` for a value of type `kind`, which may be a generic such as `dict[str, Group]`."""
    return cast("Record", _read(kind, tree))


def _read(hint: Any, tree: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return None if tree is None else _read(next(kind for kind in arguments if kind is not type(None)), tree)
    if origin is Literal or hint is Any:
        return tree
    if origin is not None:
        return _read_container(origin, arguments, tree)
    if issubclass(hint, BaseModel):
        return hint.model_validate_json(tree)
    if dataclasses.is_dataclass(hint):
        # An earlier release wrote fewer of the last fields: those fields have defaults.
        return cast("type[Any]", hint)(*(_read(kind, item) for kind, item in zip(_kinds(cast("Hashable", hint)), tree, strict=False)))
    if issubclass(hint, tuple):
        return hint(*(_read(kind, item) for kind, item in zip(_parts(cast("Hashable", hint)), tree, strict=False)))
    return tree


def _read_container(origin: Any, arguments: tuple[Any, ...], tree: Any) -> Any:
    if issubclass(origin, Mapping):
        return {_read(arguments[0], key): _read(arguments[1], item) for key, item in tree}
    if issubclass(origin, list | set | frozenset):
        return origin(_read(arguments[0], item) for item in tree)
    if arguments[-1] is Ellipsis:
        return tuple(_read(arguments[0], item) for item in tree)
    return tuple(_read(kind, item) for kind, item in zip(arguments, tree, strict=True))


@cache
def _kinds(record: Hashable) -> tuple[Any, ...]:
    kind = cast("type[Any]", record)
    hints = get_type_hints(kind)
    return tuple(hints[field.name] for field in dataclasses.fields(kind))


@cache
def _parts(record: Hashable) -> tuple[Any, ...]:
    """The value as a named tuple."""
    return tuple(get_type_hints(cast("type[Any]", record)).values())
