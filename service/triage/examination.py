"""Examination: what declaring one change comes to: who may do it, and which revision counts."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from changes.drafting import guess_category
from changes.files.merge import same_content
from changes.limits import NAME_BYTES_MAX, ChangeLimits, excess
from models.canonical_json import decode
from models.change import Change
from models.times import instant
from models.vocabulary import GREATEST
from models.wire_model import reason
from service.access import Principal, Role
from service.problems import Problem
from service.store import records
from service.store.database import Database
from service.store.records import CHANGE

_ARRIVAL = frozenset({"declared_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class Declaration:
    """One change in its form after the declaration."""

    change: Change
    is_new: bool
    """False if this very revision exists already."""


def parse(given: Any) -> Change:
    """A change as a person wrote it. Raises Problem 422."""
    try:
        return Change.model_validate(given)
    except ValidationError as fault:
        raise Problem(422, reason(fault)) from None


def named(principal: Principal, given: Any) -> dict[str, Any]:
    """`given` with the owner, the id and the category that a User may leave out. Raises Problem 422 if it is not an object."""
    if not isinstance(given, dict):
        raise Problem(422, "a change is a JSON object")
    if principal.role is not Role.USER:
        return given
    own = {name: value for name, value in given.items() if value is not None}
    title = own.get("title")
    guessed = {"category": guess_category(title)} if isinstance(title, str) else {}
    return {"owner": principal.user, "change_id": f"CHG-{secrets.token_hex(6)}", **guessed, **own, **_own_record(principal, own)}


def _own_record(principal: Principal, own: Mapping[str, Any]) -> dict[str, str]:
    """The record id in the User's own space: nobody can take the place of another party's record, or number its own as that one is."""
    record_id, prefix = own.get("record_id"), f"{principal.user}:"
    if principal.role is not Role.USER or not isinstance(record_id, str) or not record_id or record_id.startswith(prefix):
        return {}
    return {"record_id": prefix + record_id}


def check_owner(principal: Principal, change: Change) -> None:
    """A User declares its own changes only. Raises Problem 403."""
    if principal.role is Role.USER and (change.owner != principal.user or change.source != "user"):
        raise Problem(403, f"a User declares its own changes: owner must be {principal.user} and source `user`")


def possible_revision(number: int) -> int:
    """`number` if a change can have it. Raises Problem 409 after the greatest one."""
    if number > GREATEST:
        raise Problem(
            409,
            f"this change has revision {GREATEST}, the greatest that there is: give the same `revision` and a later"
            " `updated_at`, or declare another change",
        )
    return number


def examine(
    database: Database, principal: Principal, given: Any, now_us: int, limits: ChangeLimits, most_revisions: int, *, part: bool = False
) -> Declaration:
    """What declaring `given` comes to. Raises Problem 403 (not its own), 409 (outranked or in conflict) or 422 (no such change can be)."""
    fields = named(principal, given)
    change = parse(fields)
    check_owner(principal, change)
    held = database.read(partial(records.revisions_around, kind=CHANGE, id=change.key, revision=change.revision))
    known = [decode(Change, body) for body in held.bodies]
    if principal.role is Role.USER:
        change = _stamped(change, fields, known, now_us)
    same = next((one for one in known if one.revision == change.revision), None)
    repeated = same is not None and _says_the_same(same, change, fields, principal)
    if same is not None and repeated and not (part and change.series is not None and _is_newer(change, same, fields)):
        return Declaration(same, is_new=False)
    highest = max(known, key=lambda one: one.revision, default=None)
    _check(change, now_us, limits, highest)
    if repeated:
        return Declaration(change, is_new=True)
    if highest is not None and change.revision < highest.revision:
        raise Problem(409, f"revision {change.revision} is outranked: this change already has revision {highest.revision}")
    if same is not None and not _is_newer(change, same, fields):
        if _is_older(change, same, fields):
            raise Problem(409, f"revision {change.revision} is outranked: a newer content of it stands")
        raise Problem(
            409,
            f"revision {change.revision} of this change exists already with different content: give a higher revision,"
            " or a later updated_at, or use PUT",
        )
    if principal.role is Role.USER and held.count >= most_revisions:
        detail = f"this change has {held.count} revisions, the most that it may have (serve.quotas.revisions_per_change)"
        raise Problem(422, f"{detail}: declare another change")
    return Declaration(change, is_new=True)


def _check(change: Change, now_us: int, limits: ChangeLimits, before: Change | None) -> None:
    for name, text in (("change_id", change.change_id), ("owner", change.owner)):
        if len(text.encode()) > NAME_BYTES_MAX:
            raise Problem(422, f"{name} must not be longer than {NAME_BYTES_MAX} bytes")
    why = excess(change, now_us, limits, before)
    if why is not None:
        raise Problem(422, why)


def _stamped(change: Change, fields: Mapping[str, Any], known: Sequence[Change], now_us: int) -> Change:
    """A User's change was declared when its first revision arrived, whatever it claims; `updated_at` orders contents and stays."""
    now = instant(now_us - now_us % 1000)
    declared = next((one.declared_at for one in known if one.declared_at is not None), now)
    updated = change.updated_at if fields.get("updated_at") is not None else now
    return change.model_copy(update={"declared_at": declared, "updated_at": updated})


def _is_newer(change: Change, same: Change, fields: Mapping[str, Any]) -> bool:
    """Whether another content of a revision that stands is the later one: by `updated_at` if it was given, then by the export's time."""
    if fields.get("updated_at") is not None and change.updated_at != same.updated_at:
        return same.updated_at is None or (change.updated_at is not None and change.updated_at > same.updated_at)
    return change.exported_at is not None and (same.exported_at is None or change.exported_at > same.exported_at)


def _is_older(change: Change, same: Change, fields: Mapping[str, Any]) -> bool:
    """Whether what stands is the later content, by the same two times."""
    if fields.get("updated_at") is not None and change.updated_at is not None and change.updated_at != same.updated_at:
        return same.updated_at is not None and change.updated_at < same.updated_at
    return change.exported_at is not None and same.exported_at is not None and change.exported_at < same.exported_at


def _says_the_same(same: Change, change: Change, fields: Mapping[str, Any], principal: Principal) -> bool:
    """Whether two revisions differ only in the times of their arrival."""
    if principal.role is not Role.USER:
        return same_content(same, change)
    ours = {name for name in _ARRIVAL if name == "declared_at" or fields.get(name) is None}
    return same_content(same.model_copy(update=dict.fromkeys(ours)), change.model_copy(update=dict.fromkeys(ours)))
