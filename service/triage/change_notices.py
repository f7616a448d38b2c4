"""Change notices to subscribers about changes, each as far as its holder may see them.

The log of records is followed by its numbers, so that a restart loses no notice and repeats none; notices that are due by the clock are
sent once, because the outbox records them.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import structlog

from changes.calendar import outranks
from changes.planning import notices
from changes.planning.notices import Notice
from changes.visibility import is_own, is_public, visible_to
from changes.windows import window_us
from models.canonical_json import decode
from models.change import Change
from models.clock import Clock
from models.columns import Ints
from models.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, us
from service.access import DESK, Principal, Role
from service.engine.engine import Engine
from service.planning.plans import Planning, preview
from service.store.database import Database
from service.store.messages import outbox, subscribers
from service.store.messages.subscribers import Subscriber
from service.store.records import CHANGE

EVERY_S = 5.0
_FACT = "notices:seq"
_AT_ONCE = 1000
_REMEMBERED = 100_000
_CHECKED_AT_ONCE = 20
"""Changes whose conflicts are looked for in one round."""
_BACK_US = HOUR_US
"""After a stop, notices up to this age are sent late; older ones are not sent."""
_GATHERED_US = MINUTE_US
"""People get what was declared together as one message."""
_PROMPT = frozenset({"about_to_start", "started", "overrun"})
_MOVES_US = 10 * MINUTE_US
"""Event time that stood still for so long says nothing about now."""
THREAD = "changes"
log = structlog.get_logger()
_ForHolder = tuple[str, Notice]


class _Addressed(NamedTuple):
    """A notice for one subscription."""

    to: Subscriber
    notice: Notice


class ChangeNotices:
    """A duty that comes round every few seconds."""

    def __init__(self, database: Database, engine: Engine, planning: Planning, clock: Clock, wake: Callable[[], None]) -> None:
        self._database, self._engine, self._planning, self._clock, self._wake = database, engine, planning, clock, wake
        self._seq: int | None = None
        self._known: dict[str, Change] = {}
        """The last revision of each change for which notices were sent."""
        self._unchecked: list[tuple[int, Change]] = []
        """Declared or moved, and not yet held against the others, with the number in the log."""
        self._stored: int | None = None
        """How far a restart need not read: everything until there is in the outbox."""
        self._event: tuple[int | None, int | None] | None = None
        """Event time, and when by the wall clock it was last seen to move."""
        self._edges: tuple[list[Change], Ints] | None = None
        """The changes, and start, end and planned end of each."""
        self._put: set[tuple[str, str]] = set()
        """Subscription and reference of what the outbox was given since the start."""

    async def round(self) -> None:
        """Sends new notices."""
        if self._engine.recovery() is None:
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """The same, on the calling thread."""
        if self._seq is None:
            self._begin()
        now_us = self._now_us()
        wanted_by = [one for one in self._database.read(subscribers.subscribers) if one.gets_notices]
        holders = sorted({one.holder for one in wanted_by})
        seen = self._engine.declared_changes()
        seq, revisions = self._revisions()
        latest = {after.key: after for _, _, after in revisions}
        addressed: list[_Addressed] = []
        unchecked: list[tuple[int, Change]] = []
        if wanted_by:
            for_holders = [one for _, before, after in revisions for one in _revised(before, after, holders, now_us)]
            unchecked = self._unchecked + [(number, after) for number, before, after in revisions if _is_replanned(before, after)]
            for_holders += self._conflicts(unchecked[:_CHECKED_AT_ONCE], latest, holders, now_us)
            unchecked = unchecked[_CHECKED_AT_ONCE:]
            addressed += [_Addressed(one, notice) for holder, notice in for_holders for one in wanted_by if one.holder == holder]
            addressed += self._due(wanted_by, now_us)
        fresh = _once([one for one in addressed if (one.to.id, one.notice.reference) not in self._put])
        done = unchecked[0][0] - 1 if unchecked else seq
        if fresh or done != self._stored:
            write = partial(_write, seq=done, fresh=fresh, seen=seen, current=self._engine.changes, now_us=self._clock.wall_us())
            if self._database.write(write).result():
                self._wake()
        # Only now: whatever failed above is read again in the next round.
        self._seq, self._stored, self._unchecked = seq, done, unchecked
        self._known.update(latest)
        if len(self._put) > _REMEMBERED:
            self._put.clear()
        self._put |= {(one.to.id, one.notice.reference) for one in fresh}

    def _begin(self) -> None:
        """What was declared before notices were first looked for is known."""
        seq = self._database.read(_noticed_seq)
        later = self._database.read(partial(_records, after=seq, limit=1_000_000))
        keys = {change.key for _, change in later}
        self._known = {key: change for key, change in self._engine.changes.items() if key not in keys}
        for key in keys:
            before = self._database.read(partial(_before, key=key, seq=seq))
            if before is not None:
                self._known[key] = before
        self._seq = seq

    def _revisions(self) -> tuple[int, list[tuple[int, Change | None, Change]]]:
        """How far the log was read; the number, the revision before and the revision after of what counts in it."""
        seq, revisions = self._seq or 0, []
        latest: dict[str, Change] = {}
        for number, after in self._database.read(partial(_records, after=seq, limit=_AT_ONCE)):
            before, seq = latest.get(after.key, self._known.get(after.key)), number
            if outranks(after, before):
                revisions.append((number, before, after))
                latest[after.key] = after
                self._edges = None
        return seq, revisions

    def _due(self, subscribers: Sequence[Subscriber], now_us: int) -> Iterator[_Addressed]:
        """Notices that are due by the clock, separately for each subscription, because each chooses the time before a start."""
        if self._edges is None:
            changes = self._engine.declared_changes()
            moments = [(*window_us(change), us(change.planned_end)) for change in changes]
            self._edges = changes, np.array(moments, np.int64).reshape(-1, 3)
        changes, edges = self._edges
        ahead_us = max(one.preferences.ahead_s for one in subscribers) * SECOND_US
        near = ((edges > now_us - _BACK_US - ahead_us) & (edges <= now_us + ahead_us)).any(axis=1)
        for index in np.flatnonzero(near).tolist():
            for one in subscribers:
                when = now_us - _BACK_US, now_us, one.preferences.ahead_s * SECOND_US
                # The times are the same for every reader, and cost less than the part that it may see.
                if next(notices.due(changes[index], *when), None) is None:
                    continue
                shown = visible_to(changes[index], one.holder or None)
                if shown is not None:
                    yield from (_Addressed(one, notice) for notice in notices.due(shown, *when))

    def _conflicts(
        self, unchecked: Sequence[tuple[int, Change]], latest: Mapping[str, Change], holders: Sequence[str], now_us: int
    ) -> Iterator[_ForHolder]:
        known = self._engine.declared_changes()
        for _, change in unchecked:
            if latest.get(change.key, self._known.get(change.key)) is not change or us(change.planned_end) <= now_us:
                continue
            for holder in holders:
                try:
                    notices = list(_conflicts_for(holder, change, known, self._planning, now_us))
                except Exception:
                    log.exception("the conflicts of a change could not be determined; it gets no notice of them", change=change.key)
                    continue
                yield from notices

    def _now_us(self) -> int:
        """The wall clock; event time where a day is replayed or simulated, while it moves."""
        wall_us, event_us = self._clock.wall_us(), self._engine.watermark_us
        if self._event is None or self._event[0] != event_us:
            self._event = event_us, None if self._event is None else wall_us
        moved_us = self._event[1]
        is_moving = moved_us is not None and abs(wall_us - moved_us) < _MOVES_US
        return event_us if event_us is not None and is_moving and abs(wall_us - event_us) >= DAY_US else wall_us


def _once(addressed: Sequence[_Addressed]) -> list[_Addressed]:
    """A conflict of two changes that were declared together is one notice, not one for each."""
    distinct: dict[tuple[str, str], _Addressed] = {}
    for one in addressed:
        distinct.setdefault((one.to.id, one.notice.text if one.notice.kind == "conflict" else one.notice.reference), one)
    return list(distinct.values())


def _revised(before: Change | None, after: Change, holders: Iterable[str], now_us: int) -> Iterator[_ForHolder]:
    for holder in holders:
        shown = visible_to(after, holder or None)
        if shown is not None:
            was = None if before is None else visible_to(before, holder or None)
            yield from ((holder, one) for one in notices.of_revision(was, shown, now_us))


def _is_replanned(before: Change | None, after: Change) -> bool:
    if not after.explains:
        return False
    return before is None or not before.explains or (before.planned_start, before.planned_end) != (after.planned_start, after.planned_end)


def _conflicts_for(holder: str, change: Change, known: list[Change], planning: Planning, now_us: int) -> Iterator[_ForHolder]:
    """To the desk all; to a User what is in the way of its own change, and where it may see the new one, of what that one meets."""
    shown = visible_to(change, holder or None)
    if shown is None:
        return
    if not holder or (change.source == "user" and change.owner == holder):
        principal = Principal("", "", Role.USER, holder) if holder else Principal("", "", Role.TRIAGE)
        for conflict in preview(known, principal, change, planning.rules, None)["conflicts"]:
            yield holder, notices.conflict(change, conflict, now_us)
        return
    own = [one for one in known if one.source == "user" and one.owner == holder and one.explains]
    for conflict in planning.between(shown, own):
        yield holder, notices.conflict(shown, conflict, now_us)


def _write(
    connection: sqlite3.Connection, seq: int, fresh: Sequence[_Addressed], seen: list[Change], current: Mapping[str, Change], now_us: int
) -> bool:
    """Put notices into the outbox, and how far the log was read; whether anything is to be sent.

    `current` is read in the writer's thread: a change that its owner has hidden meanwhile is hidden, or its withdrawal comes later.
    """
    hidden = _hidden_since(seen, list(current.values())) if any(one.notice.kind == "conflict" for one in fresh) else []
    waiting, any_put = outbox.waiting_notices(connection) if fresh else {}, False
    for subscriber, notice in fresh:
        held = waiting.get(subscriber.id, 0)
        if notice.kind == "conflict" and subscriber.holder and any(name in notice.text for name in hidden):
            continue
        if held < outbox.NOTICES_LIMIT and _may_see(subscriber.holder, current.get(notice.change.key)):
            put = _put(connection, subscriber, notice, now_us)
            waiting[subscriber.id] = held + put
            any_put |= put
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_FACT, str(seq)))
    return any_put


def _hidden_since(seen: list[Change], current: list[Change]) -> list[str]:
    """How a conflict's text begins to name the changes that were declared or revised after `seen` and that others may not see."""
    before = {id(change) for change in seen}
    return [f"{change.change_id} ({change.owner}: " for change in current if id(change) not in before and not is_public(change)]


