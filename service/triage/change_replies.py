"""Replies: what Parties answer to a change of the DCC's (consultation) and who signs up to test it, with date and name.

They are kept beside the change and never alter it. The desk reads all of them; a User reads its own and nobody else's.
"""

import sqlite3
from typing import Any, Literal

from changes.visibility import visible_to
from models.canonical_json import decode
from models.change import Change
from models.times import format_time
from service.access import DESK, DESK_ROLES, Principal, Role
from service.problems import Problem, not_found
from service.store import audit, records, triage_actions
from service.store.records import CHANGE

ReplyKind = Literal["consultation", "testing"]
_ACTION = "reply"
_MOST_OF_A_USER = 20
_DESK = Principal("", "", Role.TRIAGE)


def replies(connection: sqlite3.Connection, principal: Principal, key: str) -> list[dict[str, Any]]:
    """`at`, `by`, `user`, `kind`, `text`, oldest first, as far as the principal may read them. Raises Problem 404."""
    _change(connection, principal, key)
    return [one for one in _all(connection, key) if principal.role in DESK_ROLES or one["user"] == principal.user]


def reply(connection: sqlite3.Connection, principal: Principal, key: str, now_us: int, detail: dict[str, str]) -> list[dict[str, Any]]:
    """Keeps one reply; `detail` holds `kind` and `text`, the desk may name the `user` that it writes down. The replies after it.

    Raises Problem 404 for a change that the principal may not see, 422 for one that the DCC does not lead, and beyond twenty of a User.
    """
    change = _change(connection, principal, key)
    if change.source != "dcc":
        raise Problem(422, "replies are kept on changes that the DCC leads")
    user = principal.user if principal.role is Role.USER else detail.get("user")
    if user is not None and sum(one["user"] == user for one in _all(connection, key)) >= _MOST_OF_A_USER:
        raise Problem(422, f"{_MOST_OF_A_USER} replies of {user} to this change are kept already")
    kept = {"kind": detail["kind"], "text": detail["text"], **({} if user is None else {"user": user})}
    triage_actions.add(connection, kind=CHANGE, subject=key, action=_ACTION, actor=principal.name, now_us=now_us, detail=kept)
    audit.note(connection, principal, "reply to change", key, now_us, {"kind": detail["kind"]})
    return replies(connection, principal, key)


def _all(connection: sqlite3.Connection, key: str) -> list[dict[str, Any]]:
    return [
        {
            "at": format_time(one.at_us),
            "by": one.actor,
            "user": one.detail.get("user"),
            "kind": one.detail["kind"],
            "text": one.detail["text"],
        }
        for one in triage_actions.actions(connection, CHANGE, [key])
        if one.action == _ACTION
    ]


def _change(connection: sqlite3.Connection, principal: Principal, key: str) -> Change:
    body = records.one(connection, _DESK, CHANGE, key)
    change = None if body is None else visible_to(decode(Change, body), None if principal.role in DESK_ROLES else principal.user or DESK)
    if change is None:
        raise not_found(CHANGE)
    return change
