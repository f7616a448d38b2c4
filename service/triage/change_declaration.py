"""Declaring changes: who may, which revision counts, and what a change would collide with."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from changes.planning import conflicts, sec_completeness
from models.canonical_json import decode, to_json
from models.change import Change
from service.access import Principal, Role
from service.clock import Clock
from service.engine.engine import Engine
from service.ingest.intake import Intake
from service.ingest.journal import CHANGES
from service.problems import Problem, not_found
from service.store import audit, records
from service.store.database import Database
from service.store.record_rows import is_public, public_summary
from service.store.records import CHANGE


def check_owner(principal: Principal, change: Change) -> None:
    """A User declares its own changes only. Raises Problem 403."""
    if principal.role is Role.USER and (change.owner != principal.user or change.source != "user"):
        raise Problem(403, f"a User declares its own changes: owner must be {principal.user} and source `user`")


def standing(database: Database, principal: Principal, change_id: str) -> Change:
    """The change's highest revision, for whoever may revise it. Raises Problem 404."""
    body = database.read(partial(records.one, principal=principal, kind=CHANGE, id=change_id))
    owner = database.read(partial(records.change_owner, change_id=change_id))
    if body is None or (principal.role is Role.USER and owner != principal.user):
        raise not_found(CHANGE)
    return decode(Change, body)


def may_declare(database: Database, principal: Principal, change: Change) -> bool:
    """Whether this is news; False if the same revision stands. Raises Problem 403, 409 or 422."""
    check_owner(principal, change)
    if len(change.change_id.encode()) > 200:
        raise Problem(422, "change_id must not be longer than 200 bytes")
    owner = database.read(partial(records.change_owner, change_id=change.change_id))
    if owner is None:
        return True
    if principal.role is Role.USER and owner != principal.user:
        raise Problem(409, "this change_id can't be used: choose another, such as one that begins with your User ID")
    desk = Principal("", "", Role.TRIAGE)
    known = database.read(partial(records.revisions, principal=desk, kind=CHANGE, id=change.change_id))
    for body in known:
        earlier = decode(Change, body)
        if earlier.revision == change.revision:
            if to_json(earlier) == to_json(change):
                return False
            raise Problem(
                409, f"revision {change.revision} of this change stands already with other content: give a higher revision, or use PUT"
            )
    return True


class ChangeDeclarations:
    """Takes declarations; who holds `lock` meanwhile numbers the revisions, one after the other."""

    def __init__(self, database: Database, intake: Intake, engine: Engine, clock: Clock) -> None:
        self._database, self._intake, self._engine, self._clock = database, intake, engine, clock
        self.lock = asyncio.Lock()

    async def declare(self, principal: Principal, changes: Sequence[Change]) -> None:
        """Journals the revisions and waits until everyone who may can see them."""
        if not changes:
            return
        body = b"\n".join(to_json(change) for change in changes)
        now_us = self._clock.wall_us()
        entry = await asyncio.wrap_future(self._intake.submit(CHANGES, principal.id, body, list(changes), now_us))
        await asyncio.wrap_future(self._database.write(partial(_note, principal=principal, changes=changes, now_us=now_us)))
        await asyncio.wrap_future(self._engine.reached(entry.seq))


def _note(connection: Any, principal: Principal, changes: Sequence[Change], now_us: int) -> None:
    for change in changes:
        audit.note(
            connection, principal, "declare change", change.change_id, now_us, {"revision": change.revision, "status": change.status}
        )


def preview(known: Iterable[Change], principal: Principal, change: Change) -> dict[str, Any]:
    """Conflicts and what is missing. Others' changes appear to a User as their public summary, or not at all."""
    others = [other for other in known if other.change_id != change.change_id and other.explains]
    shown = [seen for other in others if (seen := visible(principal, other)) is not None]
    return {"conflicts": conflicts.described(change, shown), "missing": sec_completeness.described(change)}


def visible(principal: Principal, other: Change) -> Change | None:
    """A change as the principal may see it; None for what it may not see at all."""
    if principal.role is not Role.USER or (other.source == "user" and other.owner == principal.user):
        return other
    return public_summary(other) if is_public(other) else None
