"""Cell: a field in the form that tables and other systems use, converted to the form of the contract."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from models.change import Change
from models.errors import Malformed
from models.times import parse_time

LISTS = frozenset({"users", "services", "regions", "directions", "queues", "systems", "message_classes"})
NAMES = LISTS | {"change_id", "owner"}
TIMES = frozenset({"planned_start", "planned_end", "actual_start", "actual_end", "declared_at", "updated_at", "exported_at", "until"})
_PARSED = LISTS | TIMES | {"revision", "series_revision", "factor"}
"""Fields whose text is more than a text."""
_PLAIN = frozenset(Change.model_fields) - _PARSED - {"expected"}
"""Fields whose text is what it says."""
_FORMULA = frozenset("=+-@＝＋－＠")
_CONTROL = frozenset("\t\r\n")


def from_cells(cells: Mapping[str, Any], zone: ZoneInfo | None = None) -> dict[str, Any]:
    """Fields by name from cells by (dotted) name: lists split at `;`, numbers parsed, empty cells left out, `expected` nested.

    Raises Malformed for a cell without a valid meaning.
    """
    fields: dict[str, Any] = {}
    for name, cell in cells.items():
        value = from_cell(name, cell, zone)
        if value is None:
            continue
        outer, _, inner = name.partition(".")
        if not inner:
            fields[name] = value
        elif outer == "expected":
            fields.setdefault(outer, {})[inner] = value
    return fields


def from_cell(name: str, cell: Any, zone: ZoneInfo | None = None) -> Any:
    """The value of the field of that (dotted) name, None for an empty cell. Raises Malformed for a cell without a valid meaning."""
    if type(cell) is str:
        value: Any = cell.strip()
        if value[:1] == "'":
            value = unguarded(value)
        if not value:
            return None
        if name in _PLAIN or (name in TIMES and len(value) == 20 and value[-1] == "Z"):
            return value  # Most cells: a text stays what it is, and the model reads a time of the contract's form.
    else:
        value = cell
    if value is None:
        return None
    if name == "expected":
        return _nested(value, zone)
    return _value(name.removeprefix("expected."), value, zone)


def in_zone(value: Any, zone: ZoneInfo | None, formats: tuple[tuple[str, ZoneInfo | None], ...] = ()) -> Any:
    """A time as RFC 3339 text. One without an offset takes `zone`; without a zone it is an error.

    `formats` are strptime patterns, `unix` or `unix_ms`, tried in order, each with its own zone where it has one. Raises Malformed for an
    hour that a clock change skips or repeats.
    """
    for pattern, own in formats:
        moment = _by_pattern(value, pattern)
        if moment is not None:
            return _localised(moment, own or zone)
    if isinstance(value, datetime):
        return _localised(value, zone)
    if isinstance(value, str):
        moment = _iso(value)
        return value if moment is None or (zone is None and moment.tzinfo is None) else _localised(moment, zone)
    return value


def joined(parts: Sequence[Any]) -> Any:
    """One cell from several: a date and a time of day become an instant; other values are joined by spaces; None if all are empty.

    A workbook's time of day may be a number, a fraction of a day, and midnight the day before its calendar begins.
    """
    texts = [part for part in parts if part not in ("", None)]
    if not texts:
        return None
    if len(parts) == 2 and len(texts) == 2 and isinstance(texts[0], date):
        at = _time_of_day(texts[1])
        if at is not None:
            return datetime.combine(texts[0], at)  # The zone is added when the cell is read.
    return " ".join(part.isoformat() if isinstance(part, date | time) else _text(part) for part in texts)


def escape_formula(text: str) -> str:
    """`text` as a table cell that is shown and never executed: a `'` is put before text that a spreadsheet would take for a formula."""
    return f"'{text}" if _runs(text) else text


def unguarded(text: str) -> str:
    """Inverse of `escape_formula`."""
    return text[1:] if text.startswith("'") and _runs(text[1:]) else text


def _runs(text: str) -> bool:
    if text[:1].isalnum():
        return False
    return text[:1] in _CONTROL or text.lstrip("' \t\r\n")[:1] in _FORMULA


def _time_of_day(value: Any) -> time | None:
    if isinstance(value, datetime):
        return value.time()
    if isinstance(value, time):
        return value
    if isinstance(value, date):
        return time() if value.year < 1901 else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1:
        seconds = round(value * 86400)
        return time(seconds // 3600 % 24, seconds // 60 % 60, seconds % 60)
    return None


def checked_name(name: str, value: Any) -> Any:
    """A name in a table. Raises Malformed for a truth value, and for a number that may have lost digits: 4.1 may have been 4.10."""
    if isinstance(value, bool):
        raise Malformed(f"{name}: {str(value).upper()} is no name: make the column text")
    if isinstance(value, float) and not value.is_integer():
        raise Malformed(f"{name}: the number {value} may have been {value}0: make the column text")
    if isinstance(value, int | float) and abs(value) >= 2**53:
        raise Malformed(f"{name}: the number {value:.0f} has lost digits: make the column text")
    return value


def _value(name: str, value: Any, zone: ZoneInfo | None) -> Any:
    if type(value) is str and name not in _PARSED:
        return value
    if name in TIMES:
        cell_time = in_zone(value, zone)
        if isinstance(cell_time, date):
            raise Malformed(f"{name}: a date without a time of day is not a time: write 2026-01-05T22:00:00Z")
        return cell_time
    if name in NAMES:
        value = checked_name(name, value)
    if name in LISTS:
        if type(value) is str and ";" not in value:
            text = value.strip()
            return [text] if text else []
        return [part.strip() for part in _text(value).split(";") if part.strip()] if not isinstance(value, list | tuple) else list(value)
    if name in ("revision", "series_revision"):
        return _number(value, int)
    if name == "factor":
        return _number(value, float)
    return _text(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _text(value: Any) -> str:
    """A number cell as a person would type it: 1042, not 1042.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: Any, kind: type[int] | type[float]) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        as_float = float(value)
        return kind(value) if kind is float else int(value) if isinstance(value, str) else int(value) if as_float.is_integer() else value
    except (ValueError, OverflowError):
        return value


