"""Mapping: how another system's export becomes our fields, as a TOML file rather than code for each system."""

import codecs
import re
import tomllib
from collections.abc import Mapping as Fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from changes.files.cells import LISTS, TIMES, checked_name, from_cells, in_zone, joined
from changes.files.text_length import accepted_id, accepted_title
from models.change import Change, ExpectedEffect
from models.errors import ConfigurationError, Malformed, UnreadableInput
from models.times import SECOND_US, format_time, parse_time
from models.vocabulary import ChangeCategory, ChangeStatus
from models.wire_model import reason

FIELDS = frozenset(Change.model_fields) | {f"expected.{name}" for name in ExpectedEffect.model_fields}

_WORDS = {"category": frozenset(get_args(ChangeCategory)), "status": frozenset(get_args(ChangeStatus))}
"""Names that are the same on both sides; `*` in `values` stands for all values that neither they nor the mapping contain."""

Paths = Annotated[tuple[str | tuple[str, ...], ...], Field(min_length=1)]
"""Paths in their row, of which the first with a value counts; several in one are joined (a date and a time of day)."""


class TimeFormat(BaseModel):
    """How times are written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str
    timezone: str | None = None
    """IANA name of the zone of times in this form, where it differs from the others."""


class Mapping(BaseModel):
    """One export format of another system."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: tuple[str, ...] = Field(
        (),
        description="dotted path to the list of changes in a JSON document, or several of which the first counts",
    )
    timezone: str | None = Field(None, description="IANA name of the zone of times without an offset")
    time_formats: tuple[TimeFormat, ...] = Field(
        (),
        description="strptime patterns, `unix` or `unix_ms`, tried in order, each with a `timezone` of its own if necessary",
    )
    encoding: str | None = Field(None, description="encoding of a CSV export that is not UTF-8, such as cp1252")
    list_separator: str = Field(";", min_length=1, description="between the names of a list in one cell")
    duration_s: int | None = Field(None, gt=0, description="length of a change whose export has no end")
    fields: dict[str, Paths] = Field(
        description="our field → dotted path in theirs, or several of which the first with a value counts; `*` goes through a list, "
        "a list of paths inside the list joins them (a date and a time of day)"
    )
    defaults: dict[str, Any] = Field(default_factory=dict, description="our field → value where theirs has none")
    values: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="our field → their value → ours (empty: try the next path); a value that is not listed stays unchanged",
    )

    only: dict[str, str] = Field(
        default_factory=dict,
        description="our list → regular expression that a name must match as a whole; other names are left out",
    )

    @field_validator("rows", mode="before")
    @classmethod
    def _one_path_is_several(cls, value: Any) -> Any:
        return ((value,) if value else ()) if isinstance(value, str) else value

    @field_validator("time_formats", mode="before")
    @classmethod
    def _a_pattern_is_a_format(cls, value: Any) -> Any:
        return [{"pattern": one} if isinstance(one, str) else one for one in value] if isinstance(value, list | tuple) else value

    @field_validator("fields", mode="before")
    @classmethod
    def _one_is_several(cls, value: Any) -> Any:
        return {name: (paths,) if isinstance(paths, str) else paths for name, paths in value.items()} if isinstance(value, dict) else value

    @field_validator("only")
    @classmethod
    def _are_patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for name, pattern in value.items():
            if name.rpartition(".")[2] not in LISTS:
                raise ValueError(f"{name} is not a list of names")
            try:
                re.compile(pattern)
            except re.error as fault:
                raise ValueError(f"{name}: {pattern!r} is not a regular expression: {fault}") from None
        return value

    @field_validator("fields", "defaults", "values")
    @classmethod
    def _our_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(value) - FIELDS)
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is not a field of a change")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                b"a".decode(value, "ignore")  # `rot13` and `hex` are known codecs, but not of text.
            return None if value is None else codecs.lookup(value).name
        except (LookupError, ValueError):
            raise ValueError(f"there is no encoding {value!r}: use a name such as cp1252") from None

    @property
    def columns(self) -> frozenset[str]:
        """The names of the table columns that the mapping reads."""
        groups = (paths_of_field for paths in self.fields.values() for paths_of_field in paths)
        return frozenset(
            name for paths_of_field in groups for name in ((paths_of_field,) if isinstance(paths_of_field, str) else paths_of_field)
        )

    def apply(self, theirs: Fields[str, Any], zone: ZoneInfo | None) -> dict[str, Any]:
        """Our fields from their row. Raises Malformed for a time that can't be understood."""
        cells = dict(self.defaults)
        for name, paths in self.fields.items():
            cell = self._cell(name, paths, theirs, zone)
            if cell is not None:
                cells[name] = cell
        fields = from_cells({name: value for name, value in cells.items() if value is not None}, zone)
        if self.duration_s is not None and "planned_end" not in fields and "planned_start" in fields:
            fields["planned_end"] = _later(fields["planned_start"], self.duration_s)
        for name, accepted in (("change_id", accepted_id), ("title", accepted_title)):
            if isinstance(fields.get(name), str):
                fields[name] = accepted(fields[name])
        return fields

    @property
    def patterns(self) -> tuple[str, ...]:
        """The forms of times, in the order in which they are tried."""
        return tuple(one.pattern for one in self.time_formats)

    def times_in(self, theirs: Fields[str, Any]) -> list[Any]:
        """The values of the row that are times, as they stand there."""
        paths = (path for name, of_field in self.fields.items() if name.rpartition(".")[2] in TIMES for path in of_field)
        return [look_up(theirs, path) if isinstance(path, str) else joined([look_up(theirs, part) for part in path]) for path in paths]

    def _cell(self, name: str, paths: Paths, theirs: Fields[str, Any], zone: ZoneInfo | None) -> Any:
        """The first value at one of `paths` that is not empty."""
        for path in paths:
            value = look_up(theirs, path) if isinstance(path, str) else joined([look_up(theirs, part) for part in path])
            if value in (None, "", []) or value != value or (isinstance(value, dict) and name != "expected"):  # NaN: no value
                continue
            value = self._translated(name, value, zone)
            if value not in (None, ""):
                return value
        return None

    def _translated(self, name: str, value: Any, zone: ZoneInfo | None) -> Any:
        bare = name.rpartition(".")[2]
        if bare in TIMES:
            return _known_time(name, in_zone(value, zone, self._formats))
        table = self._tables.get(name, {})
        if bare in LISTS:
            parts = value if isinstance(value, list) else str(checked_name(bare, value)).split(self.list_separator)
            names = [str(table.get(text.casefold(), text)) for part in parts if (text := str(checked_name(bare, part)).strip())]
            kept = names if name not in self.only else [one for one in names if re.fullmatch(self.only[name], one)]
            return kept or None
        if isinstance(value, list):
            value = "; ".join(str(part) for part in value)
        key = _as_key(value).casefold()
        if key not in table and key in _WORDS.get(name, ()):
            return key
        return table.get(key, table.get("*", value))

    @cached_property
    def _tables(self) -> dict[str, dict[str, Any]]:
        """`values` without regard to upper and lower case."""
        return {name: {key.casefold(): value for key, value in table.items()} for name, table in self.values.items()}

    @cached_property
    def _formats(self) -> tuple[tuple[str, ZoneInfo | None], ...]:
        return tuple((one.pattern, None if one.timezone is None else zone_named(one.timezone)) for one in self.time_formats)


