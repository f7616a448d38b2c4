"""Silence synchronisation: one round sends Highwater's silences to every Alertmanager, and reads people's silences from there."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from models.change import Change
from models.clock import Clock
from service.alertmanager.push import TIMEOUT_S, open_records
from service.alertmanager.silences import (
    Held,
    Silence,
    note,
    of_incidents,
    signature,
    silence_changes,
    silences_by_alert,
    snoozes,
    standing,
    to_post,
    wanted,
)
from service.store.database import Database
from service.store.records import ALERT, INCIDENT

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger()
_OURS_ONLY = {"filter": 'team="triage"'}


class Silencer:
    """Stores the last answer of each Alertmanager: one that can't be reached now has not lifted its silences."""

    def __init__(
        self, database: Database, urls: Sequence[str], changes: Callable[[], Iterable[Change]], clock: Clock, monitor_id: str
    ) -> None:
        """`monitor_id` distinguishes this monitor's silences from those of others on the same Alertmanager."""
        self._database, self._changes, self._clock = database, changes, clock
        self.ours = signature(monitor_id)
        """The prefix of `createdBy` in this monitor's silences."""
        self._last_answers: dict[str, Held | None] = {f"{url.rstrip('/')}/api/v2": None for url in urls}

    async def round(self) -> None:
        """Call it every few seconds."""
        import aiohttp

        now_us = self._clock.wall_us()
        snoozed = await asyncio.to_thread(self._database.read, partial(snoozes, now_us=now_us))
        wishes = wanted(self._changes(), snoozed, now_us, self.ours)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), raise_for_status=True) as session:
            # One after the other: members of a cluster exchange silences, so the next one already has those of the first.
            for url in self._last_answers:
                try:
                    self._last_answers[url] = await _exchange(session, url, wishes, now_us, self.ours)
                except (aiohttp.ClientError, TimeoutError, OSError) as fault:
                    log.warning("silences can't be exchanged with Alertmanager", url=url, fault=str(fault))
        if all(answer is not None for answer in self._last_answers.values()):
            await self._keep(now_us)

    async def _keep(self, now_us: int) -> None:
        by_alert: Held = {}
        for answer in self._last_answers.values():
            for name, silences in (answer or {}).items():
                by_alert.setdefault(name, {}).update(silences)
        alerts, _ = await asyncio.to_thread(self._database.read, open_records)
        incidents = of_incidents(alerts, by_alert)
        for kind, subjects, silences_of in (
            (ALERT, {alert["alert_id"] for alert in alerts}, by_alert),
            (INCIDENT, set(incidents), incidents),
        ):
            noted = await asyncio.to_thread(
                self._database.read, partial(silence_changes, kind=kind, subjects=subjects, silences_of=silences_of, now_us=now_us)
            )
            if noted:
                await asyncio.wrap_future(self._database.write(partial(note, kind=kind, noted=noted, now_us=now_us)))


async def _exchange(session: "aiohttp.ClientSession", url: str, wishes: dict[str, Silence], now_us: int, ours: str) -> Held:
    """Updates our silences there, and returns the alerts that people's silences hold."""
    silences = standing(await _asked(session, f"{url}/silences", {}))
    posted, ended = to_post(wishes, silences.values(), ours)
    for one in posted:
        async with session.post(f"{url}/silences", json=one.json(now_us)):
            log.info("silenced in Alertmanager", url=url, by=one.by)
    for one in ended:
        async with session.delete(f"{url}/silence/{one.silence_id}"):
            log.info("a silence in Alertmanager ended", url=url, by=one.by)
    return silences_by_alert(await _asked(session, f"{url}/alerts", _OURS_ONLY), silences)


async def _asked(session: "aiohttp.ClientSession", url: str, query: dict[str, str]) -> Any:
    async with session.get(url, params=query) as answer:
        return await answer.json()
