"""Visibility: who may see a change, and which part of it. Everything that is not allowed here is hidden.

A change of the DCC is visible to everyone, a User's change to that User and the triage desk, and to others as its public summary if its
owner allows it. A suspect never names another party's change, whatever its visibility: `correlation.redaction` uses `is_fully_visible`.
"""

import json
from collections.abc import Iterable

from models.canonical_json import to_json
from models.change import Change

_WINDOW = ("planned_start", "planned_end", "actual_start", "actual_end")
PUBLIC_FIELDS = ("owner", "title", "category", *_WINDOW, "services", "regions")
"""The public summary of contract 1.4: owner, title, category, window, services, regions."""
_IDENTITY = ("change_id", "revision", "source", "status", "visibility")
"""The fields that make a summary a record of its own."""


def is_own(change: Change, user: str) -> bool:
    """Whether `user` leads it."""
    return change.source == "user" and change.owner == user


def is_fully_visible(change: Change, user: str) -> bool:
    """Whether `user` may see all of a change: its own, and those that the DCC leads."""
    return change.source == "dcc" or is_own(change, user)


def is_public(change: Change) -> bool:
    """Whether Users other than its owner may see anything of it: a DCC-led change completely, others as a summary if they allow it."""
    return change.status != "draft" and (change.source == "dcc" or change.visibility == "public_summary")


def public_summary(change: Change) -> Change:
    """The part of a public change that Users other than its leader may see."""
    if change.source == "dcc":
        return change
    return Change.model_validate({name: getattr(change, name) for name in (*_IDENTITY, *PUBLIC_FIELDS)})


def summary_json(change: Change) -> bytes:
    """The public summary as JSON: hidden fields are null, never a default that its owner did not mean."""
    if change.source == "dcc":
        return to_json(change)
    shown = frozenset((*_IDENTITY, *PUBLIC_FIELDS))
    fields = json.loads(to_json(public_summary(change)))
    hidden = {name: value if name in shown else None for name, value in fields.items()}
    return json.dumps(hidden, ensure_ascii=False, separators=(",", ":")).encode()


def is_visible(change: Change, user: str | None) -> bool:
    """Whether `user` may see anything of the change; None is the triage desk."""
    return user is None or is_own(change, user) or is_public(change)


def visible_to(change: Change, user: str | None) -> Change | None:
    """The change as `user` may see it, None if it may not; `user` None is the triage desk."""
    if user is None or is_own(change, user):
        return change
    return public_summary(change) if is_public(change) else None


def fully_visible(changes: Iterable[Change], user: str) -> tuple[Change, ...]:
    """The changes of `changes` that `user` may see in full."""
    return tuple(change for change in changes if is_fully_visible(change, user))
