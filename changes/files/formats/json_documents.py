"""JSON calendars: an array of changes, or one change per line."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from changes.files.source_row import Row, Source
from models.errors import Malformed, UnreadableInput

_OUR_LISTS = ("items", "changes")
"""Where a saved answer of a monitor (`GET /v1/changes`) holds its changes."""
_NEXT_PAGE = ("next", "nextPageToken", "next_page", "nextLink", "@odata.nextLink")
"""Where answers name the page that follows."""


def read_json(source: Source) -> Iterator[Row]:
    """A whole document: an array, one object, or otherwise lines. Raises UnreadableInput for text that is not JSON."""
    if not source.content.strip():
        raise UnreadableInput(f"{source.name} is empty: a calendar without changes is []")
    try:
        document = _loads(source.content)
    except Malformed as fault:
        if _looks_like_lines(source.content):
            yield from read_ndjson(source)
            return
        raise UnreadableInput(f"{source.name} is not valid JSON: {fault}") from None
    rows = document if isinstance(document, list) else _first_at(document, source.rows_at)
    if source.own_names and isinstance(rows, dict) and "change_id" not in rows:
        rows = next((rows[name] for name in _OUR_LISTS if isinstance(rows.get(name), list)), rows)
    if rows is None:
        sought = " or ".join(repr(path) for path in source.rows_at)
        raise UnreadableInput(f"{source.name} has no list at {sought}: check `rows` in the mapping file")
    for index, value in enumerate(rows if isinstance(rows, list) else [rows]):
        yield _row({"index": index}, value)
    if isinstance(document, dict) and isinstance(rows, list) and (sign := _more_follows(document, len(rows))):
        yield Row({"index": len(rows)}, b"", fault=f"more follows (`{sign}`): this is one page of an answer, export the other pages too")


def _more_follows(document: dict[str, Any], count: int) -> str:
    """The name that says that the list is one page of several; empty if none does."""
    if document.get("isLast") is False:
        return "isLast"
    if document.get("more") is True:
        return "more"
    first, total = document.get("startAt"), document.get("total")
    if type(first) is int and type(total) is int and first + count < total:
        return "total"
    return next((name for name in _NEXT_PAGE if document.get(name)), "")


def read_ndjson(source: Source) -> Iterator[Row]:
    """One change (or an array of them) per line; blank lines are skipped."""
    for number, line in enumerate(source.content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            value = _loads(line)
        except Malformed as fault:
            yield Row({"line": number}, line.strip(), fault=f"the line is not valid JSON: {fault}")
            continue
        for index, one in enumerate(value if isinstance(value, list) else [value]):
            yield _row({"line": number, "index": index} if isinstance(value, list) else {"line": number}, one)


def _row(position: dict[str, int | str], value: Any) -> Row:
    raw = partial(_raw, value)
    if not isinstance(value, dict):
        return Row(position, raw, fault="a change must be an object")
    for one in (value, *value.values()):
        if type(one) is _Repeated:
            return Row(position, raw, fault=f"{one.name} stands there twice with different values: two changes may have run together")
    return Row(position, raw, value)


def _raw(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    except RecursionError:
        return b""


def _first_at(document: Any, paths: tuple[str, ...]) -> Any:
    if not paths:
        return document
    return next((value for path in paths if (value := _at(document, path)) is not None), None)


def _at(document: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _loads(text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as fault:
        raise Malformed(f"{fault}".splitlines()[0] if not isinstance(fault, RecursionError) else "it is nested too deeply") from None


class _Repeated(dict[str, Any]):
    """An object in which a name stands twice with different values."""

    name = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    twice = next((name for name, value in pairs if made[name] != value), None)
    if twice is None:
        return made
    repeated = _Repeated(made)
    repeated.name = twice
    return repeated


def _looks_like_lines(content: bytes) -> bool:
    lines = [line for line in content.split(b"\n") if line.strip()]
    return len(lines) > 1 and all(line.strip()[:1] == b"{" for line in lines) and lines[0].rstrip()[-1:] == b"}"
