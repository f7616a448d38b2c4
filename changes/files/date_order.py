"""Date order: whether a table writes the day first, as its mapping says, where many of its dates can be read either way."""

from collections.abc import Iterable
from datetime import datetime

from changes.files.field_mapping import Mapping
from changes.files.source_row import Row


def writes_month_first(mapping: Mapping, refused: Iterable[Row], taken: Iterable[Row]) -> bool:
    """Whether dates of the refused rows make sense only with the month first, and none of the others only with the day first.

    Dates such as 07-04-2026 in the other rows then mean another day than the mapping takes them for.
    """
    patterns = [(pattern, _swapped(pattern)) for pattern in mapping.patterns if {"%d", "%m"} <= set(_parts(pattern))]
    if not patterns:
        return False
    other_way = any(_reads(text, swapped) and not _reads(text, own) for text in _texts(mapping, refused) for own, swapped in patterns)
    return other_way and not any(
        _reads(text, own) and not _reads(text, swapped) for text in _texts(mapping, taken) for own, swapped in patterns
    )


def is_ambiguous(mapping: Mapping, row: Row) -> bool:
    """Whether a date of the row means something else with its day and month exchanged."""
    patterns = [(pattern, _swapped(pattern)) for pattern in mapping.patterns if {"%d", "%m"} <= set(_parts(pattern))]
    return any(_reads(text, own) and _reads(text, swapped) for text in _texts(mapping, (row,)) for own, swapped in patterns)


def _texts(mapping: Mapping, rows: Iterable[Row]) -> Iterable[str]:
    return (text for row in rows for text in mapping.times_in(row.fields) if isinstance(text, str))


def _parts(pattern: str) -> list[str]:
    return [pattern[at : at + 2] for at in range(len(pattern) - 1) if pattern[at] == "%"]


def _swapped(pattern: str) -> str:
    return pattern.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def _reads(text: str, pattern: str) -> bool:
    try:
        datetime.strptime(text, pattern)  # noqa: DTZ007 # only whether it has this form
    except ValueError:
        return False
    return True
