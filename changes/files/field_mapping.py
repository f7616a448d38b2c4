"""Mapping: how another system's export becomes our fields, as a TOML file rather than code for each system."""

import tomllib
from collections.abc import Mapping as Fields
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from changes.files.cells import LISTS, TIMES, from_cells, in_zone
from models.change import Change, ExpectedEffect
from models.errors import ConfigurationError, Malformed, UnreadableInput
from models.times import SECOND_US, format_time, parse_time
from models.wire_model import reason

FIELDS = frozenset(Change.model_fields) | {f"expected.{name}" for name in ExpectedEffect.model_fields}

Paths = Annotated[tuple[str, ...], Field(min_length=1)]


class Mapping(BaseModel):
    """One export format of another system."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: str = Field("", description="dotted path to the list of changes in a JSON document; empty: the document itself")
    timezone: str | None = Field(None, description="IANA name of the zone of times that carry no offset")
    time_formats: tuple[str, ...] = Field((), description="strptime patterns, `unix` or `unix_ms`, tried in order; RFC 3339 always works")
    list_separator: str = Field(";", min_length=1, description="between the names of a list in one cell")
    duration_s: int | None = Field(None, gt=0, description="length of a change whose export has no end")
    fields: dict[str, Paths] = Field(
        description="our field → dotted path in theirs, or several of which the first with a value counts; `*` goes through a list"
    )
    defaults: dict[str, Any] = Field(default_factory=dict, description="our field → value where theirs has none")
    values: dict[str, dict[str, Any]] = Field(default_factory=dict, description="our field → their value → ours; what is not listed stays")

    @field_validator("fields", mode="before")
    @classmethod
    def _one_is_several(cls, value: Any) -> Any:
        return {name: (paths,) if isinstance(paths, str) else paths for name, paths in value.items()} if isinstance(value, dict) else value

    @field_validator("fields", "defaults", "values")
    @classmethod
    def _our_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(value) - FIELDS)
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no field of a change")
        return value

    def apply(self, theirs: Fields[str, Any], zone: ZoneInfo | None) -> dict[str, Any]:
        """Our fields from their row. Raises Malformed for a time that can't be understood."""
        cells = dict(self.defaults)
        for name, paths in self.fields.items():
            found = next((value for path in paths if (value := look_up(theirs, path)) not in (None, "", [])), None)
            if found is not None:
                cells[name] = self._translated(name, found, zone)
        fields = from_cells({name: value for name, value in cells.items() if value is not None}, zone)
        if self.duration_s is not None and "planned_end" not in fields and "planned_start" in fields:
            fields["planned_end"] = _later(fields["planned_start"], self.duration_s)
        return fields

    def _translated(self, name: str, value: Any, zone: ZoneInfo | None) -> Any:
        bare = name.rpartition(".")[2]
        if bare in TIMES:
            return in_zone(value, zone, self.time_formats)
        table = self.values.get(name, {})
        if bare in LISTS:
            parts = value if isinstance(value, list) else str(value).split(self.list_separator)
            names = [str(table.get(text, text)) for part in parts if (text := str(part).strip())]
            return names or None
        if isinstance(value, list):
            value = "; ".join(str(part) for part in value)
        return table.get(_as_key(value), value)


def read_mapping(path: Path | str) -> Mapping:
    """The mapping in a TOML file. Raises UnreadableInput or ConfigurationError with the key that is wrong."""
    try:
        with Path(path).open("rb") as file:
            return Mapping.model_validate(tomllib.load(file))
    except OSError as fault:
        raise UnreadableInput(f"{path} can't be read: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UnreadableInput(f"{path} is no TOML: {fault}") from None
    except ValidationError as fault:
        raise ConfigurationError(f"{path}: {reason(fault)}") from None


def look_up(value: Any, path: str) -> Any:
    """What stands at a dotted path; a name that holds the whole rest of the path (a CSV column) wins. `*` collects from a list."""
    if not path:
        return value
    if isinstance(value, dict) and path in value:
        return value[path]
    head, _, rest = path.partition(".")
    if isinstance(value, list):
        if head == "*":
            return [found for item in value if (found := look_up(item, rest)) is not None]
        return look_up(value[int(head)], rest) if head.isdecimal() and int(head) < len(value) else None
    return look_up(value[head], rest) if isinstance(value, dict) and head in value else None


def _as_key(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _later(start: Any, duration_s: int) -> str:
    if not isinstance(start, str):
        raise Malformed(f"planned_start: {start!r} is no time: check `time_formats` in the mapping file")
    return format_time(parse_time(start) + duration_s * SECOND_US)
