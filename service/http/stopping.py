"""Stopping: a request that a stop has waited for long enough is answered."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import answer


class AnsweredAtStop:
    """Answers 503 to a request that is cancelled before its answer began; only a stop cancels requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if scope["type"] != "http" or has_begun:
                raise
            detail = "the monitor is stopping: send this again later"
            await answer(503, detail, {"Retry-After": "5", "Connection": "close"})(scope, receive, send)
