"""Channels: one signed webhook call, one page, one mail or chat message; each returns whether it arrived."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from standardwebhooks import Webhook

from models.times import format_time, instant
from service.notify import apprise_services, paging, wording
from service.notify.addresses import MACHINES, parse_chat
from service.notify.paging import Call, Page
from service.notify.target_policy import RefusedTargetError, socket_factory
from service.notify.wording import Item
from service.parameters import SubscriptionParameters
from service.store.messages.deliveries import Message
from service.store.subscriptions import Subscription

if TYPE_CHECKING:
    import aiohttp

_ANSWER_READ = 65_536
_THREADS = 16
GONE = 410


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a delivery."""

    delivered: bool
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the paging services; tests use their own."""

    pagerduty: str = paging.PAGERDUTY_URL
    opsgenie: str = paging.OPSGENIE_URL


class Channels:
    """Sends messages; owns the outgoing HTTP session and its threads. Create it inside the loop that uses it."""

    def __init__(self, parameters: SubscriptionParameters, public_url: str | None = None, endpoints: Endpoints | None = None) -> None:
        self._parameters, self._public_url, self._endpoints = parameters, public_url, endpoints or Endpoints()
        self._session: aiohttp.ClientSession | None = None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="notify")

    async def send(self, subscription: Subscription, message_id: str, parcel: Sequence[Message], now_us: int) -> Reply:
        """Sends one parcel by the subscription's channel. `parcel`: messages that are sent as one."""
        if subscription.channel == "webhook":
            body = parcel[0].body if len(parcel) == 1 else _digest(parcel, now_us)
            return await self._webhook(subscription, message_id, body, now_us)
        items = [item_of(message) for message in parcel]
        service = "mail" if subscription.channel == "mail" else subscription.target.partition("://")[0].lower()
        if service in MACHINES:
            return await self._page(subscription, parcel, items)
        letter = apprise_services.Letter(wording.subject(items), wording.body(items, self._link(subscription, items)), _thread_id(parcel))
        send = apprise_services.send
        return await asyncio.get_running_loop().run_in_executor(self._threads, _sent, send, self._parameters, subscription, letter)

    async def close(self) -> None:
        """Closes the session; a thread that still sends ends by its own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._session is not None:
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
        return await self._post(subscription.target, body, headers)

    async def _page(self, subscription: Subscription, parcel: Sequence[Message], items: Sequence[Item]) -> Reply:
        """One call per item, in order; the first failure ends the round."""
        address, reply = parse_chat(subscription.target), Reply(delivered=True)
        for message, item in zip(parcel, items, strict=True):
            call = self._call(address.service, address.arguments, _page_of(message, item, self._link(subscription, [item])))
            reply = await self._post(call.url, json.dumps(call.body).encode(), {"content-type": "application/json", **call.headers})
            if not reply.delivered:
                return reply
        return reply

    def _call(self, service: str, arguments: Any, page: Page) -> Call:
        if service == "pagerduty":
            return paging.pagerduty(page, arguments["routing_key"], self._endpoints.pagerduty)
        return paging.opsgenie(page, arguments["api_key"], self._endpoints.opsgenie)

    def _opened_session(self) -> "aiohttp.ClientSession":
        if self._session is None:
            import aiohttp

            sockets = socket_factory(self._parameters)
            connector = aiohttp.TCPConnector(socket_factory=sockets, use_dns_cache=False, limit=0, force_close=True)
            timeout = aiohttp.ClientTimeout(total=self._parameters.timeout_s)
            jar = aiohttp.DummyCookieJar()
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False, cookie_jar=jar)
        return self._session

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        from aiohttp import ClientError

        try:
            async with self._opened_session().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(_ANSWER_READ)
                if 200 <= answer.status < 300:
                    return Reply(delivered=True, status=answer.status)
                hint = " (redirects are not followed)" if 300 <= answer.status < 400 else ""
                return Reply(delivered=False, status=answer.status, error=f"answered {answer.status}{hint}")
        except TimeoutError:
            return Reply(delivered=False, error=f"no answer within {self._parameters.timeout_s:g} s")
        except (ClientError, RefusedTargetError, OSError, ValueError) as fault:
            return Reply(delivered=False, error=_plain(fault))

    def _link(self, subscription: Subscription, items: Sequence[Item]) -> str | None:
        """The address of the incident on the page (for a User: of its own page), if the operator configured the public address."""
        if not self._public_url:
            return None
        base, incident = self._public_url.rstrip("/"), items[0].record.get("incident_id")
        if "notice" in items[0].record:
            return f"{base}/calendar/{items[0].record['planned_start'][:10]}"
        return f"{base}/incident/{quote(str(incident), safe='')}" if incident and not subscription.holder else f"{base}/"


def item_of(message: Message) -> Item:
    """The content of a stored message."""
    return Item(message.topic, json.loads(message.body)["data"])


def _sent(send: Any, parameters: SubscriptionParameters, subscription: Subscription, letter: apprise_services.Letter) -> Reply:
    error = send(parameters, subscription.channel, subscription.target, letter)
    return Reply(delivered=error is None, error=error)


def _page_of(message: Message, item: Item, link: str | None) -> Page:
    record = item.record
    return Page(
        dedup_key=str(record.get("alert_id") or record.get("incident_id") or message.subject or message.id),
        sequence=message.sequence,
        is_over=item.is_over,
        severity=str(record.get("severity") or "info"),
        subject=wording.subject([item]),
        text=wording.body([item], None),
        source=str(record.get("user") or "Highwater"),
        link=link,
    )


def _thread_id(parcel: Sequence[Message]) -> str | None:
    """The id that joins the mails of one incident in a reader's view; it reveals nothing."""
    first = parcel[0]
    return sha256(f"{first.subscription}/{first.thread}".encode()).hexdigest()[:32] if first.thread else None


def _digest(parcel: Sequence[Message], now_us: int) -> bytes:
    items = b",".join(message.body for message in parcel)
    return b'{"type":"digest","timestamp":"' + format_time(now_us).encode() + b'","data":{"items":[' + items + b"]}}"


def _plain(fault: Exception) -> str:
    inner = getattr(fault, "os_error", None) or fault.__cause__ or fault
    text = str(inner if isinstance(inner, RefusedTargetError) else fault)
    return text[:300] or type(fault).__name__
