"""Visibility: who may see a change, and what of it; what is not allowed here is not shown.

A change of the DCC's is shown to everyone, a User's to that User and the triage desk, and to others as its public summary where its owner
says so. In a suspect no other party's change is ever named, whatever its visibility: `correlation.redaction` asks `is_fully_visible` alone.
"""

import json
from collections.abc import Iterable

from models.canonical_json import to_json
from models.change import Change

_WINDOW = ("planned_start", "planned_end", "actual_start", "actual_end")
PUBLIC_FIELDS = ("owner", "title", "category", *_WINDOW, "services", "regions")
"""The public summary of contract 1.4: owner, title, category, window, services, regions."""
_IDENTITY = ("change_id", "revision", "source", "status", "visibility")
"""What a summary needs to be a record of its own."""


def is_own(change: Change, user: str) -> bool:
    """Whether `user` leads it."""
    return change.source == "user" and change.owner == user


def is_fully_visible(change: Change, user: str) -> bool:
    """Whether `user` may see all of a change: its own, and what the DCC leads."""
    return change.source == "dcc" or is_own(change, user)


def is_public(change: Change) -> bool:
    """Whether Users other than its owner may see anything of it: a DCC-led change whole, others as a summary if they say so."""
    return change.status != "draft" and (change.source == "dcc" or change.visibility == "public_summary")


def public_summary(change: Change) -> Change:
    """What a User that does not lead it may see of a public change."""
    if change.source == "dcc":
        return change
    return Change.model_validate({name: getattr(change, name) for name in (*_IDENTITY, *PUBLIC_FIELDS)})


def summary_json(change: Change) -> bytes:
    """The public summary as JSON: what it does not show is null, never a default that its owner did not mean."""
    if change.source == "dcc":
        return to_json(change)
    shown = frozenset((*_IDENTITY, *PUBLIC_FIELDS))
    fields = json.loads(to_json(public_summary(change)))
    hidden = {name: value if name in shown else None for name, value in fields.items()}
    return json.dumps(hidden, ensure_ascii=False, separators=(",", ":")).encode()


def visible_to(change: Change, user: str | None) -> Change | None:
    """The change as `user` may see it, None where it may not; `user` None is the triage desk."""
    if user is None or is_own(change, user):
        return change
    return public_summary(change) if is_public(change) else None


def fully_visible(changes: Iterable[Change], user: str) -> tuple[Change, ...]:
    """Those of `changes` that `user` may see all of."""
    return tuple(change for change in changes if is_fully_visible(change, user))
