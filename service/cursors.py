"""Cursors: where a list's next page begins, opaque to whoever carries it."""

import base64
import json

from service.problems import Problem


def written(place: tuple[int, ...] | int | None) -> str | None:
    """A place as text."""
    if place is None:
        return None
    numbers = [place] if isinstance(place, int) else list(place)
    return base64.urlsafe_b64encode(json.dumps(numbers, separators=(",", ":")).encode()).decode().rstrip("=")


def read(cursor: str | None, size: int = 1) -> tuple[int, ...] | None:
    """The place that `written` was given. Raises Problem 400 for anything else."""
    if not cursor:
        return None
    numbers = _numbers(cursor)
    if len(numbers) == size and all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        return tuple(numbers)
    raise Problem(400, "the cursor is none of ours: use `next` of the page before as it is")


def _numbers(cursor: str) -> list[int]:
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []
