"""Table header: the row with the column names, found below any title; it turns the rows below it into fields."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from changes.files.cells import TIMES, from_cells, joined
from changes.files.formats.text_columns import TextColumns
from changes.files.source_row import Row, Source
from models.errors import Malformed, UnreadableInput

REQUIRED = ("change_id", "title", "planned_start", "planned_end")
"""Columns without which no row can be a change; an owner may be given for the whole file."""
_ROWS_MAX = 30
"""Number of rows in which the header is searched."""
_NAMED_MAX = 8
"""Columns that a sentence names."""


@dataclass(frozen=True, slots=True)
class Header:
    """The column names, and their line."""

    line: int
    names: tuple[str, ...]
    repeated: frozenset[str] = field(init=False)
    """Names that more than one column has."""
    has_split_times: bool = field(init=False)
    """Whether a date and its time of day are in separate columns."""

    def __post_init__(self) -> None:
        """Counted once, not once a row."""
        object.__setattr__(self, "repeated", frozenset(name for name, count in Counter(self.names).items() if count > 1))
        split = {f"{name}_{part}" for name in TIMES for part in ("date", "time")}
        object.__setattr__(self, "has_split_times", not split.isdisjoint(self.names))

    def row(self, position: Mapping[str, int | str], cells: Sequence[Any], source: Source, texts: TextColumns | None = None) -> Row:
        """A row of the table as fields by name; a row that does not fit the header has shifted cells, and is refused.

        `texts`: the columns of this header, where all cells are texts and each column is one field of ours.
        """
        raw = partial(_raw, cells)
        if len(cells) != len(self.names):
            fault = f"the row has {len(cells)} cells, the header {len(self.names)}: quote cells that hold the delimiter"
            return Row(position, raw, fault=fault)
        try:
            if texts is not None:
                return Row(position, raw, texts.fields(cells))
            named = self._named(cells)
            if not source.own_names:
                return Row(position, raw, named)
            return Row(position, raw, from_cells(_with_joined_times(named) if self.has_split_times else named, source.zone))
        except Malformed as fault:
            return Row(position, raw, fault=str(fault))

    def _named(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Cells by name, without empty ones; those of a repeated column are a list."""
        repeated = self.repeated
        if not repeated:
            return {name: cell for name, cell in zip(self.names, cells, strict=True) if name and (cell or cell == 0)}
        named: dict[str, Any] = {}
        for name, cell in zip(self.names, cells, strict=True):
            if name in repeated:
                named.setdefault(name, []).extend([] if cell in ("", None) else [cell])
            elif name:
                named[name] = cell
        return named

    def texts(self, source: Source) -> TextColumns | None:
        """The columns of a table of texts; None where one is no field of ours, or several make one."""
        if not source.own_names or self.has_split_times or any("." in name for name in self.names):
            return None
        return TextColumns(self.names, source.zone)


def find_header(rows: Iterable[tuple[int, Sequence[Any]]], source: Source) -> Header:
    """The first row with the names that are needed. Raises UnreadableInput without one, and for a column of ours that occurs twice."""
    first: Header | None = None
    for number, (line, cells) in enumerate(rows):
        if number >= _ROWS_MAX:
            break
        header = Header(line, tuple(_name(cell, source) for cell in cells))
        first = first or header
        if names_enough(header, source):
            return _checked(header, source)
    if first is None:
        raise UnreadableInput(f"{source.name} has no header")
    if source.own_names:
        lacking = ", ".join(_lacking(first))
        raise UnreadableInput(f"{source.name} has no column {lacking}: the header must hold field names, or give a mapping file")
    sought = sorted(source.columns)
    listed = ", ".join(sought[:_NAMED_MAX]) + (", …" if len(sought) > _NAMED_MAX else "")
    raise UnreadableInput(f"{source.name} has no header with the columns that the mapping file reads ({listed}): correct its `fields`")


def _checked(header: Header, source: Source) -> Header:
    repeated = sorted({name for name in header.names if name and header.names.count(name) > 1})
    if repeated and source.own_names:
        raise UnreadableInput(f"{source.name} has the column {', '.join(repeated)} twice: name each column once")
    return header


def names_enough(header: Header, source: Source) -> bool:
    """Whether the row is a header and no title."""
    if source.own_names:
        return not _lacking(header)
    return len(source.columns & set(header.names)) >= min(2, len(source.columns))


def _lacking(header: Header) -> list[str]:
    return [name for name in REQUIRED if not {name, f"{name}_date"} & set(header.names)]


def _name(cell: Any, source: Source) -> str:
    text = str("" if cell is None else cell).strip()
    return "_".join(text.lower().split()) if source.own_names else text


def _with_joined_times(named: dict[str, Any]) -> dict[str, Any]:
    """Joins a date and a time of day in separate columns (`planned_start_date`, `planned_start_time`)."""
    fields = dict(named)
    for name in TIMES:
        day, at = f"{name}_date", f"{name}_time"
        if day in fields or at in fields:
            fields[name] = joined([fields.pop(day, None) or fields.get(name), fields.pop(at, None)])
    return fields


def _raw(cells: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue().encode("utf-8", "replace")