def _nested(value: Any, zone: ZoneInfo | None) -> Any:
    if not isinstance(value, str):
        return value
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        raise Malformed('expected must be JSON such as {"effect": "up", "factor": 3}') from None
    if isinstance(content, dict) and "until" in content:
        content["until"] = in_zone(content["until"], zone)
    return content


def _by_pattern(value: Any, pattern: str) -> datetime | None:
    try:
        if pattern in ("unix", "unix_ms"):
            return datetime.fromtimestamp(float(value) / (1000 if pattern == "unix_ms" else 1), UTC)
        return datetime.strptime(value, pattern) if isinstance(value, str) else None  # noqa: DTZ007 # the zone is added next
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        parse_time(text)
    except Malformed:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return moment if "T" in text or " " in text else None
    return None


def _localised(at: datetime, zone: ZoneInfo | None) -> str:
    try:
        return _in_utc(at, zone)
    except OverflowError:
        raise Malformed(f"{at.isoformat()} is not a time: in UTC its year is not one of 1 to 9999") from None


def _in_utc(at: datetime, zone: ZoneInfo | None) -> str:
    if at.tzinfo is None:
        if zone is None:
            raise Malformed(f"{at} has no time zone: write it as text such as 2026-01-05T22:00:00Z, or name the zone (--timezone)")
        at = at.replace(tzinfo=zone)
        if at.utcoffset() != at.replace(fold=1).utcoffset():
            skipped = at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at.replace(tzinfo=None)
            happens = "does not happen" if skipped else "happens twice"
            raise Malformed(f"{at:%Y-%m-%d %H:%M} {happens} in {zone.key} because the clocks change: write it with its offset")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
