"""JSON splitter: finds each event in a text, even if one of them is malformed."""

import json
import re
from collections.abc import Iterator

Extent = tuple[int, int]
"""Start and end of a piece of text."""

BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\r\n]*")
_NEXT = re.compile(r"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)")
_LINE = re.compile(r"[^\n]+")


def _nothing(_: str) -> None:
    """Numbers are not needed here, and parsing long numbers is slow."""


_DECODER = json.JSONDecoder(parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)


def extents(text: bytes, *, lines: bool) -> Iterator[Extent]:
    """The pieces of `text` that should be one event each: an object, the elements of an array, or (if `lines`) one of these on each line.

    A text of many lines that is one JSON value is that value. Text that is not JSON is a piece of its own; blank text has no pieces.
    """
    # One character per byte: invalid UTF-8 stays inside its own event.
    characters = text.decode("latin-1")
    start, end = _trim(characters, 0, len(characters))
    if text.startswith(BOM):
        start = _trim(characters, len(BOM), end)[0]
    if start == end:
        return iter(())
    many = lines and "\n" in characters[start:end]
    if many and not _is_json(characters, start, end) and _first_line_is_json(characters, start, end):
        return _by_line(characters, start, end)
    if characters[start] == "[":
        return _elements(characters, start, end)
    if many and not _is_json(characters, start, end):
        return _by_line(characters, start, end)
    return iter(((start, end),))


def _by_line(characters: str, start: int, end: int) -> Iterator[Extent]:
    for line in _LINE.finditer(characters, start, end):
        first, last = _trim(characters, *line.span())
        if first < last:
            yield from _elements(characters, first, last) if characters[first] == "[" else ((first, last),)


def _elements(characters: str, start: int, end: int) -> Iterator[Extent]:
    """The elements of the array that is expected in characters[start:end]."""
    at = _skip(characters, start + 1, end)
    if characters[at:end] == "]":
        return
    while at < end:
        finish = _whole(characters, at, end)
        after = _skip(characters, finish, end) if finish is not None else at
        if finish is None or characters[after : after + 1] not in (",", "]"):
            following = _NEXT.search(characters, at, end)
            yield at, following.start() + 1 if following else end
            if following is None:
                return
            at = following.end()
            continue
        yield at, finish
        at = _skip(characters, after + 1, end)
        if characters[after] == "]":
            if at < end:
                yield at, end
            return
    yield end, end  # The array does not end: the elements that should follow are missing.


def _whole(characters: str, at: int, end: int) -> int | None:
    """The end of the JSON value that starts at `at`; None if there is no value."""
    try:
        finish = _DECODER.raw_decode(characters, at)[1]
    except (ValueError, RecursionError):
        return None
    return finish if finish <= end else None


def _is_json(characters: str, start: int, end: int) -> bool:
    return _whole(characters, start, end) == end


def _first_line_is_json(characters: str, start: int, end: int) -> bool:
    first = _LINE.search(characters, start, end)
    return first is not None and _is_json(characters, *_trim(characters, *first.span()))


def _skip(characters: str, at: int, end: int) -> int:
    space = _SPACE.match(characters, at, end)
    return space.end() if space else at


def _trim(characters: str, start: int, end: int) -> Extent:
    start = _skip(characters, start, end)
    return start, start + len(characters[start:end].rstrip(" \t\r\n"))