def zone_named(name: str) -> ZoneInfo:
    """A zone of the zone database. Raises ConfigurationError for an unknown name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(f"there is no time zone {name!r}: use a name such as Europe/London") from None


def read_mapping(path: Path | str) -> Mapping:
    """The mapping in a TOML file. Raises UnreadableInput or ConfigurationError with the key that is wrong."""
    try:
        with Path(path).open("rb") as file:
            return Mapping.model_validate(tomllib.load(file))
    except OSError as fault:
        raise UnreadableInput(f"{path} can't be read: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise UnreadableInput(f"{path} is not valid TOML: {fault}") from None
    except ValidationError as fault:
        raise ConfigurationError(f"{path}: {reason(fault)}") from None


def look_up(value: Any, path: str) -> Any:
    """The value at a dotted path; a name equal to the whole rest of the path (a CSV column) takes precedence. `*` collects from a list."""
    if not path:
        return value
    if isinstance(value, dict) and path in value:
        return value[path]
    head, _, rest = path.partition(".")
    if isinstance(value, list):
        if head == "*":
            return [inner for item in value if (inner := look_up(item, rest)) is not None]
        return look_up(value[int(head)], rest) if head.isdecimal() and int(head) < len(value) else None
    return look_up(value[head], rest) if isinstance(value, dict) and head in value else None


def _known_time(name: str, value: Any) -> Any:
    """The time as it is; Malformed if it has none of the known forms."""
    if isinstance(value, str):
        try:
            parse_time(value)
        except Malformed:
            raise Malformed(f"{name}: {value!r:.60} is no time in a form that the mapping file knows (`time_formats`)") from None
    return value


def _as_key(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _later(start: Any, duration_s: int) -> str:
    if not isinstance(start, str):
        raise Malformed(f"planned_start: {start!r} is not a time: check `time_formats` in the mapping file")
    return format_time(parse_time(start) + duration_s * SECOND_US)
