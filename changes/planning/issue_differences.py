"""Difference: what an issue of a month's schedule says otherwise than the previous issue."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_Fields = Mapping[str, Any]
"""An entry as a JSON-like object."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference."""

    index: int | None
    """Place of the entry in the new issue; None if it is there no longer."""
    word: str
    """`new`, `moved`, `revised`, `gone`, or the new status."""
    text: str
    """One line for people."""


def differences(entries: Sequence[_Fields], before: Sequence[_Fields]) -> tuple[Difference, ...]:
    """The differences of `entries` to those of the previous issue, in the order of the entries; last what is gone."""
    partners, gone = _matched(entries, before)
    result = [one for index, entry in enumerate(entries) for one in _of_entry(index, entry, partners.get(index))]
    result += [Difference(None, "gone", f"No longer in this month: {_entry_text(entry)}.") for entry in gone]
    return tuple(result)


def _matched(entries: Sequence[_Fields], before: Sequence[_Fields]) -> tuple[dict[int, _Fields], list[_Fields]]:
    """The earlier entry of each that has one, and the earlier ones that are left.

    A User's public summary has no id: several of one title are matched by their window first, then in their order.
    """
    left: dict[tuple[str, str], list[_Fields]] = defaultdict(list)
    for entry in before:
        left[_name(entry)].append(entry)
    partners: dict[int, _Fields] = {}
    for index, entry in enumerate(entries):
        same = next((one for one in left[_name(entry)] if _window(one) == _window(entry)), None)
        if same is not None:
            partners[index] = same
            left[_name(entry)].remove(same)
    for index, entry in enumerate(entries):
        if index not in partners and left[_name(entry)]:
            partners[index] = left[_name(entry)].pop(0)
    return partners, [entry for of_name in left.values() for entry in of_name]


def _of_entry(index: int, entry: _Fields, earlier: _Fields | None) -> Iterator[Difference]:
    shown, status = _entry_text(entry), str(entry.get("status"))
    if earlier is None:
        yield Difference(index, "new", f"New: {shown}.")
    elif status == "cancelled" != earlier.get("status"):
        yield Difference(index, status, f"Now cancelled: {shown}.")
    elif _window(earlier) != _window(entry):
        yield Difference(index, "moved", f"Moved: {shown}; before: {earlier['start']} to {earlier['end']}.")
    elif earlier.get("status") != entry.get("status"):
        yield Difference(index, status, f"Now {status.replace('_', ' ')}: {shown}.")
    elif any(earlier.get(field) != entry.get(field) for field in entry if field != "revision"):
        yield Difference(index, "revised", f"Revised: {shown}.")


def _name(entry: _Fields) -> tuple[str, str]:
    return str(entry["owner"]), str(entry.get("change_id") or entry["title"])


def _window(entry: _Fields) -> tuple[Any, Any]:
    return entry["start"], entry["end"]


def _entry_text(entry: _Fields) -> str:
    return f"{entry['title']} ({entry['owner']}), {entry['start']} to {entry['end']}"
