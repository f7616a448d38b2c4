"""Declaring changes: they are examined, numbered and journalled one after the other."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from changes.files.record_names import Name
from changes.limits import CURRENT_US, ChangeLimits, is_past_occurrence
from models.canonical_json import to_json
from models.change import Change
from models.clock import Clock
from models.times import instant
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
from service.triage.examination import Declaration, examine, possible_revision
from service.triage.exports.record_exports import Gone, RecordExports, refuse_earlier_name
from service.triage.exports.series_exports import SeriesExports


@dataclass(frozen=True, slots=True)
class Declared:
    """What declaring several changes did."""

    new: int
    gone: list[Gone]
    """Withdrawn, because their records have another name now."""
    doubts: list[str]
    """What likely stands under another owner too, a line each; nothing is said to a User."""


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
        self._exports, self._records = SeriesExports(database), RecordExports(engine.declared_changes)
        self.lock = asyncio.Lock()

    def examine(self, principal: Principal, given: Any, now_us: int | None = None, *, part: bool = False) -> Declaration:
        """What declaring `given` comes to; see `examine`. `now_us`: when all of one request arrived. Raises Problem 422 beyond a quota.

        `part`: more of the same export follows, so that a time of a series which stands already has to carry the time of this export.
        """
        (made,) = self.examine_all(principal, [given], now_us, part=part)
        if isinstance(made, Problem):
            raise made
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

    def examine_all(
        self, principal: Principal, given: Sequence[Any], now_us: int | None = None, *, part: bool = False
    ) -> list[Declaration | Problem]:
        """The same for each of one request; what its neighbours before it declare counts as standing."""
        now_us = now_us or self.now_us()
        room, names = self._room(principal, now_us), self._names(principal, given)
        named: dict[tuple[str, int], Change] = {}
        new: dict[bool, set[str]] = {False: set(), True: set()}
        examined: list[Declaration | Problem] = []
        for one in given:
            try:
                made = self._examine(principal, one, now_us, names, part=part)
            except Problem as problem:
                examined.append(problem)
                continue
            kind = is_past_occurrence(made.change, now_us)
            if self._is_counted(principal, made) and made.change.key not in new[kind]:
                if len(new[kind]) >= room[kind]:
                    examined.append(self._too_many())
                    continue
                new[kind].add(made.change.key)
            before = named.setdefault((made.change.key, made.change.revision), made.change)
            examined.append(made if before is made.change else _twice(before, made.change))
        return examined

    def _names(self, principal: Principal, given: Sequence[Any]) -> dict[str, Name]:
        if not any(isinstance(one, dict) and one.get("record_id") for one in given):
            return {}
        return self._records.names(principal)

    def _examine(self, principal: Principal, given: Any, now_us: int, names: dict[str, Name], *, part: bool) -> Declaration:
        most = self._quotas.revisions_per_change
        made = examine(self._database, principal, given, now_us, self._limits, most, part=part)
        if made.is_new and self._exports.is_superseded(made.change):
            raise Problem(409, "a newer export of this series stands, and it does not hold this time: it is withdrawn")
        refuse_earlier_name(made.change, names)
        return made

    def _is_counted(self, principal: Principal, made: Declaration) -> bool:
        """Whether it is a User's change that is not there yet: revisions of those that stand are always taken."""
        return principal.role is Role.USER and made.is_new and made.change.key not in self._engine.changes

    def _room(self, principal: Principal, now_us: int) -> dict[bool, int]:
        """How many more changes this User may declare, and how many more times of series that were over long ago; no bound for the desk."""
        if principal.role is not Role.USER:
            return dict.fromkeys((False, True), sys.maxsize)
        own = [one for one in self._engine.declared_changes() if one.owner == principal.user]
        past = sum(is_past_occurrence(one, now_us) for one in own)
        most, since = self._quotas.changes_per_user, instant(now_us - CURRENT_US)
        current = sum(_is_current(one, since) and not is_past_occurrence(one, now_us) for one in own)
        return {False: most - current, True: most - past}

    def _too_many(self) -> Problem:
        most = self._quotas.changes_per_user
        return Problem(422, f"a User may have {most} changes that are not over since 40 days (serve.quotas.changes_per_user): not declared")

    async def declare_examined(self, principal: Principal, made: Sequence[Declaration | Problem]) -> Declared:
        """Declares what is new, and withdraws what stands under an earlier name of the same records; call it with `lock` held."""
        taken = [one for one in made if isinstance(one, Declaration)]
        fresh = [one.change for one in taken if one.is_new]
        unknown = [one for one in fresh if one.key not in self._engine.changes]
        doubts = await asyncio.to_thread(self._records.doubts, principal, unknown)
        await self.declare(principal, fresh)
        gone = await asyncio.to_thread(self._records.renamed, principal, [one.change for one in taken])
        await self.declare(principal, [one.change for one in gone])
        return Declared(len(fresh), gone, doubts)

    async def close_export(self, principal: Principal, changes: Sequence[Change], since: datetime | None = None) -> list[Gone]:
        """Withdraws the times of the series in `changes` that these, declared just now, no longer hold; call it with `lock` held.

        `since`: `changes` contains only what ends after.
        """
        if not any(one.series is not None or one.exported_at is not None for one in changes):
            return []
        gone = await asyncio.to_thread(self._exports.withdrawn, self._engine.declared_changes(), changes, since)
        mine = [one for one in gone if principal.role is not Role.USER or one.owner == principal.user]
        await self.declare(principal, mine)
        await asyncio.to_thread(self._exports.note, changes)
        return [Gone(one) for one in mine]

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


def _is_current(change: Change, since: datetime) -> bool:
    """Whether it ends, or was revised, after `since`."""
    return change.planned_end > since or (change.updated_at is not None and change.updated_at > since)


def _twice(before: Change, change: Change) -> Declaration | Problem:
    """One revision stands twice in one request."""
    if to_json(before) == to_json(change):
        return Declaration(before, is_new=False)
    return Problem(409, f"revision {change.revision} of this change occurs twice in this body with different content")


def _note(connection: Any, principal: Principal, changes: Sequence[Change], now_us: int) -> None:
    for change in changes:
        audit.note(connection, principal, "declare change", change.key, now_us, {"revision": change.revision, "status": change.status})
