"""Declaring changes: who may do it, which revision counts, and the conflicts of a change."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from changes.drafting import guess_category
from changes.files.merge import same_content
from changes.limits import ChangeLimits, excess
from models.canonical_json import decode, to_json
from models.change import Change
from models.clock import Clock
from models.times import DAY_US, instant
from models.wire_model import reason
from service.access import Principal, Role
from service.engine.engine import Engine
from service.ingest.claims import CLAIM
from service.ingest.intake import Intake
from service.ingest.journal import CHANGES
from service.problems import Problem
from service.store import audit, records
from service.store.database import Database
from service.store.records import CHANGE
from service.triage.change_names import resolve
from service.triage.planning import Planning, preview
from service.triage.series_exports import SeriesExports

_DESK = Principal("", "", Role.TRIAGE)
_LONGEST_NAME = 200
_CURRENT_US = 40 * DAY_US
"""How long after its end a change counts against its User's quota: then it has left the calendar."""
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
    return {"owner": principal.user, "change_id": f"CHG-{secrets.token_hex(6)}", **guessed, **own}


def check_owner(principal: Principal, change: Change) -> None:
    """A User declares its own changes only. Raises Problem 403."""
    if principal.role is Role.USER and (change.owner != principal.user or change.source != "user"):
        raise Problem(403, f"a User declares its own changes: owner must be {principal.user} and source `user`")


def examine(database: Database, principal: Principal, given: Any, now_us: int, limits: ChangeLimits, *, part: bool = False) -> Declaration:
    """The result of declaring `given`. Raises Problem 403 (not its own), 409 (outranked or in conflict) or 422 (invalid)."""
    fields = named(principal, given)
    change = parse(fields)
    check_owner(principal, change)
    _check(change, now_us, limits)
    known = [decode(Change, body) for body in database.read(partial(records.revisions, principal=_DESK, kind=CHANGE, id=change.key))]
    if principal.role is Role.USER:
        change = _stamped(change, fields, known, now_us)
    same = next((one for one in known if one.revision == change.revision), None)
    if same is not None and _says_the_same(same, change, fields, principal):
        renewed = part and change.series is not None and _is_newer(change, same, fields)
        return Declaration(change if renewed else same, is_new=renewed)
    highest = max(known, key=lambda one: one.revision, default=None)
    if highest is not None and change.revision < highest.revision:
        raise Problem(409, f"revision {change.revision} is outranked: this change already has revision {highest.revision}")
    if same is not None and not _is_newer(change, same, fields):
        if change.exported_at is not None and same.exported_at is not None and change.exported_at < same.exported_at:
            raise Problem(409, f"revision {change.revision} is outranked: a newer export of this change stands")
        raise Problem(
            409,
            f"revision {change.revision} of this change exists already with different content: give a higher revision,"
            " or a later updated_at, or use PUT",
        )
    return Declaration(change, is_new=True)


def _check(change: Change, now_us: int, limits: ChangeLimits) -> None:
    for name, text in (("change_id", change.change_id), ("owner", change.owner)):
        if len(text.encode()) > _LONGEST_NAME:
            raise Problem(422, f"{name} must not be longer than {_LONGEST_NAME} bytes")
    why = excess(change, now_us, limits)
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


def _says_the_same(same: Change, change: Change, fields: Mapping[str, Any], principal: Principal) -> bool:
    """Whether two revisions differ only in the times of their arrival."""
    if principal.role is not Role.USER:
        return same_content(same, change)
    ours = {name for name in _ARRIVAL if name == "declared_at" or fields.get(name) is None}
    return same_content(same.model_copy(update=dict.fromkeys(ours)), change.model_copy(update=dict.fromkeys(ours)))


