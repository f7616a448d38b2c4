"""Periodic jobs besides judging: pack charts, escalate, synchronise with Alertmanager, send heartbeats."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from models.clock import Clock
from service.access import DESK
from service.alertmanager.push import Pusher
from service.alertmanager.silence_sync import Silencer
from service.charts import compaction
from service.charts.compaction import Keep
from service.charts.queries import latest_us
from service.notify.sources import Sources
from service.parameters import ServeParameters
from service.planning.plans import LEARN_EVERY_S, Planning
from service.store import triage_actions
from service.store.database import Database
from service.store.messages import deliveries, outbox
from service.store.messages.preferences import Preferences
from service.store.records import ALERT
from service.triage import change_notices
from service.triage.change_notices import ChangeNotices
from service.triage.watched_folder import WatchedFolder

if TYPE_CHECKING:
    import aiohttp

_MINUTE_S = 60.0
_SET_US = 10e6
"""If a wall clock deviates this much from the steady one between two checks, it was set."""
log = structlog.get_logger()


class PeriodicJobs:
    """Each job is a loop of its own; a job that fails is logged and repeated."""

    def __init__(
        self,
        database: Database,
        parameters: ServeParameters,
        keep: Keep,
        clock: Clock,
        wake: Callable[[], None],
        fault: Callable[[], str | None],
        pusher: Pusher,
        silencer: Silencer,
        planning: Planning,
        notices: ChangeNotices,
        sources: Sources,
        watched: tuple[WatchedFolder, float] | None = None,
    ) -> None:
        self._database, self._parameters, self._keep, self._clock, self._wake = database, parameters, keep, clock, wake
        self._fault, self._pusher, self._silencer = fault, pusher, silencer
        self._planning, self._notices = planning, notices
        self._sources = sources
        self._watched = watched
        """The folder for dropped calendars, and how often it is checked, in seconds."""
        self._ahead_us: float | None = None
        """Wall clock against steady clock, at the last check."""

    def all(self) -> list[Coroutine[Any, Any, None]]:
        """Every job that the settings require."""
        duties = [_every(5.0, self.check_clock_step), _every(10.0, self.pack_charts), _every(15.0, self.escalate)]
        duties += [_every(3600.0, self.sweep), _every(LEARN_EVERY_S, self._planning.learn_when_due)]
        duties.append(_every(change_notices.EVERY_S, self._notices.round))
        duties.append(_every(5.0, self.report_sources))
        if self._watched is not None:
            duties.append(_every(self._watched[1], self._watched[0].look))
        if self._parameters.alertmanager_urls:
            duties += [_every(5.0, self._pusher.push), _every(15.0, self._silencer.round)]
        if self._parameters.heartbeat_url:
            duties.append(_every(_MINUTE_S, self.send_heartbeat))
        return duties

    async def check_clock_step(self) -> None:
        """If the clock was set (or the monitor was down and can't know), messages that wait for a time of day are scheduled again."""
        now_us = self._clock.wall_us()
        ahead_us, before_us = now_us - self._clock.steady_s() * 1e6, self._ahead_us
        self._ahead_us = ahead_us
        if before_us is not None and abs(ahead_us - before_us) < _SET_US:
            return
        if before_us is not None:
            log.warning(
                "the clock was set: waiting messages are scheduled again; use NTP or chrony", by_s=round((ahead_us - before_us) / 1e6)
            )
        await asyncio.wrap_future(self._database.write(partial(deliveries.reschedule, now_us=now_us)))
        self._wake()

    async def pack_charts(self) -> None:
        """Turns whole hours into chunks, whole days into quarters, and deletes old data."""
        await asyncio.to_thread(pack_what_is_due, self._database, self._keep)

    async def escalate(self) -> None:
        """Notifies those who requested it of alerts that nobody acknowledged in time."""
        now_us = self._clock.wall_us()
        before_us = now_us - int(self._parameters.escalate_after_s * 1e6)
        if await asyncio.to_thread(self._database.read, partial(triage_actions.unattended, before_us=before_us, now_us=now_us)):
            await asyncio.wrap_future(self._database.write(partial(_escalate, before_us=before_us, now_us=now_us)))
            self._wake()

    async def report_sources(self) -> None:
        """Notifies the desk of sources that stopped or came back."""
        if await self._sources.report():
            self._wake()

    async def sweep(self) -> None:
        """Deletes messages that were sent long ago."""
        await asyncio.wrap_future(self._database.write(partial(deliveries.sweep, now_us=self._clock.wall_us())))

    async def send_heartbeat(self) -> None:
        """Calls the heartbeat address while everything works; its watcher notices when the calls stop."""
        fault = self._fault()
        if fault is not None:
            log.warning("no heartbeat is sent", fault=fault)
        elif self._parameters.heartbeat_url:
            import aiohttp

            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
                await _post(session, self._parameters.heartbeat_url, {"status": "alive"})


def pack_what_is_due(database: Database, keep: Keep) -> None:
    """Every hour and day that can be packed now."""
    while hours := database.read(compaction.due):
        for window_s, queues, start_us in hours:
            compaction.pack_hour(database, window_s, queues, start_us)
    newest = database.read(latest_us)
    if newest is None:
        return
    while (day := database.read(partial(compaction.quarters_due, latest_us=newest))) is not None:
        compaction.pack_day(database, day)
    database.write(partial(compaction.drop_old, latest_us=newest, keep=keep)).result()


def _escalate(connection: sqlite3.Connection, before_us: int, now_us: int) -> None:
    receivers = [
        (name, Preferences.model_validate_json(wishes))
        for name, wishes in connection.execute("SELECT id, wishes FROM subscriptions WHERE holder = ? AND paused_reason IS NULL", (DESK,))
    ]
    for alert_id, body in triage_actions.unattended(connection, before_us, now_us):
        triage_actions.add(connection, kind=ALERT, subject=alert_id, action="escalate", actor="highwater", now_us=now_us, detail={})
        for subscription, wishes in receivers:
            if wishes.escalations:
                outbox.put(connection, subscription, f"escalation:{alert_id}", "alert.unattended", body, now_us, wishes, urgent=True)


async def _every(pause_s: float, duty: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await duty()
        except Exception:
            log.exception("a periodic job failed; it will be repeated", duty=duty.__name__)
        await asyncio.sleep(pause_s)


async def _post(session: "aiohttp.ClientSession", url: str, body: Any) -> None:
    from aiohttp import ClientError

    try:
        async with session.post(url, json=body, allow_redirects=False) as answer:
            if answer.status >= 300:
                log.warning("a receiver refused", url=url, status=answer.status)
    except (ClientError, TimeoutError, OSError) as fault:
        log.warning("a receiver can't be reached", url=url, fault=str(fault))
