"""Editing: a change declared or revised by hand, field by field."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from changes.files.cells import from_cells
from changes.files.field_mapping import FIELDS
from changes.files.reader import parse_change
from changes.files.writer import stated
from models.change import Change
from models.errors import Malformed
from models.times import format_time, us


def revise(known: Iterable[Change], change_id: str, given: Mapping[str, str], now: datetime) -> Change:
    """The next revision of `change_id` with the fields `given` as text (`expected.factor`, lists by `;`; empty text clears a field).

    A change that is not in `known` is declared `now`; a revision becomes known `now`. Raises Malformed with field and reason, and where
    several owners have that id and none is given.
    """
    unknown = sorted(set(given) - FIELDS)
    if unknown:
        raise Malformed(f"{', '.join(unknown)} is not a field of a change: see highwater schema Change")
    before = standing(known, change_id, given.get("owner"))
    stamp = format_time(us(now))
    fields: dict[str, Any] = {"change_id": change_id, "declared_at": stamp, "updated_at": stamp}
    if before is not None:
        fields = {**stated(before), "revision": before.revision + 1, "updated_at": stamp}
    new = from_cells(given)
    if isinstance(new.get("expected"), dict) and isinstance(fields.get("expected"), dict):
        new["expected"] = {**fields["expected"], **new["expected"]}
    cleared = {name for name, text in given.items() if not text.strip()}
    return parse_change({name: value for name, value in (fields | new).items() if name not in cleared})


def standing(known: Iterable[Change], change_id: str, owner: str | None) -> Change | None:
    """The last revision of the owner's change; without an owner, of the only change with that id. Raises Malformed if several have it."""
    mine = [one for one in known if one.change_id == change_id and owner in (None, "", one.owner)]
    owners = sorted({one.owner for one in mine})
    if len(owners) > 1:
        raise Malformed(f"{', '.join(owners)} each have a change {change_id}: give --owner")
    return max(mine, key=lambda one: one.revision, default=None)