class ChangeDeclarations:
    """Accepts declarations; the holder of `lock` numbers the revisions, one after the other."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        engine: Engine,
        clock: Clock,
        limits: ChangeLimits,
        planning: Planning,
        most_of_a_user: int,
    ) -> None:
        self._database, self._intake, self._engine, self._clock, self._limits = database, intake, engine, clock, limits
        self.planning, self._most_of_a_user = planning, most_of_a_user
        self._exports = SeriesExports(database)
        self.lock = asyncio.Lock()

    def examine(self, principal: Principal, given: Any, now_us: int | None = None, *, part: bool = False) -> Declaration:
        """What declaring `given` comes to; see `examine`. `now_us`: when all of one request arrived.

        `part`: more of the same export follows, so that a time of a series which stands already has to carry the time of this export.
        """
        made = examine(self._database, principal, given, now_us or self.now_us(), self._limits, part=part)
        if made.is_new and self._exports.is_superseded(made.change):
            raise Problem(409, "a newer export of this series stands, and it does not hold this time: it is withdrawn")
        return made

    async def close_export(self, principal: Principal, changes: Sequence[Change]) -> list[Change]:
        """Withdraws the times of the series in `changes` that these, declared just now, no longer hold; call it with `lock` held."""
        if not any(one.series is not None or one.exported_at is not None for one in changes):
            return []
        gone = await asyncio.to_thread(self._exports.withdrawn, self._engine.declared_changes(), changes)
        mine = [one for one in gone if principal.role is not Role.USER or one.owner == principal.user]
        await self.declare(principal, mine)
        await asyncio.to_thread(self._exports.note, changes)
        return mine

    def now_us(self) -> int:
        """The arrival time of new input."""
        return self._clock.wall_us()

    def resolve(self, principal: Principal, name: str) -> str | None:
        """The key of the change that the principal means; see `change_names.resolve`."""
        return resolve(self._database, principal, name, to_write=True)

    def preview(self, principal: Principal, change: Change) -> dict[str, Any]:
        """Its conflicts, free times, and missing items, as far as the principal may know them."""
        return preview(self._engine.declared_changes(), principal, change, self.planning.rules, instant(self.now_us()))

    def next_revision(self, key: str) -> int:
        """The number after the highest existing revision; 1 if there is none."""
        bodies = self._database.read(partial(records.revisions, principal=_DESK, kind=CHANGE, id=key))
        return max((decode(Change, body).revision for body in bodies), default=0) + 1

    async def declare(self, principal: Principal, changes: Sequence[Change]) -> None:
        """Journals the revisions and waits until everyone who may see them can."""
        if not changes:
            return
        if principal.role is Role.USER:
            await self._check_quota(principal, changes)
        body = b"\n".join(to_json(change) for change in changes)
        now_us = self._clock.wall_us()
        key = CLAIM if principal.role is Role.USER else ""
        entry = await asyncio.wrap_future(self._intake.submit(CHANGES, principal.id, body, list(changes), now_us, key=key))
        await asyncio.wrap_future(self._database.write(partial(_note, principal=principal, changes=changes, now_us=now_us)))
        await asyncio.wrap_future(self._engine.reached(entry.seq))

    async def _check_quota(self, principal: Principal, changes: Sequence[Change]) -> None:
        """Raises Problem 422 for new changes beyond a User's quota; revisions of existing changes are always accepted."""
        new = len({one.key for one in changes if one.key not in self._engine.changes})
        if not new:
            return
        since = instant(self.now_us() - _CURRENT_US)
        known = self._engine.declared_changes()
        count = partial(_count_current, known, principal.user, since)
        if await asyncio.to_thread(count) + new > self._most_of_a_user:
            raise Problem(422, f"a User may have {self._most_of_a_user} changes that are not over since 40 days: nothing was declared")


def _count_current(known: Iterable[Change], owner: str | None, since: datetime) -> int:
    """Changes of `owner` that end, or were revised, after `since`."""
    return sum(one.owner == owner and (one.planned_end > since or (one.updated_at is not None and one.updated_at > since)) for one in known)


def _note(connection: Any, principal: Principal, changes: Sequence[Change], now_us: int) -> None:
    for change in changes:
        audit.note(connection, principal, "declare change", change.key, now_us, {"revision": change.revision, "status": change.status})