def _may_see(holder: str, change: Change | None) -> bool:
    return not holder or change is None or is_own(change, holder) or is_public(change)


def _put(connection: sqlite3.Connection, subscriber: Subscriber, notice: Notice, now_us: int) -> bool:
    if not subscriber.preferences.wants_notice(notice.kind):
        return False
    gathered = subscriber.to_people and notice.kind not in _PROMPT
    return outbox.put(
        connection,
        subscriber.id,
        notice.reference,
        f"notice.{notice.kind}",
        json.dumps(notice.as_object, ensure_ascii=False, separators=(",", ":")).encode(),
        now_us + (_GATHERED_US if gathered else 0),
        subscriber.preferences,
        urgent=False,
        thread=THREAD if subscriber.to_people else "",
    )


def _noticed_seq(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()
    if row is not None:
        return int(row[0])
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM records").fetchone()[0])


def _records(connection: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, Change]]:
    rows = connection.execute(
        "SELECT seq, body FROM records WHERE seq > ? AND kind = ? AND audience = ? ORDER BY seq LIMIT ?", (after, CHANGE, DESK, limit)
    )
    return [(seq, decode(Change, body)) for seq, body in rows]


def _before(connection: sqlite3.Connection, key: str, seq: int) -> Change | None:
    row = connection.execute(
        "SELECT body FROM records WHERE kind = ? AND audience = ? AND id = ? AND seq <= ? ORDER BY revision DESC LIMIT 1",
        (CHANGE, DESK, key, seq),
    ).fetchone()
    return None if row is None else decode(Change, row[0])
