"""Sources: who sends events, since when by the wall clock each has sent nothing; notifies the desk of those that stopped."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from models.clock import Clock
from models.times import format_time
from service.access import DESK, Role
from service.ingest.intake import Intake
from service.store import tokens
from service.store.database import Database
from service.store.messages import outbox
from service.store.messages.preferences import Preferences
from service.store.tokens import Token

_FACT = "stopped:"


@dataclass(frozen=True, slots=True)
class Source:
    """A token that sends events."""

    id: str
    name: str
    quiet_s: float
    """Since it last sent something."""
    stopped: bool
    """Whether that is longer than `serve.source_stopped_after_s`."""
    sent: bool = False
    """Whether it has sent something since the monitor started."""


class Sources:
    """Asks the intake for those of this run, and the data file for those that stopped before a restart."""

    def __init__(self, database: Database, intake: Intake, clock: Clock, stopped_after_s: float) -> None:
        self._database, self._intake, self._clock, self._stopped_after_s = database, intake, clock, stopped_after_s
        self._started_s = clock.steady_s()

    def states(self) -> list[Source]:
        """Every source whose token works, by name. After a restart each has the time to return before it counts as stopped."""
        now_us, up_s = self._clock.wall_us(), self._clock.steady_s() - self._started_s
        quiet, sent = self._intake.quiet_s(), self._intake.sent()
        sources = []
        for token in self._database.read(tokens.listed):
            quiet_s = quiet.get(token.id, _before(token, now_us))
            if quiet_s is not None and token.good(now_us):
                stopped = min(quiet_s, up_s if token.id not in quiet else quiet_s) > self._stopped_after_s
                sources.append(Source(token.id, token.name, round(quiet_s, 1), stopped, token.id in sent))
        return sorted(sources, key=lambda source: (source.name, source.id))

    def remark(self) -> str | None:
        """One line for `/readyz`, which anyone may read: it names nobody."""
        states = self.states()
        stopped = sum(source.stopped for source in states)
        if not stopped:
            return None
        return f"{stopped} of {len(states)} sources sent nothing for more than {self._stopped_after_s:g} s: GET /v1/status names them"

    async def report(self) -> bool:
        """Notes which sources stopped or came back since the last time, with a message to the desk; whether there was one."""
        states = await asyncio.to_thread(self.states)
        return await asyncio.wrap_future(self._database.write(partial(note, states=states, now_us=self._clock.wall_us())))


def _before(token: Token, now_us: int) -> float | None:
    """Seconds since an ingest token was last used, as the data file has it (to the minute); None for others."""
    return None if token.role != Role.INGEST or token.used_us is None else max(0.0, (now_us - token.used_us) / 1e6)


def note(connection: sqlite3.Connection, states: Sequence[Source], now_us: int) -> bool:
    """One message when a source stops and one when it comes back, each once; they are no records of the event-time flow."""
    known = {
        name.removeprefix(_FACT): int(since)
        for name, since in connection.execute("SELECT name, value FROM facts WHERE name LIKE ?", (f"{_FACT}%",))
    }
    changed = False
    stopped = {source.id: source for source in states if source.stopped}
    for source in stopped.values():
        if source.id not in known:
            since_us = now_us - int(source.quiet_s * 1e6)
            connection.execute("INSERT INTO facts VALUES (?, ?)", (f"{_FACT}{source.id}", str(since_us)))
            text = f"{source.name} has sent no events since {format_time(since_us)}: its traffic is not watched."
            changed |= _queue_notice(connection, "source.open", source.id, source.name, text, since_us, now_us)
    names = {source.id: source.name for source in states}
    back = {source.id for source in states if source.sent and not source.stopped}
    working = {token.id for token in tokens.listed(connection) if token.good(now_us)} if known else set()
    for name, since_us in known.items():
        if name in back or (name not in names and name not in working):
            connection.execute("DELETE FROM facts WHERE name = ?", (f"{_FACT}{name}",))
            shown = names.get(name, name)
            text = f"{shown} sends events again." if name in names else f"{shown} is no source any more: its token ended."
            changed |= _queue_notice(connection, "source.resolved", name, shown, text, since_us, now_us)
    return changed


def _queue_notice(connection: sqlite3.Connection, topic: str, source: str, name: str, text: str, since_us: int, now_us: int) -> bool:
    sequence = 2 if topic.endswith(".resolved") else 1
    record = {"source": name, "severity": "critical", "stopped_at": format_time(since_us), "text": text}
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    is_sent = False
    for subscription, text_of_wishes in connection.execute(
        "SELECT id, wishes FROM subscriptions WHERE holder = ? AND paused_reason IS NULL", (DESK,)
    ).fetchall():
        wishes = Preferences.model_validate_json(text_of_wishes)
        if wishes.sources:
            subject = f"source:{source}:{since_us}"
            is_sent |= outbox.put(
                connection,
                subscription,
                f"{subject}:{sequence}",
                topic,
                body,
                now_us,
                wishes,
                urgent=True,
                subject=subject,
                sequence=sequence,
            )
    return is_sent
