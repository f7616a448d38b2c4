"""Channels: one signed webhook call, one mail or chat message; each answers whether it arrived."""

import asyncio
import importlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from standardwebhooks import Webhook

from models.times import instant
from service.notify.target_policy import RefusedTargetError, socket_factory
from service.parameters import SubscriptionParameters
from service.store.subscriptions import Subscription

_ANSWER_READ = 65_536
GONE = 410


@dataclass(frozen=True, slots=True)
class Reply:
    """How a delivery ended."""

    delivered: bool
    status: int | None = None
    error: str | None = None


class Channels:
    """Sends; holds the one HTTP session that goes out. Create it inside the loop that uses it."""

    def __init__(self, parameters: SubscriptionParameters) -> None:
        self._parameters = parameters
        connector = aiohttp.TCPConnector(socket_factory=socket_factory(parameters), use_dns_cache=False, limit=40, force_close=True)
        timeout = aiohttp.ClientTimeout(total=parameters.timeout_s)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())

    async def send(self, subscription: Subscription, message_id: str, body: bytes, now_us: int) -> Reply:
        """One message by the subscription's channel."""
        if subscription.channel == "webhook":
            return await self._webhook(subscription, message_id, body, now_us)
        return await asyncio.to_thread(self._notify, subscription, body)

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def _webhook(self, subscription: Subscription, message_id: str, body: bytes, now_us: int) -> Reply:
        sent_at = instant(now_us)
        signatures = [Webhook(secret).sign(message_id, sent_at, body.decode()) for secret in subscription.signing(now_us)]
        headers = {
            "content-type": "application/json",
            "user-agent": "highwater",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_us // 1_000_000),
            "webhook-signature": " ".join(signatures),
        }
        try:
            async with self._session.post(subscription.target, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(_ANSWER_READ)
                if 200 <= answer.status < 300:
                    return Reply(delivered=True, status=answer.status)
                hint = " (redirects are not followed)" if 300 <= answer.status < 400 else ""
                return Reply(delivered=False, status=answer.status, error=f"answered {answer.status}{hint}")
        except TimeoutError:
            return Reply(delivered=False, error=f"no answer within {self._parameters.timeout_s:g} s")
        except (aiohttp.ClientError, RefusedTargetError, OSError, ValueError) as fault:
            return Reply(delivered=False, error=_plain(fault))

    def _notify(self, subscription: Subscription, body: bytes) -> Reply:
        try:
            apprise: Any = importlib.import_module("apprise")
        except ImportError:
            return Reply(delivered=False, error="mail and chat need the extra `notify`: install highwater[notify]")
        # One address is one service: `Apprise.add` would take a list of them, and with it any service inside.
        service = apprise.Apprise.instantiate(self._apprise_url(subscription))
        if service is None:
            return Reply(delivered=False, error="Apprise does not understand this address")
        # What an address may ask for in its query is ours to say.
        service.redirects, service.verify_certificate = False, True
        service.socket_connect_timeout = service.socket_read_timeout = self._parameters.timeout_s
        notifier = apprise.Apprise(service)
        title, text = worded(body)
        if notifier.notify(title=title, body=text):
            return Reply(delivered=True)
        return Reply(delivered=False, error="the service did not take the message")

    def _apprise_url(self, subscription: Subscription) -> str:
        if subscription.channel != "mail" or self._parameters.mail_url is None:
            return subscription.target
        relay = self._parameters.mail_url.get_secret_value()
        return f"{relay}{'&' if '?' in relay else '?'}to={quote(subscription.target, safe='@')}"


def worded(body: bytes) -> tuple[str, str]:
    """A message in words: title and text."""
    message = json.loads(body)
    data = message["data"]
    parts = data["items"] if message["type"] == "digest" else [message]
    lines = [
        f"{part['type']}: {part['data'].get('summary') or part['data'].get('title') or part['data'].get('text', '')}" for part in parts
    ]
    title = f"Highwater: {len(lines)} messages" if len(lines) > 1 else f"Highwater: {parts[0]['type'] if parts else 'nothing new'}"
    return title, "\n".join(lines)


def _plain(fault: Exception) -> str:
    inner = getattr(fault, "os_error", None) or fault.__cause__ or fault
    text = str(inner if isinstance(inner, RefusedTargetError) else fault)
    return text[:300] or type(fault).__name__
