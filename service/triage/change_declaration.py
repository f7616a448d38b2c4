"""Declaring changes: who may do it, which revision counts, and the conflicts of a change."""

import asyncio
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError

from changes.drafting import guess_category
from changes.files.merge import same_content
from changes.limits import NAME_BYTES_MAX, ChangeLimits, excess
from models.canonical_json import decode, to_json
from models.change import Change
from models.clock import Clock
from models.times import DAY_US, instant
from models.vocabulary import GREATEST
from models.wire_model import reason
from service.access import Principal, Role
from service.engine.engine import Engine
from service.ingest.claims import CLAIM
from service.ingest.intake import Intake
from service.ingest.journal import CHANGES
from service.parameters import QuotaParameters
from service.problems import Problem
from service.store import audit, records
from service.store.database import Database
from service.store.records import CHANGE
from service.triage.change_names import resolve
from service.triage.series_exports import SeriesExports

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
        if change.exported_at is not None and same.exported_at is not None and change.exported_at < same.exported_at:
            raise Problem(409, f"revision {change.revision} is outranked: a newer export of this change stands")
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


def _says_the_same(same: Change, change: Change, fields: Mapping[str, Any], principal: Principal) -> bool:
    """Whether two revisions differ only in the times of their arrival."""
    if principal.role is not Role.USER:
        return same_content(same, change)
    ours = {name for name in _ARRIVAL if name == "declared_at" or fields.get(name) is None}
    return same_content(same.model_copy(update=dict.fromkeys(ours)), change.model_copy(update=dict.fromkeys(ours)))


def _ndjson(changes: Sequence[Change]) -> bytes:
    return b"\n".join(map(to_json, changes))


class ChangeDeclarations:
    """Accepts declarations; the holder of `lock` numbers the revisions, one after the other."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        engine: Engine,
        clock: Clock,
        limits: ChangeLimits,
        quotas: QuotaParameters,
    ) -> None:
        self._database, self._intake, self._engine, self._clock, self._limits = database, intake, engine, clock, limits
        self._quotas = quotas
        self._exports = SeriesExports(database)
        self.lock = asyncio.Lock()

    def examine(self, principal: Principal, given: Any, now_us: int | None = None, *, part: bool = False) -> Declaration:
        """What declaring `given` comes to; see `examine`. `now_us`: when all of one request arrived. Raises Problem 422 beyond a quota.

        `part`: more of the same export follows, so that a time of a series which stands already has to carry the time of this export.
        """
        made = self._examine(principal, given, now_us or self.now_us(), part=part)
        if self._is_counted(principal, made) and self._room(principal) < 1:
            raise self._too_many()
        return made

    def examine_revision(self, principal: Principal, given: Mapping[str, Any], key: str) -> Declaration:
        """The same for a change without `revision`: the highest one if that says the same, else the next number."""
        number = self.next_revision(key)
        try:
            standing = self.examine(principal, {**given, "revision": number - 1}) if number > 1 else None
        except Problem:  # it says something else
            standing = None
        if standing is not None and not standing.is_new:
            return standing
        return self.examine(principal, {**given, "revision": possible_revision(number)})

    def examine_all(self, principal: Principal, given: Sequence[Any], *, part: bool = False) -> list[Declaration | Problem]:
        """The same for each of one request; what its neighbours before it declare counts as standing."""
        now_us, room = self.now_us(), self._room(principal)
        named: dict[tuple[str, int], Change] = {}
        new: set[str] = set()
        examined: list[Declaration | Problem] = []
        for one in given:
            try:
                made = self._examine(principal, one, now_us, part=part)
            except Problem as problem:
                examined.append(problem)
                continue
            if self._is_counted(principal, made) and made.change.key not in new:
                if len(new) >= room:
                    examined.append(self._too_many())
                    continue
                new.add(made.change.key)
            before = named.setdefault((made.change.key, made.change.revision), made.change)
            examined.append(made if before is made.change else _twice(before, made.change))
        return examined

    def _examine(self, principal: Principal, given: Any, now_us: int, *, part: bool) -> Declaration:
        most = self._quotas.revisions_per_change
        made = examine(self._database, principal, given, now_us, self._limits, most, part=part)
        if made.is_new and self._exports.is_superseded(made.change):
            raise Problem(409, "a newer export of this series stands, and it does not hold this time: it is withdrawn")
        return made

    def _is_counted(self, principal: Principal, made: Declaration) -> bool:
        """Whether it is a User's change that is not there yet: revisions of those that stand are always taken."""
        return principal.role is Role.USER and made.is_new and made.change.key not in self._engine.changes

    def _room(self, principal: Principal) -> int:
        """How many more changes this User may declare; no bound for the desk."""
        if principal.role is not Role.USER:
            return sys.maxsize
        known = self._engine.declared_changes()
        return self._quotas.changes_per_user - _count_current(known, principal.user, instant(self.now_us() - _CURRENT_US))

    def _too_many(self) -> Problem:
        most = self._quotas.changes_per_user
        return Problem(422, f"a User may have {most} changes that are not over since 40 days (serve.quotas.changes_per_user): not declared")

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

    def next_revision(self, key: str) -> int:
        """The number after the highest existing revision; 1 if there is none."""
        return self._database.read(partial(records.revisions_around, kind=CHANGE, id=key, revision=0)).highest + 1

    async def declare(self, principal: Principal, changes: Sequence[Change]) -> None:
        """Journals the revisions and waits until everyone who may see them can."""
        if not changes:
            return
        # A thousand changes take a tenth of a second: everybody would wait for it on the event loop.
        body = await asyncio.to_thread(_ndjson, changes)
        now_us = self._clock.wall_us()
        key = CLAIM if principal.role is Role.USER else ""
        entry = await asyncio.wrap_future(self._intake.submit(CHANGES, principal.id, body, list(changes), now_us, key=key))
        await asyncio.wrap_future(self._database.write(partial(_note, principal=principal, changes=changes, now_us=now_us)))
        await asyncio.wrap_future(self._engine.reached(entry.seq))


def _count_current(known: Iterable[Change], owner: str | None, since: datetime) -> int:
    """Changes of `owner` that end, or were revised, after `since`."""
    return sum(one.owner == owner and (one.planned_end > since or (one.updated_at is not None and one.updated_at > since)) for one in known)


def _twice(before: Change, change: Change) -> Declaration | Problem:
    """One revision stands twice in one request."""
    if to_json(before) == to_json(change):
        return Declaration(before, is_new=False)
    return Problem(409, f"revision {change.revision} of this change occurs twice in this body with different content")


def _note(connection: Any, principal: Principal, changes: Sequence[Change], now_us: int) -> None:
    for change in changes:
        audit.note(connection, principal, "declare change", change.key, now_us, {"revision": change.revision, "status": change.status})
