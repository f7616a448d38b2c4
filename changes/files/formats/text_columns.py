"""Text columns: the fields of a table's rows, for which each distinct text of a column is read once."""

from collections.abc import Sequence
from itertools import compress
from typing import Any
from zoneinfo import ZoneInfo

from changes.files.cells import from_cell

_REMEMBERED = 10_000
"""Texts of one column: those of ids and titles do not repeat, and are not worth the memory."""


class TextColumns:
    """One reader for each column; a column without a name has none."""

    def __init__(self, names: Sequence[str], zone: ZoneInfo | None) -> None:
        self._columns = [(name, _Column(name, zone)) for name in names]

    def fields(self, cells: Sequence[str]) -> dict[str, Any]:
        """The fields of one row, without empty ones. Raises Malformed for a cell without a valid meaning."""
        # Most cells are empty: `compress` passes over them.
        fields = {name: column[cell] for (name, column), cell in compress(zip(self._columns, cells, strict=True), cells)}
        if None in fields.values() or "" in fields:
            return {name: value for name, value in fields.items() if name and value is not None}
        return fields


class _Column(dict[str, Any]):
    """Text → value of the field."""

    def __init__(self, name: str, zone: ZoneInfo | None) -> None:
        super().__init__()
        self._name, self._zone = name, zone

    def __missing__(self, text: str) -> Any:
        value = from_cell(self._name, text, self._zone)
        if len(self) < _REMEMBERED:
            self[text] = value
        return value
