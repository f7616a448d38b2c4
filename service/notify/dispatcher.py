"""The dispatcher: sends due messages from the outbox, one task per subscription, and records the results."""

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import structlog

from models.clock import Clock
from service.auth.opaque_ids import OpaqueIds
from service.notify.channels import GONE, Channels, Endpoints, Reply
from service.parameters import SubscriptionParameters
from service.store import subscriptions
from service.store.database import Database
from service.store.messages import deliveries, outbox, subscribers
from service.store.messages.deliveries import Attempt, Message
from service.store.subscriptions import Subscription

T = TypeVar("T")
_LONGEST_SLEEP_S = 2.0
_FINISHING_S = 5.0
"""How long a stop waits for what is being sent: a message that left and was not noted would be sent again at the next start."""
log = structlog.get_logger()


class Dispatcher:
    """One task per subscription, so that a slow endpoint delays nobody else; each sends one parcel after the other."""

    def __init__(
        self,
        database: Database,
        parameters: SubscriptionParameters,
        clock: Clock,
        chance: random.Random,
        ids: OpaqueIds,
        public_url: str | None = None,
        endpoints: Endpoints | None = None,
    ) -> None:
        self._database, self._parameters, self._clock, self._chance, self._ids = database, parameters, clock, chance, ids
        self._public_url, self._endpoints = public_url, endpoints
        self._bell = asyncio.Event()
        self._channels: Channels | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_stopping = False
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="outbox")
        self._loop: asyncio.AbstractEventLoop | None = None

    def wake_soon(self) -> None:
        """Wakes the dispatcher because a message may be due; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._bell.set)

    async def run(self) -> None:
        """Send until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._channels = Channels(self._parameters, self._public_url, self._endpoints)
        try:
            while True:
                self._bell.clear()
                await self.start_due()
                try:
                    await asyncio.wait_for(self._bell.wait(), _LONGEST_SLEEP_S)
                except TimeoutError:
                    continue
        finally:
            self._is_stopping = True
            tasks = list(self._tasks.values())
            if tasks:
                await asyncio.wait(tasks, timeout=_FINISHING_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._channels.close()

    async def start_due(self) -> None:
        """Starts a task for every subscription that has something to send and no running task."""
        due = await self._read(partial(deliveries.subscriptions_due, now_us=self._clock.wall_us()))
        for name, _ in due:
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._serve(name))

    async def test(self, subscription: Subscription) -> Reply:
        """Sends one test message now, whatever the preferences are; it appears in the delivery log."""
        now_us = self._clock.wall_us()
        text = json.dumps({"text": "This is a test message from Highwater.", "subscription": subscription.name})
        await asyncio.wrap_future(self._database.write(partial(_put_test, subscription=subscription, text=text.encode(), now_us=now_us)))
        waiting = await self._read(partial(_test_message, subscription=subscription.id, now_us=now_us))
        reply = await self._send(subscription, [waiting])
        outcome = "delivered" if reply.delivered else "dead"
        attempt = Attempt(waiting, outcome, now_us, (self._clock.wall_us() - now_us) // 1000, reply.status, reply.error)
        await asyncio.wrap_future(self._database.write(partial(deliveries.record_attempts, attempts=[attempt])))
        return reply

    async def _serve(self, name: str) -> None:
        try:
            while await self._send_next(name) and not self._is_stopping:
                pass
        except Exception:
            log.exception("messages could not be sent; they are tried again", subscription=name)
        finally:
            del self._tasks[name]

    async def _send_next(self, name: str) -> bool:
        """Sends the next parcel of a subscription; returns whether another one may follow at once."""
        subscription = await self._read(partial(subscriptions.by_id, subscription_id=name))
        if subscription is None:
            return False
        began_us = self._clock.wall_us()
        choose = partial(
            deliveries.next_parcel,
            subscription=name,
            now_us=began_us,
            to_people=subscribers.is_to_people(subscription.channel, subscription.target),
            gathers=bool(subscription.wishes.digest_s),
        )
        parcel = await self._read(choose)
        if not parcel:
            return False
        reply = await self._send(subscription, parcel)
        took_ms = (self._clock.wall_us() - began_us) // 1000
        attempts = [self._attempt(subscription, message, reply, began_us, took_ms) for message in parcel]
        await asyncio.wrap_future(self._database.write(partial(deliveries.record_attempts, attempts=attempts)))
        if reply.status == GONE:
            why = "the target answered 410 Gone"
            await asyncio.wrap_future(self._database.write(partial(subscriptions.pause, subscription_id=name, why=why)))
        if not reply.delivered:
            pause_s = max(0.0, (attempts[0].next_us - self._clock.wall_us()) / 1e6)
            asyncio.get_running_loop().call_later(min(pause_s, _LONGEST_SLEEP_S) + 0.001, self._bell.set)
        return reply.delivered

    async def _send(self, subscription: Subscription, parcel: Sequence[Message]) -> Reply:
        if self._channels is None:
            raise RuntimeError("the dispatcher does not run")
        message_id = self._ids.message_id(subscription.holder, parcel[0].id)
        return await self._channels.send(subscription, message_id, parcel, self._clock.wall_us())

    def _attempt(self, subscription: Subscription, message: Message, reply: Reply, at_us: int, took_ms: int) -> Attempt:
        if reply.delivered:
            return Attempt(message, "delivered", at_us, took_ms, reply.status)
        pause_s = min(self._parameters.longest_retry_s, self._parameters.first_retry_s * 4 ** min(subscription.failures, 20))
        next_us = at_us + int(pause_s * self._chance.uniform(0.8, 1.2) * 1_000_000)
        # An end is retried as long as it is stored: without it the receiver stays alarmed.
        lasting = bool(message.subject) and message.topic.endswith(".resolved")
        dead = reply.status == GONE or (message.attempts + 1 >= self._parameters.attempts and not lasting)
        return Attempt(message, "dead" if dead else "retry", at_us, took_ms, reply.status, reply.error, next_us)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._database.read, query)


def _put_test(connection: sqlite3.Connection, subscription: Subscription, text: bytes, now_us: int) -> None:
    outbox.put(connection, subscription.id, f"test:{now_us}", "test", text, now_us, subscription.wishes, urgent=True)
    connection.execute("UPDATE outbox SET state = 'test' WHERE subscription = ? AND reference = ?", (subscription.id, f"test:{now_us}"))


def _test_message(connection: sqlite3.Connection, subscription: str, now_us: int) -> Message:
    row = connection.execute(
        "SELECT id, subscription, topic, body, urgent, created_us, due_us, attempts FROM outbox WHERE subscription = ? AND reference = ?",
        (subscription, f"test:{now_us}"),
    ).fetchone()
    return Message(*row)
