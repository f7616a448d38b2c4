"""The dispatcher: sends what is due from the outbox, tries again with growing pauses, and writes down how it went."""

import asyncio
import json
import random
import sqlite3
from collections.abc import Sequence
from functools import partial
from itertools import groupby

import structlog

from models.times import format_time
from service.auth.opaque_ids import OpaqueIds
from service.clock import Clock
from service.notify.channels import GONE, Channels, Reply
from service.parameters import SubscriptionParameters
from service.store import outbox, subscriptions
from service.store.database import Database
from service.store.outbox import Attempt, Message
from service.store.subscriptions import Subscription

_BATCH = 200
_LONGEST_SLEEP_S = 2.0
log = structlog.get_logger()


class Dispatcher:
    """Subscriptions are served side by side, the messages of one in order."""

    def __init__(
        self, database: Database, parameters: SubscriptionParameters, clock: Clock, chance: random.Random, places: OpaqueIds
    ) -> None:
        self._database, self._parameters, self._clock, self._chance = database, parameters, clock, chance
        self._places = places
        self._bell = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channels: Channels | None = None

    def wake_soon(self) -> None:
        """Something new may be due; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    async def run(self) -> None:
        """Send until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._channels = Channels(self._parameters)
        try:
            while True:
                self._bell.clear()
                if not await self.send_due():
                    try:
                        await asyncio.wait_for(self._bell.wait(), _LONGEST_SLEEP_S)
                    except TimeoutError:
                        continue
        finally:
            await self._channels.close()

    async def send_due(self) -> int:
        """One round; how many messages it dealt with."""
        now_us = self._clock.wall_us()
        due = await asyncio.to_thread(self._database.read, partial(outbox.due, now_us=now_us, limit=_BATCH))
        by_subscription = groupby(
            sorted(due, key=lambda message: (message.subscription, message.id)), key=lambda message: message.subscription
        )
        groups = [(name, list(messages)) for name, messages in by_subscription]
        for outcome in await asyncio.gather(*(self._serve(name, messages) for name, messages in groups), return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("messages could not be sent", fault=str(outcome))
        return len(due)

    async def test(self, subscription: Subscription) -> Reply:
        """One test message, now, whatever the wishes say; it stands in the delivery log."""
        now_us = self._clock.wall_us()
        text = json.dumps({"text": "This is a test message from Highwater.", "subscription": subscription.name})
        await asyncio.wrap_future(self._database.write(partial(_put_test, subscription=subscription, text=text.encode(), now_us=now_us)))
        waiting = await asyncio.to_thread(self._database.read, partial(_test_message, subscription=subscription.id, now_us=now_us))
        reply = await self._send(subscription, waiting.body, waiting.id)
        outcome = "delivered" if reply.delivered else "dead"
        attempt = Attempt(waiting, outcome, now_us, (self._clock.wall_us() - now_us) // 1000, reply.status, reply.error)
        await asyncio.wrap_future(self._database.write(partial(outbox.attempted, attempts=[attempt])))
        return reply

    async def _serve(self, name: str, messages: Sequence[Message]) -> None:
        subscription = await asyncio.to_thread(self._database.read, partial(subscriptions.by_id, subscription_id=name))
        if subscription is None:
            return
        for batch in _digests(subscription, messages):
            began_us = self._clock.wall_us()
            body = batch[0].body if len(batch) == 1 else _digest(batch, began_us)
            reply = await self._send(subscription, body, batch[0].id)
            took_ms = (self._clock.wall_us() - began_us) // 1000
            attempts = [self._attempt(message, reply, began_us, took_ms) for message in batch]
            await asyncio.wrap_future(self._database.write(partial(outbox.attempted, attempts=attempts)))
            if reply.status == GONE:
                why = "the target answered 410 Gone"
                await asyncio.wrap_future(self._database.write(partial(subscriptions.pause, subscription_id=name, why=why)))
            if not reply.delivered:
                return

    async def _send(self, subscription: Subscription, body: bytes, number: int) -> Reply:
        if self._channels is None:
            raise RuntimeError("the dispatcher does not run")
        message_id = self._places.message_id(subscription.holder, number)
        return await self._channels.send(subscription, message_id, body, self._clock.wall_us())

    def _attempt(self, message: Message, reply: Reply, at_us: int, took_ms: int) -> Attempt:
        if reply.delivered:
            return Attempt(message, "delivered", at_us, took_ms, reply.status)
        if reply.status == GONE or message.attempts + 1 >= self._parameters.attempts:
            return Attempt(message, "dead", at_us, took_ms, reply.status, reply.error)
        pause_s = min(self._parameters.longest_retry_s, self._parameters.first_retry_s * 4**message.attempts)
        next_us = at_us + int(pause_s * self._chance.uniform(0.8, 1.2) * 1_000_000)
        return Attempt(message, "retry", at_us, took_ms, reply.status, reply.error, next_us)


def _digests(subscription: Subscription, messages: Sequence[Message]) -> list[list[Message]]:
    """What leaves as one: everything that was gathered, but for what is urgent."""
    if not subscription.wishes.digest_s:
        return [[message] for message in messages]
    gathered = [message for message in messages if not message.urgent]
    return [*([message] for message in messages if message.urgent), *([gathered] if gathered else [])]


def _digest(batch: Sequence[Message], now_us: int) -> bytes:
    items = b",".join(message.body for message in batch)
    return b'{"type":"digest","timestamp":"' + format_time(now_us).encode() + b'","data":{"items":[' + items + b"]}}"


def _put_test(connection: sqlite3.Connection, subscription: Subscription, text: bytes, now_us: int) -> None:
    outbox.put(connection, subscription.id, f"test:{now_us}", "test", text, now_us, subscription.wishes, urgent=True)
    connection.execute("UPDATE outbox SET state = 'test' WHERE subscription = ? AND reference = ?", (subscription.id, f"test:{now_us}"))


def _test_message(connection: sqlite3.Connection, subscription: str, now_us: int) -> Message:
    row = connection.execute(
        "SELECT id, subscription, topic, body, urgent, created_us, due_us, attempts FROM outbox WHERE subscription = ? AND reference = ?",
        (subscription, f"test:{now_us}"),
    ).fetchone()
    return Message(*row)
