"""Requests of one User: few are worked on at a time, whatever the number of its connections, and others' requests pass between them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.access import Share
from service.http.fair_shares import FairShares
from service.http.request_limits import Limits

END: Message = {"type": "http.request", "body": b"", "more_body": False}
ANSWER: list[Message] = [{"type": "http.response.start", "status": 200, "headers": []}, {"type": "http.response.body", "body": b""}]


class Application:
    """Answers as soon as its gate opens; notes who is worked on."""

    def __init__(self) -> None:
        self.gate, self.now, self.most, self.done = asyncio.Event(), 0, 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1
        self.done += 1
        for message in ANSWER:
            await send(message)


def share_of(request: Any) -> Share | None:
    name = request.headers.get("authorization")
    return Share(name, name.startswith("desk")) if name else None


async def arrived() -> Message:
    return END


def asking(shares: FairShares, who: str, *, path: str = "/v1/alerts", receive: Receive = arrived) -> "asyncio.Task[int]":
    async def asked() -> int:
        answer: list[Message] = []

        async def send(message: Message) -> None:
            answer.append(message)

        headers = [(b"authorization", who.encode())] if who else []
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers, "client": ("192.0.2.1", 1), "query_string": b""}
        await shares(scope, receive, send)
        return int(answer[0]["status"]) if answer else 0

    return asyncio.get_running_loop().create_task(asked())


async def rounds() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(scene: Callable[[Application, FairShares], Awaitable[None]]) -> None:
    async def played() -> None:
        application = Application()
        await scene(application, FairShares(application, share_of, at_once=2, waiting=5))

    asyncio.run(played())


@pytest.mark.parametrize(("who", "at_once"), [("user ACME", 2), ("", 2), ("desk", 8)])
def test_few_requests_of_a_share_are_worked_on_at_a_time_and_others_pass(who: str, at_once: int) -> None:
    async def scene(application: Application, shares: FairShares) -> None:
        flood = [asking(shares, who) for _ in range(at_once + 5)]
        await rounds()
        assert application.now == at_once
        other, lives = asking(shares, "user BOLT"), asking(shares, who, path="/healthz")
        await rounds()
        assert application.now == at_once + 2, "another User, and whether it lives, wait for none of them"
        assert await asking(shares, who) == 429, "one beyond those that may wait"
        assert await asking(shares, who, path="/v1/changes/ACME/test") == 429, "whatever its change is called"
        application.gate.set()
        assert {await one for one in (*flood, other, lives)} == {200}
        assert application.most == at_once + 2

    run(scene)


def test_those_who_ask_whether_it_lives_hold_up_nobody_else() -> None:
    async def scene(application: Application, shares: FairShares) -> None:
        flood = [asking(shares, "", path="/healthz") for _ in range(8)]
        await rounds()
        assert application.now == 2
        assert [one.result() for one in flood if one.done()] == [429]
        others = asking(shares, "user BOLT"), asking(shares, "")
        await rounds()
        assert application.now == 4
        application.gate.set()
        await asyncio.gather(*flood, *others)

    run(scene)


def test_a_request_whose_body_does_not_come_takes_nobody_s_turn() -> None:
    async def scene(application: Application, shares: FairShares) -> None:
        came = asyncio.Event()

        async def slowly() -> Message:
            await came.wait()
            return END

        slow = [asking(shares, "user ACME", receive=slowly) for _ in range(4)]
        await rounds()
        application.gate.set()
        assert await asking(shares, "user ACME") == 200
        came.set()
        assert {await one for one in slow} == {200}

    run(scene)


def test_a_client_that_went_away_while_its_request_waited_costs_no_work() -> None:
    async def scene(application: Application, shares: FairShares) -> None:
        def leaving() -> Receive:
            answer = [END]

            async def receive() -> Message:
                return answer.pop() if answer else {"type": "http.disconnect"}

            return receive

        first = [asking(shares, "user ACME") for _ in range(2)]
        await rounds()
        gone = [asking(shares, "user ACME", receive=leaving()) for _ in range(5)]
        await rounds()
        application.gate.set()
        assert [await one for one in (*first, *gone)] == [200, 200, 0, 0, 0, 0, 0]
        assert application.done == 2

    run(scene)


def test_requests_that_never_wait_are_not_all_answered_in_one_round_of_the_event_loop() -> None:
    async def scene(application: Application, shares: FairShares) -> None:
        application.gate.set()
        flood = [asking(shares, "user ACME") for _ in range(6)]
        for _ in range(4):
            await asyncio.sleep(0)
            assert application.done <= 4
        assert {await one for one in flood} == {200}

    run(scene)


def test_work_beyond_the_credit_is_paid_with_pauses_while_others_are_there() -> None:
    async def scene(application: Application, shares: FairShares) -> None:
        application.gate.set()
        assert await asking(shares, "user ACME") == 200
        acme = shares._requests["user ACME"]
        now_s = acme.seen_s
        assert shares._is_alone(acme, now_s), "nobody else is kept waiting"
        assert await asking(shares, "user BOLT") == 200
        assert not shares._is_alone(acme, now_s)
        acme.credit_s = 0.5
        assert acme.charge(0.25, now_s) == 0
        assert acme.charge(0.5, now_s) == 0.5, "half of the time is everybody else's"
        assert acme.charge(3600, now_s + 0.5) == 2, "one request is charged with a second at most"
        assert acme.charge(0, now_s + 3600) == 0

    run(scene)


@pytest.mark.parametrize(("path", "left_s"), [("/v1/alerts", 2.0), ("/page/app.js", 2.995)])
def test_a_file_of_the_page_costs_little_however_slow_the_machine(path: str, left_s: float) -> None:
    async def scene(application: Application, shares: FairShares) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time
        asked = asking(shares, "user ACME", path=path)
        await rounds()
        loop.time = lambda: before() + 60.0  # type: ignore[method-assign]
        application.gate.set()
        assert await asked == 200
        assert shares._requests["user ACME"].credit_s == pytest.approx(left_s)

    run(scene)


def test_what_a_request_waits_for_its_turn_is_not_the_time_of_its_client() -> None:
    async def played() -> list[Message]:
        loop = asyncio.get_running_loop()
        before, answer, more = loop.time, list[Message](), [False, True]

        async def arriving() -> Message:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"x", "more_body": more.pop()}

        async def waiting(_: Scope, receive: Receive, send: Send) -> None:
            await receive()
            loop.time = lambda: before() + 3600.0  # type: ignore[method-assign]
            await receive()
            for message in ANSWER:
                await send(message)

        async def send(message: Message) -> None:
            answer.append(message)

        await Limits(waiting, 100, 30.0)({"type": "http", "method": "POST", "path": "/v1/changes", "headers": []}, arriving, send)
        return answer

    assert asyncio.run(played())[0]["status"] == 200
