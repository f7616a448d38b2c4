"""Contests: an owner objects to the report on its change; stored beside the record, which never changes."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from models.times import format_time
from service.access import DESK_ROLES, Principal
from service.problems import not_found
from service.store import audit, records, triage_actions
from service.store.records import REPORT

_CONTEST, _WITHDRAW = "contest", "withdraw"


def contest(connection: sqlite3.Connection, principal: Principal, key: str, now_us: int, detail: dict[str, str] | None) -> dict[str, Any]:
    """The report with its contest; `detail` holds `reason` and `name`, None withdraws. `key`: owner/change_id. Raises Problem 404."""
    owner = key.partition("/")[0]
    body = records.one(connection, principal, REPORT, key)
    if body is None or (principal.role not in DESK_ROLES and principal.user != owner):
        raise not_found(REPORT)
    action = _WITHDRAW if detail is None else _CONTEST
    actor = (detail or {}).get("name") or principal.name
    triage_actions.add(connection, kind=REPORT, subject=key, action=action, actor=actor, now_us=now_us, detail=detail or {})
    audit.note(connection, principal, f"{action} report", key, now_us, detail or {})
    shown: dict[str, Any] = json.loads(with_contests(connection, [body])[0])
    return shown


def with_contests(connection: sqlite3.Connection, bodies: Sequence[bytes]) -> list[bytes]:
    """Reports with `contested` filled in if somebody contests them; the others byte for byte as stored."""
    if not bodies:
        return []
    read = [json.loads(body) for body in bodies]
    keys = [f"{one.get('owner') or ''}/{one['change_id']}" for one in read]
    standing = _standing(connection, keys)
    return [
        _encoded({**one, "contested": standing[key]}) if key in standing else body
        for body, one, key in zip(bodies, read, keys, strict=True)
    ]


def _standing(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    by_subject: dict[str, dict[str, Any]] = {}
    for action in triage_actions.actions(connection, REPORT, keys):
        if action.action == _WITHDRAW:
            by_subject.pop(action.subject, None)
        else:
            by_subject[action.subject] = {"by": action.actor, "at": format_time(action.at_us), "reason": action.detail.get("reason")}
    return by_subject


def _encoded(shown: dict[str, Any]) -> bytes:
    return json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
