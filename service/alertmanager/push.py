"""Alertmanager push: open alerts are sent again and again, because it takes silence for an end; ended ones are sent with their end.

Severity, category, envelope and incident are labels, so that routes, groups, silences and inhibitions can use them. If one of them
changes, Alertmanager sees another alert: the previous one is ended in the same post. Everything else that changes is an annotation.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from models.clock import Clock
from models.times import MINUTE_US, format_time
from service.store import records
from service.store.database import Database
from service.store.records import ALERT, INCIDENT

if TYPE_CHECKING:
    import aiohttp

RESEND_S = 60.0
LIVES_US = 4 * MINUTE_US
"""An alert that was not sent for this long has ended: the monitor is down, and its watchdog reports it."""
TIMEOUT_S = 10.0
log = structlog.get_logger()
SentAlerts = dict[str, dict[str, Any]]
"""Alert id → the alert as it was sent."""


class Pusher:
    """Sends all open alerts to every Alertmanager: at once after a change, else every minute."""

    def __init__(self, database: Database, urls: Sequence[str], public_url: str | None, clock: Clock) -> None:
        self._database, self._public_url, self._clock = database, public_url, clock
        self._receivers = [AlertmanagerClient(url) for url in urls]
        self.outcomes: Counter[str] = Counter(dict.fromkeys(("sent", "refused", "unreachable"), 0) if urls else {})

    async def push(self) -> None:
        """One round; call it every few seconds."""
        import aiohttp

        standing = await asyncio.to_thread(self._database.read, open_records)
        now = alert_payloads(standing, self._public_url)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            rounds = (receiver.send_alerts(session, now, self._clock) for receiver in self._receivers)
            self.outcomes.update(outcome for outcome in await asyncio.gather(*rounds) if outcome)


class AlertmanagerClient:
    """One Alertmanager, and the alerts that were sent to it."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self._sent: SentAlerts = {}
        self._sent_s = -RESEND_S

    async def send_alerts(self, session: "aiohttp.ClientSession", now: SentAlerts, clock: Clock) -> str | None:
        """`sent`, `refused`, `unreachable`, or None if nothing is due. Failed alerts are sent again in the next round."""
        from aiohttp import ClientError

        if not now and not self._sent:
            return None
        if now == self._sent and clock.steady_s() - self._sent_s < RESEND_S:
            return None
        ended = [alert for name, alert in self._sent.items() if name not in now or now[name]["labels"] != alert["labels"]]
        ends_us = clock.wall_us()
        body = [{**alert, "endsAt": format_time(ends_us + LIVES_US)} for alert in now.values()]
        body += [{**alert, "endsAt": format_time(max(ends_us, 0))} for alert in ended]
        try:
            async with session.post(self._url, json=body, allow_redirects=False) as answer:
                if answer.status >= 300:
                    log.warning("Alertmanager refused alerts", url=self._url, status=answer.status, answer=(await answer.text())[:200])
                    return "refused"
        except (ClientError, TimeoutError, OSError) as fault:
            log.warning("Alertmanager can't be reached", url=self._url, fault=str(fault))
            return "unreachable"
        self._sent, self._sent_s = now, clock.steady_s()
        return "sent"


def open_records(connection: Any) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Open alerts, and the open incidents by id."""
    alerts, incidents = (
        [json.loads(body) for *_, body in partial(records.standing_open, kind=kind)(connection)] for kind in (ALERT, INCIDENT)
    )
    return alerts, {incident["incident_id"]: incident for incident in incidents}


def alert_payloads(standing: tuple[Sequence[Mapping[str, Any]], Mapping[str, Mapping[str, Any]]], public_url: str | None) -> SentAlerts:
    """Every open alert in the form of Alertmanager's v2 API."""
    alerts, incidents = standing
    return {alert["alert_id"]: _alert(alert, incidents.get(alert["incident_id"] or ""), public_url) for alert in alerts}


def _alert(alert: Mapping[str, Any], incident: Mapping[str, Any] | None, public_url: str | None) -> dict[str, Any]:
    series = alert["series"]
    origin = incident is None or incident["origin_user"] == alert["user"]
    labels = {
        "alertname": f"Highwater{str(alert['kind']).capitalize()}",
        "alert_id": alert["alert_id"],
        "incident_id": alert["incident_id"],
        "kind": alert["kind"],
        "severity": alert["severity"],
        "category": str(alert["category"]),
        "envelope": alert["envelope"],
        "role": "origin" if origin else "collateral",
        "team": "triage",
        "user": alert["user"],
        "region": series.get("region"),
        "queue": series.get("queue"),
    }
    suspects = ", ".join(f"{suspect['change_id'] or suspect['owner']} ({suspect['verdict']})" for suspect in alert["suspects"])
    annotations = {
        "summary": alert["summary"],
        "sequence": str(alert["revision"]),
        "next_step": alert["next_step"],
        "contact": alert["contact"],
        "suspects": suspects,
        "category_reason": alert["category_reason"],
        "affected_users": ", ".join(alert["affected_users"]),
        "runbook_url": f"docs/runbooks/alert-{alert['kind']}.md",
    }
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": alert["onset_at"],
        **({"generatorURL": public_url} if public_url else {}),
    }
